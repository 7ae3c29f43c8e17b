"""Pages of monitoring data: by cursor, since nobody counts or skips in a table that grows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from monitoring import newest_first
from monitoring.api.moments import parse_moment
from websites.api.pagination import BoundedPageSize

# A bigint's digits.
DIGITS_CAP = 19


class MonitoringDataPagination(BoundedPageSize, CursorPagination):
    """Newest first: along the index of the one website that is named, else along the primary key.

    Answers `{next, previous, results}`.
    """

    cursor_query_description = "From `next` or `previous` of another page."
    invalid_cursor_message = "This cursor is not one of this list."

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        one_website = request.query_params.get("website_id") or request.query_params.get("website_url")
        return ("-entry_timestamp", "-id") if one_website else ("-id",)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.ordering = self.get_ordering(request, queryset, view)
        for since in self._looks(request):
            page: list[Any] | None = super().paginate_queryset(
                queryset.filter(entry_timestamp__gte=since), request, view
            )
            if self.has_next:
                return page
        everything: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return everything

    def _looks(self, request: Request) -> Iterable[datetime]:
        """Since when to look for a page, before it is everywhere."""
        cursor = self.decode_cursor(request)
        if self.ordering[0] != "-entry_timestamp" or (cursor is not None and cursor.reverse):
            return ()
        return newest_first.looks(parse_moment(str(cursor.position)) if cursor and cursor.position else None)

    def decode_cursor(self, request: Request) -> Any:
        """The cursor; raises `NotFound` where its position could not have come from this list."""
        cursor = super().decode_cursor(request)
        if cursor is None or cursor.position is None:
            return cursor
        position = str(cursor.position)
        if self.ordering[0] == "-id":
            valid = position.isdecimal() and len(position) <= DIGITS_CAP
        else:
            valid = parse_moment(position) is not None
        if not valid:
            raise NotFound(self.invalid_cursor_message)
        return cursor
