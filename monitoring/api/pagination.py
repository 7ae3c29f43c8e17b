"""Pages of monitoring data: by cursor, since nobody counts or skips in a table that grows."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

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
