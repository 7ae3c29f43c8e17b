"""Pages of monitoring data: by cursor, since nobody counts or skips in a table that grows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from monitoring import newest_first
from monitoring.api.filters import MonitoringDataFilter, are_common
from monitoring.api.moments import parse_moment
from monitoring.models import MonitoringData
from websites.api.pagination import BoundedPageSize

# A bigint's digits.
DIGITS_CAP = 19
# Checks that are looked through for one page of what no index has.
LOOKED_THROUGH = 100_000
# Parameters that leave what lies together in an index.
TOGETHER = ("website_url", "website_id", "since", "until")


class MonitoringDataPagination(BoundedPageSize, CursorPagination):
    """Newest first: along the index of the one website that is named, else along the primary key.

    Answers `{next, previous, results}`. A page of what may be rare, and is in no index, ends after so many checks
    looked through, however few were found: the next one goes on from there.
    """

    cursor_query_description = "From `next` or `previous` of another page."
    invalid_cursor_message = "This cursor is not one of this list."
    # Where looking for this page ended, while there may be more.
    _goes_on: Cursor | None = None

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        one_website = request.query_params.get("website_id") or request.query_params.get("website_url")
        return ("-entry_timestamp", "-id") if one_website else ("-id",)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.ordering = self.get_ordering(request, queryset, view)
        if are_common(request.query_params) or self._is_buried(request):
            return self._look_through(queryset, request, view)
        for since in self._looks(request):
            page: list[Any] | None = super().paginate_queryset(
                queryset.filter(entry_timestamp__gte=since), request, view
            )
            if self.has_next:
                return page
        everything: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return everything

    def _is_buried(self, request: Request) -> bool:
        """Whether SQLite would look through all checks of a website: it goes by one index, the one of their order."""
        return settings.IS_SQLITE and self.ordering[0] != "-id" and "http_status" in request.query_params

    def get_next_link(self) -> str | None:
        if self._goes_on is None or self._goes_on.reverse:
            return super().get_next_link()
        return self.encode_cursor(self._goes_on)

    def get_previous_link(self) -> str | None:
        if self._goes_on is None or not self._goes_on.reverse:
            return super().get_previous_link()
        return self.encode_cursor(self._goes_on)

    def _look_through(self, queryset: Any, request: Request, view: Any) -> list[Any] | None:
        cursor = self.decode_cursor(request)
        reverse = cursor is not None and cursor.reverse
        edge = self._edge(request, cursor.position if cursor else None, reverse=reverse)
        if edge is not None:
            queryset = queryset.filter(**{f"{self.ordering[0][1:]}__{'lte' if reverse else 'gte'}": edge})
        page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        if edge is not None and not (self.has_previous if reverse else self.has_next):
            self._goes_on = Cursor(0, reverse, cast("Any", str(edge)))
            self.display_page_controls = True
        return page

    def _edge(self, request: Request, position: str | None, *, reverse: bool) -> Any:
        """Up to where to look from a position (None: from the newest); None where that is all there is."""
        names = {name: request.query_params[name] for name in TOGETHER if name in request.query_params}
        rows = MonitoringDataFilter(names, queryset=MonitoringData.objects.all(), request=request).qs
        field = self.ordering[0][1:]
        if position is not None:
            rows = rows.filter(**{f"{field}__{'gt' if reverse else 'lt'}": position})
        rows = rows.order_by(field if reverse else f"-{field}").values_list(field, flat=True)
        return next(iter(rows[LOOKED_THROUGH : LOOKED_THROUGH + 1]), None)

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
