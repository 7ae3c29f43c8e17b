"""Incidents in the admin: what was wrong, what was told of it, and who looks after it."""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import alert_display
from monitoring.acknowledgements import acknowledge, acknowledge_all
from monitoring.capped_lists import CappedPaginator
from monitoring.models import Alert, AlertStatus, Incident, IncidentKind, StateChange
from monitoring.models.states import NOTE_MAX_LENGTH
from monitoring.monitoring_data_admin import WebsiteFilter
from websites.admin import LinesField
from websites.plain_text import inert
from websites.search import SearchedByWords

# What an incident's page shows of the website's other changes, and how many of them.
AROUND = timedelta(hours=1)
CHANGES_SHOWN = 20
ALERTS_SHOWN = 50


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("open", "open"), ("ended", "ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        value = self.value()
        return queryset.filter(ended_at__isnull=value == "open") if value in ("open", "ended") else queryset


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return list(IncidentKind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        value = self.value()
        return queryset.filter(kind=value) if value in IncidentKind.values else queryset


class NoteForm(forms.ModelForm[Incident]):
    note = LinesField(
        required=False,
        max_length=NOTE_MAX_LENGTH,
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3}),
        help_text="What others should know.",
    )

    class Meta:
        model = Incident
        fields = ("note",)

    def clean_note(self) -> str:
        return str(self.cleaned_data["note"]).strip()


@admin.register(Incident)
class IncidentAdmin(SearchedByWords, admin.ModelAdmin[Incident]):
    form = NoteForm
    list_display = ("state", "website_url", "kind", "cause", "began", "lasted", "acknowledged_by_whom")
    list_display_links = ("state",)
    list_filter = (OpenFilter, KindFilter, WebsiteFilter)
    list_select_related = ("website", "acknowledged_by")
    list_per_page = 50
    ordering = ("-started_at", "-pk")
    sortable_by = ()
    search_fields = ("website__website_url",)
    search_help_text = "Part of a URL"
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = ("acknowledge",)
    shown = ("website_url", "state", "kind", "cause", "detail", "http_status", "remote_ip")
    when = ("began_exactly", "began_between", "lasted", "ended_exactly", "ended_between", "end", "noticed")
    readonly_fields = (*shown, *when, "acknowledged_shown", "note_shown")

    def get_fieldsets(self, request: HttpRequest, obj: Incident | None = None) -> Any:
        note = "note" if self.has_change_permission(request, obj) else "note_shown"
        return [
            (None, {"fields": self.shown}),
            ("When", {"fields": self.when}),
            ("Acknowledgement", {"fields": ("acknowledged_shown", note)}),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        return super().get_queryset(request).select_related("website", "acknowledged_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        """Whoever may change websites may acknowledge what is wrong with them."""
        return request.user.has_perm("monitoring.view_incident") and request.user.has_perm("websites.change_website")

    def has_delete_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Incident, form: forms.ModelForm[Any], change: bool) -> None:
        acknowledge(obj.pk, cast("User", request.user), obj.note)

    def response_change(self, request: HttpRequest, obj: Incident) -> HttpResponse:
        self.message_user(request, "The incident is acknowledged, and its note is saved.", messages.SUCCESS)
        return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Acknowledge", permissions=["change"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        count = acknowledge_all(queryset, cast("User", request.user))
        words = "1 incident acknowledged." if count == 1 else f"{count} incidents acknowledged."
        self.message_user(request, words, messages.SUCCESS)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        incident = self.get_object(request, unquote(object_id)) if request.method == "GET" else None
        around = {} if incident is None else _around(request, incident)
        return super().change_view(request, object_id, form_url, around | (extra_context or {}))

    @admin.display(description="state")
    def state(self, incident: Incident) -> SafeString:
        return alert_display.incident_state(incident)

    @admin.display(description="website")
    def website_url(self, incident: Incident) -> SafeString:
        return alert_display.website_link(incident.website)

    @admin.display(description="cause")
    def cause(self, incident: Incident) -> str:
        return alert_display.cause(incident)

    @admin.display(description="detail")
    def detail(self, incident: Incident) -> str:
        return inert(incident.error_detail) or display.NOTHING

    @admin.display(description="began")
    def began(self, incident: Incident) -> str:
        return display.moment(incident.started_at)

    @admin.display(description="lasted")
    def lasted(self, incident: Incident) -> str:
        words = alert_display.lasted(incident)
        return f"{words} so far" if incident.is_open else words

    @admin.display(description="acknowledged")
    def acknowledged_by_whom(self, incident: Incident) -> str:
        return alert_display.acknowledged_by(incident)

    @admin.display(description="acknowledged")
    def acknowledged_shown(self, incident: Incident) -> str:
        return alert_display.acknowledged(incident)

    @admin.display(description="note")
    def note_shown(self, incident: Incident) -> str:
        return alert_display.lines(incident.note)

    @admin.display(description="began")
    def began_exactly(self, incident: Incident) -> str:
        return f"{display.exact_utc(incident.started_at)}, when the first bad check was made"

    @admin.display(description="bounds of the beginning")
    def began_between(self, incident: Incident) -> str:
        return alert_display.bounds(incident.started_after, incident.started_before)

    @admin.display(description="ended")
    def ended_exactly(self, incident: Incident) -> str:
        return display.exact_utc(incident.ended_at)

    @admin.display(description="bounds of the end")
    def ended_between(self, incident: Incident) -> str:
        return alert_display.bounds(incident.ended_after, incident.ended_before)

    @admin.display(description="why it ended")
    def end(self, incident: Incident) -> str:
        return incident.get_end_reason_display() or display.NOTHING

    @admin.display(description="noticed")
    def noticed(self, incident: Incident) -> str:
        begun = f"its beginning {display.utc(incident.opened_at)}"
        return begun if incident.closed_at is None else f"{begun}, its end {display.utc(incident.closed_at)}"


def _around(request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """What the incident's page shows besides, as far as this user may see it."""
    shown: dict[str, Any] = {"changes": [_change(change) for change in _changes(incident)]}
    if request.user.has_perm("monitoring.view_monitoringdata"):
        address = reverse("admin:monitoring_monitoringdata_changelist")
        shown["checks_url"] = f"{address}?website={incident.website_id}"
    if request.user.has_perm("monitoring.view_alert"):
        alerts = incident.alerts.select_related("channel", "delivery")
        # Of thousands of websites, in one that tells of as many.
        alerts = alerts.defer("delivery__text", "delivery__payload").order_by("-pk")
        shown["alerts"] = [_alert(alert) for alert in alerts[:ALERTS_SHOWN]]
    return shown


def _changes(incident: Incident) -> QuerySet[StateChange]:
    since, until = incident.started_at - AROUND, (incident.ended_at or timezone.now()) + AROUND
    changes = StateChange.objects.filter(website=incident.website_id, changed_at__range=(since, until))
    return changes.order_by("-changed_at", "-pk")[:CHANGES_SHOWN]


def _change(change: StateChange) -> dict[str, Any]:
    return {
        "changed_at": display.utc(change.changed_at),
        "old": display.state(change.old),
        "new": display.state(change.new),
        "status": change.http_status or "",
        "cause": change.get_error_display(),
        "detail": inert(change.error_detail),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    delivery = alert.delivery
    told = "" if delivery is None else alert_display.delivery_status(delivery)
    waits = f"until {display.utc(alert.due_at)}" if alert.status == AlertStatus.WAITING else inert(alert.reason)
    return {
        "created_at": display.utc(alert.created_at),
        "kind": alert.get_kind_display(),
        "channel": alert_display.link(alert.channel, inert(alert.channel.name)),
        "status": alert.get_status_display(),
        "why": waits,
        "delivery": delivery and alert_display.link(delivery, "Delivery"),
        "told": told,
    }
