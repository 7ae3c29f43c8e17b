"""Websites in the admin: what `websites.admin` has, and what watching them shows."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_celery_beat.models import PeriodicTask

from monitoring import admin_display as display
from monitoring import schedule
from monitoring.current import in_state, latest_checks, state_of
from monitoring.models import State
from monitoring.website_page.header import open_url
from monitoring.website_page.report import report
from websites.admin import BaseWebsiteAdmin
from websites.models import Website, WebsiteQuerySet

# How many of the websites to delete the confirmation names.
NAMED_DELETIONS = 100


class WebsiteChangeList(ChangeList):
    """A page of websites, each with its newest check as `newest_check`."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        websites = list(self.result_list)
        checks = latest_checks([website.pk for website in websites])
        for website in websites:
            website.newest_check = checks.get(website.pk)
        self.result_list = websites


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Website]) -> QuerySet[Website]:
        value = self.value() or ""
        return in_state(cast("WebsiteQuerySet", queryset), value) if value in State.values else queryset


@admin.register(Website)
class WebsiteAdmin(BaseWebsiteAdmin):
    list_display = ("state", "url", "last_answer", "last_response_time", "last_checked", "every", "open_website")
    list_display_links = ("url",)
    list_per_page = 50
    list_filter: ClassVar[Any] = (StateFilter, *BaseWebsiteAdmin.list_filter)
    actions = ("check_now", "pause", "resume")
    # The website's page has a link of its own, that tells the website nothing of where it stood.
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Website]:
        return super().get_queryset(request).select_related("current_state")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WebsiteChangeList

    @admin.display(description="URL", ordering="website_url")
    def url(self, website: Website) -> str:
        return display.short(website.website_url)

    @admin.display(description="state", ordering="current_state__state")
    def state(self, website: Website) -> SafeString:
        return display.state(state_of(website))

    @admin.display(description="last answer")
    def last_answer(self, website: Any) -> str:
        return display.answer(website.newest_check)

    @admin.display(description="response time")
    def last_response_time(self, website: Any) -> str:
        return display.duration(website.newest_check and website.newest_check.response_time)

    @admin.display(description="last checked")
    def last_checked(self, website: Any) -> str:
        return display.moment(website.newest_check and website.newest_check.entry_timestamp)

    @admin.display(description="interval", ordering="monitoring_interval")
    def every(self, website: Website) -> str:
        return f"{website.monitoring_interval} s"

    @admin.display(description="open")
    def open_website(self, website: Website) -> str:
        address = open_url(website)
        if not address:
            return display.NOTHING
        return format_html(
            '<a href="{}" target="_blank" rel="noopener noreferrer" aria-label="Open the website in a new tab">↗</a>',
            address,
        )

    @admin.action(description="Check now", permissions=["change"])
    def check_now(self, request: HttpRequest, queryset: QuerySet[Website]) -> None:
        website_ids = list(queryset.order_by().values_list("pk", flat=True))
        marked = schedule.request_check(website_ids)
        self.message_user(request, f"{_websites(marked)} will be checked at once.", messages.SUCCESS)
        if marked < len(website_ids):
            passed_over = f"{_websites(len(website_ids) - marked)} passed over: a paused website is not checked."
            self.message_user(request, passed_over, messages.WARNING)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Website]) -> None:
        count = _set_active(queryset, active=False)
        self.message_user(request, f"{_websites(count)} paused.", messages.SUCCESS)

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Website]) -> None:
        count = _set_active(queryset, active=True)
        self.message_user(request, f"{_websites(count)} resumed.", messages.SUCCESS)

    def get_deleted_objects(
        self, objs: QuerySet[Website] | Sequence[Website], request: HttpRequest
    ) -> tuple[list[Any], dict[str, Any], set[str], list[str]]:
        """Websites by name, their checks in a word: there may be millions, which go with their website in any case."""
        count = objs.count() if isinstance(objs, QuerySet) else len(objs)
        named: list[Any] = [_link(website) for website in objs[:NAMED_DELETIONS]]
        if count > len(named):
            named.append(f"and {count - len(named)} more")
        counts = {"websites": count, "monitoring data": "all of theirs", "periodic tasks": count}
        lacking = set() if self.has_delete_permission(request) else {"website"}
        return named, counts, lacking, []

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Website]) -> None:
        Website.objects.filter(pk__in=queryset.order_by().values("pk")).delete()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        website = self.get_object(request, unquote(object_id))
        watching = {} if website is None else _watching(request, website)
        return super().change_view(request, object_id, form_url, watching | (extra_context or {}))


def _watching(request: HttpRequest, website: Website) -> dict[str, Any]:
    """What the website's page shows of watching it, as far as this user may see it."""
    shown: dict[str, Any] = {
        "report": report(request.user, website, request.GET.get("range")),
        # It is below the form.
        "range_anchor": "#report",
        "page_url": reverse("site", args=[website.pk]),
        "open_url": open_url(website),
        "can_check": website.is_active and request.user.has_perm("websites.change_website"),
    }
    if request.user.has_perm("django_celery_beat.view_periodictask"):
        task = PeriodicTask.objects.filter(name=schedule.task_name(website.pk)).values_list("pk", flat=True).first()
        shown["task_url"] = task and reverse("admin:django_celery_beat_periodictask_change", args=[task])
    return shown


def _set_active(queryset: QuerySet[Website], *, active: bool) -> int:
    """Pause or resume those of the websites that are not so already; returns how many."""
    others = queryset.order_by().exclude(is_active=active).values("pk")
    return Website.objects.filter(pk__in=others).update(is_active=active)


def _link(website: Website) -> SafeString:
    url = reverse("admin:websites_website_change", args=[website.pk])
    return format_html('<a href="{}">{}</a>', url, display.short(website.website_url))


def _websites(count: int) -> str:
    return "1 website" if count == 1 else f"{count} websites"
