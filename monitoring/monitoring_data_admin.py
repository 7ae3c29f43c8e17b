"""Monitoring data in the admin: read only, newest first, a page at a time without counting.

A page begins after (or ends before) a row named in the address, so that the thousandth page costs
what the first does: https://use-the-index-luke.com/no-offset
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Max, Min, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from monitoring import admin_display as display
from monitoring.models import CheckError, MonitoringData
from websites.models import Website
from websites.plain_text import inert
from websites.validators import normalise_url

OLDER, NEWER = "older", "newer"
# A row is written at most so long after its check began: ids follow time as closely as this.
WRITING_DELAY = timedelta(minutes=2)
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
    _older: str | None = None
    _newer: str | None = None

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
        return bool(self.query) or WebsiteFilter.parameter_name in self.params

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
        rows = list(self.queryset.filter(older)[: size + 1])
        return self._with_links(rows[:size], newer=bool(self._older), older=len(rows) > size)

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


class WebsiteFilter(admin.SimpleListFilter):
    """One website's rows; shown where an address names a website, for there may be very many."""

    title = "website"
    parameter_name = "website"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        value = self.value()
        if value is None:
            return []
        url = Website.objects.filter(pk=_website_id(value)).values_list("website_url", flat=True).first()
        return [(value, "No such website" if url is None else display.short(url))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MonitoringData]) -> QuerySet[MonitoringData]:
        return queryset if self.value() is None else queryset.filter(website=_website_id(self.value() or ""))


class ErrorFilter(admin.SimpleListFilter):
    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("none", "No error"), ("any", "Any error"), *CheckError.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MonitoringData]) -> QuerySet[MonitoringData]:
        value = self.value()
        if value == "any":
            return queryset.exclude(error="")
        if value == "none":
            return queryset.filter(error="")
        return queryset.filter(error=value) if value in CheckError.values else queryset


class SinceFilter(admin.SimpleListFilter):
    title = "checked"
    parameter_name = "since"
    windows: ClassVar[dict[str, tuple[str, timedelta]]] = {
        "15m": ("Last 15 minutes", timedelta(minutes=15)),
        "1h": ("Last hour", timedelta(hours=1)),
        "24h": ("Last 24 hours", timedelta(hours=24)),
        "7d": ("Last 7 days", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self.windows.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MonitoringData]) -> QuerySet[MonitoringData]:
        if self.value() not in self.windows:
            return queryset
        since = timezone.now() - self.windows[self.value() or ""][1]
        return queryset.filter(entry_timestamp__gte=since, pk__gte=first_id_since(since - WRITING_DELAY))


def first_id_since(moment: datetime) -> int:
    """About the first id written at that moment, by halving the range of ids.

    A search by time that finds too few rows would read the whole table to its beginning; an id
    ends it where the time does.
    """
    rows = MonitoringData.objects.order_by("pk")
    ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
    low, high = (ends["first"], ends["last"] + 1) if ends["last"] is not None else (0, 0)
    while low < high:
        middle = (low + high) // 2
        pk, timestamp = rows.filter(pk__gte=middle).values_list("pk", "entry_timestamp")[0:1].get()
        if timestamp < moment:
            low = pk + 1
        else:
            high = middle
    return low


@admin.register(MonitoringData)
class MonitoringDataAdmin(admin.ModelAdmin[MonitoringData]):
    list_display = ("checked_at", "answer", "website_url", "response_time_text", "matches")
    list_filter = (WebsiteFilter, ErrorFilter, SinceFilter)
    list_select_related = ("website",)
    list_per_page = 50
    sortable_by = ()
    search_fields = ("website",)
    search_help_text = "A website's ID or its whole URL"
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = None
    fieldsets = (
        (
            None,
            {"fields": ("website_url", "exactly_checked_at", "due_at", "answer", "error_detail_text", "all_matches")},
        ),
        ("Durations", {"fields": ("response_time_text", "dns", "connect", "tls", "first_byte")}),
        (None, {"fields": ("remote_ip",)}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MonitoringDataChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MonitoringData], search_term: str
    ) -> tuple[QuerySet[MonitoringData], bool]:
        return (queryset.filter(website=_website_id(search_term)) if search_term.strip() else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: MonitoringData | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: MonitoringData | None = None) -> bool:
        return False

    @admin.display(description="checked at")
    def checked_at(self, check: MonitoringData) -> str:
        return display.utc(check.entry_timestamp)

    @admin.display(description="checked at")
    def exactly_checked_at(self, check: MonitoringData) -> str:
        return display.exact_utc(check.entry_timestamp)

    @admin.display(description="due at")
    def due_at(self, check: MonitoringData) -> str:
        return display.exact_utc(check.scheduled_at)

    @admin.display(description="website")
    def website_url(self, check: MonitoringData) -> str:
        url = reverse("admin:websites_website_change", args=[check.website_id])
        return format_html('<a href="{}">{}</a>', url, display.short(check.website.website_url))

    @admin.display(description="answer")
    def answer(self, check: MonitoringData) -> str:
        return display.answer(check)

    @admin.display(description="error detail")
    def error_detail_text(self, check: MonitoringData) -> str:
        return inert(check.error_detail) or display.NOTHING

    @admin.display(description="matches")
    def matches(self, check: MonitoringData) -> str:
        return display.matches_in_brief(check)

    @admin.display(description="matches")
    def all_matches(self, check: MonitoringData) -> str:
        return display.matches_in_full(check)

    @admin.display(description="response time")
    def response_time_text(self, check: MonitoringData) -> str:
        return display.duration(check.response_time)

    @admin.display(description="DNS")
    def dns(self, check: MonitoringData) -> str:
        return display.duration(check.dns_time)

    @admin.display(description="connect")
    def connect(self, check: MonitoringData) -> str:
        return display.duration(check.connect_time)

    @admin.display(description="TLS")
    def tls(self, check: MonitoringData) -> str:
        return display.duration(check.tls_time)

    @admin.display(description="first byte")
    def first_byte(self, check: MonitoringData) -> str:
        return display.duration(check.first_byte_time)


def _website_id(text: str) -> int:
    """The website with this id or exactly this URL; 0, which no website has, where there is none."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    try:
        url = normalise_url(text)
    except ValidationError:
        return 0
    return Website.objects.filter(website_url=url).values_list("pk", flat=True).first() or 0
