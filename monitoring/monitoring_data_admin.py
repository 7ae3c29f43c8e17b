"""Monitoring data in the admin: read only, newest first, fast however many rows there are."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from monitoring import admin_display as display
from monitoring import partitions
from monitoring.models import CheckError, MonitoringData, Outcome
from monitoring.monitoring_data_pages import WEBSITE, MonitoringDataChangeList
from websites.models import Website
from websites.plain_text import inert
from websites.validators import normalise_url

# A row is written at most so long after its check began: ids follow time as closely as this.
WRITING_DELAY = timedelta(minutes=2)


class WebsiteFilter(admin.SimpleListFilter):
    """One website's rows; shown where an address names a website, for there may be very many."""

    title = "website"
    parameter_name = WEBSITE

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
        if value == "none":
            return queryset.filter(error="")
        # The condition of the index of rare errors, without which SQLite does not use it.
        errors = queryset.filter(error__gt="")
        if value == "any":
            return errors
        return errors.filter(error=value) if value in CheckError.values else queryset


class OutcomeFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return list(Outcome.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[MonitoringData]) -> QuerySet[MonitoringData]:
        value = self.value()
        rows = queryset.filter(outcome=value) if value in Outcome.values else queryset
        # As above, of the index of what is not up.
        return rows.exclude(outcome=Outcome.UP) if value in (Outcome.DOWN, Outcome.UNKNOWN) else rows


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
    rows = partitions.rows_since(moment).order_by("pk")
    # Two looks at the ends of the index: SQLite reads the whole table for both in one query.
    oldest, newest = rows.first(), rows.last()
    low, high = (oldest.pk, newest.pk + 1) if oldest and newest else (0, 0)
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
    list_display = ("checked_at", "outcome_shown", "answer", "website_url", "response_time_text", "matches")
    list_filter = (WebsiteFilter, OutcomeFilter, ErrorFilter, SinceFilter)
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
            {
                "fields": (
                    "website_url",
                    "exactly_checked_at",
                    "due_at",
                    "outcome_shown",
                    "answer",
                    "detail",
                    "all_matches",
                )
            },
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

    @admin.display(description="outcome")
    def outcome_shown(self, check: MonitoringData) -> str:
        return display.state(check.outcome)

    @admin.display(description="detail")
    def detail(self, check: MonitoringData) -> str:
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
