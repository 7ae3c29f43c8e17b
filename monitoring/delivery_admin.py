"""Deliveries in the admin: read only, what was sent and what became of it; those that failed can be sent again."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import alert_display
from monitoring.capped_lists import CappedPaginator
from monitoring.models import Alert, Channel, Delivery, DeliveryAttempt
from monitoring.notifications import deliveries
from websites.plain_text import inert

# Of a delivery's page.
ATTEMPTS_SHOWN = 100
ALERTS_SHOWN = 100
# So many are sent again at once, of those that were chosen.
REPLAYED_AT_ONCE = 1_000


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return list(Delivery.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        value = self.value()
        return queryset.filter(status=value) if value in Delivery.Status.values else queryset


class ChannelFilter(admin.SimpleListFilter):
    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        names = Channel.objects.order_by("name").values_list("pk", "name")
        return [(str(pk), inert(name)) for pk, name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        value = self.value()
        known = {str(pk): int(pk) for pk, _ in self.lookup_choices}
        return queryset.filter(channel=known[value]) if value in known else queryset


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin[Delivery]):
    list_display = ("created", "status_shown", "channel_link", "title_shown", "attempts", "sent")
    list_filter = (StatusFilter, ChannelFilter)
    list_per_page = 50
    ordering = ("-created_at", "-pk")
    sortable_by = ()
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = ("send_again",)
    fields = (
        "channel_link",
        "status_shown",
        "title_shown",
        "text_shown",
        "created_exactly",
        "next_attempt",
        "sent_exactly",
        "key",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).select_related("channel").defer("payload")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitoring.change_delivery")

    @admin.action(description="Send again", permissions=["replay"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        chosen = list(queryset[:REPLAYED_AT_ONCE])
        count = deliveries.replay(chosen)
        if count:
            words = "1 delivery is" if count == 1 else f"{count} deliveries are"
            self.message_user(request, f"{words} sent again.", messages.SUCCESS)
        if count < len(chosen):
            words = "Only what failed is sent again: " + (
                "nothing was." if not count else "the others were passed over."
            )
            self.message_user(request, words, messages.WARNING)
        if chosen and "_on_page" in request.POST:
            return HttpResponseRedirect(reverse("admin:monitoring_delivery_change", args=[chosen[0].pk]))
        return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self.get_object(request, unquote(object_id))
        shown: dict[str, Any] = {}
        if delivery is not None:
            is_failed = delivery.status == Delivery.Status.FAILED
            attempts = delivery.attempt_set.order_by("-begun_at", "-pk")[:ATTEMPTS_SHOWN]
            alerts = delivery.alerts.select_related("website", "incident").order_by("pk")[:ALERTS_SHOWN]
            shown = {
                "can_send_again": is_failed and self.has_replay_permission(request),
                "attempts": [_attempt(attempt) for attempt in attempts],
                "alerts": [_alert(alert) for alert in alerts],
                "alerts_shown": ALERTS_SHOWN,
            }
        return super().change_view(request, object_id, form_url, shown | (extra_context or {}))

    @admin.display(description="created")
    def created(self, delivery: Delivery) -> SafeString | str:
        return display.moment(delivery.created_at)

    @admin.display(description="created")
    def created_exactly(self, delivery: Delivery) -> str:
        return display.exact_utc(delivery.created_at)

    @admin.display(description="status")
    def status_shown(self, delivery: Delivery) -> SafeString:
        return alert_display.delivery_status(delivery)

    @admin.display(description="channel")
    def channel_link(self, delivery: Delivery) -> SafeString:
        return alert_display.link(delivery.channel, inert(delivery.channel.name))

    @admin.display(description="title")
    def title_shown(self, delivery: Delivery) -> SafeString | str:
        return display.short(delivery.title)

    @admin.display(description="text")
    def text_shown(self, delivery: Delivery) -> SafeString | str:
        return alert_display.lines(delivery.text)

    @admin.display(description="next attempt")
    def next_attempt(self, delivery: Delivery) -> str:
        return display.exact_utc(delivery.due_at if delivery.status == Delivery.Status.PENDING else None)

    @admin.display(description="sent")
    def sent(self, delivery: Delivery) -> SafeString | str:
        return display.moment(delivery.sent_at)

    @admin.display(description="sent")
    def sent_exactly(self, delivery: Delivery) -> str:
        return display.exact_utc(delivery.sent_at)


def _attempt(attempt: DeliveryAttempt) -> dict[str, Any]:
    look, sign, word = ("up", "✓", "delivered") if attempt.is_delivered else ("down", "✕", "failed")
    return {
        "begun_at": display.exact_utc(attempt.begun_at),
        "took": display.duration(attempt.seconds),
        "outcome": alert_display.badge(look, sign, word),
        "detail": inert(attempt.detail),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    incident = alert.incident
    return {
        "kind": alert.get_kind_display(),
        "website": alert_display.website_link(alert.website),
        "cause": "" if incident is None else alert_display.cause(incident),
        "incident": incident and alert_display.link(incident, alert_display.incident_state(incident)),
    }
