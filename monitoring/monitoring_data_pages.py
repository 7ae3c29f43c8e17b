"""Pages of monitoring data, newest first, without counting and without skipping rows.

A page begins after (or ends before) a row named in the address, so that the thousandth page costs
what the first does: https://use-the-index-luke.com/no-offset
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from monitoring import newest_first
from monitoring.models import MonitoringData

# Names in the address: the positions, and the filter that leaves one website.
OLDER, NEWER, WEBSITE = "older", "newer", "website"
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Position:
    """A row's place in the order, as it stands in an address: microseconds since 1970, a dot, the id."""

    moment: datetime
    pk: int

    @classmethod
    def of(cls, row: MonitoringData) -> Self:
        return cls(row.entry_timestamp, row.pk)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `IncorrectLookupParameters` for what is no position."""
        try:
            microseconds, pk = map(int, text.split("."))
            return cls(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds), min(max(pk, 0), MAX_ID))
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def __str__(self) -> str:
        return f"{(self.moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)}.{self.pk}"


class MonitoringDataChangeList(ChangeList):
    """A page of rows with the addresses of the newer and the older page, None where there is none."""

    newer_url: str | None = None
    older_url: str | None = None
    _older: str | None
    _newer: str | None

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[MonitoringData]:
        self._older, self._newer = (self._take(name) for name in (OLDER, NEWER))
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[MonitoringData]) -> list[Any]:
        # The index that finds one website's rows has them by time; all websites' rows have only their id.
        return ["-entry_timestamp", "-pk"] if self._of_one_website else ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        rows = self._rows()
        self.result_list = rows
        # Without a total there is nothing to say about it, nor to number pages by.
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(rows, self.list_per_page)

    @property
    def _of_one_website(self) -> bool:
        return bool(self.query) or WEBSITE in self.params

    @property
    def newest_url(self) -> str:
        return self.get_query_string()

    def _take(self, name: str) -> str | None:
        self.params.pop(name, None)
        values = self.filter_params.pop(name, None)
        return values[-1] if values else None

    def _rows(self) -> list[MonitoringData]:
        size = self.list_per_page
        if self._newer:
            rows = list(self.queryset.filter(self._after(self._newer)).reverse()[: size + 1])
            if len(rows) > size:
                return self._with_links(rows[size - 1 :: -1], newer=True, older=True)
        older = self._after(self._older, backwards=True) if self._older else Q()
        rows = self._first(self.queryset.filter(older), size + 1)
        return self._with_links(rows[:size], newer=bool(self._older), older=len(rows) > size)

    def _first(self, rows: QuerySet[MonitoringData], count: int) -> list[MonitoringData]:
        if not self._of_one_website:
            return list(rows[:count])
        return newest_first.first(rows, count, Position.parse(self._older).moment if self._older else None)

    def _with_links(self, rows: list[MonitoringData], *, newer: bool, older: bool) -> list[MonitoringData]:
        if newer:
            self.newer_url = self.get_query_string({NEWER: Position.of(rows[0])} if rows else {})
        if older:
            self.older_url = self.get_query_string({OLDER: Position.of(rows[-1])})
        return rows

    def _after(self, text: str, *, backwards: bool = False) -> Q:
        """The rows newer than a position, or older ones."""
        position, sign = Position.parse(text), "lt" if backwards else "gt"
        beyond = Q((f"pk__{sign}", position.pk))
        if not self._of_one_website:
            return beyond
        moment = Q(entry_timestamp=position.moment)
        # The first term says nothing new, but is what the index can begin at.
        return Q((f"entry_timestamp__{sign}e", position.moment)) & (
            (moment & beyond) | Q((f"entry_timestamp__{sign}", position.moment))
        )
