"""Channels in the admin. Where they lead is typed in and never shown; a made secret is shown once."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import alert_display
from monitoring.channel_secrets import SECRET_MAX_LENGTH, hint, seal
from monitoring.models import Channel, Delivery
from monitoring.models.notifications import DELAY_MAX, REMINDER_MAX, REMINDER_MIN, TARGET_MAX_LENGTH
from monitoring.notifications import deliveries
from monitoring.scope_admin import ScopeAdmin, ScopeForm, TimeZoneSelect
from websites.plain_text import inert

FIELDSETS: Any = (
    (None, {"fields": ("name", "kind", "target", "secret", "is_active")}),
    ("For which websites", {"fields": ("tags", "websites")}),
    (
        "What is told",
        {
            "fields": (
                *("wants_down", "wants_up", "wants_slow", "wants_value", "wants_certificate"),
                *("delay", "reminder_interval"),
            )
        },
    ),
    ("Quiet hours", {"fields": ("quiet_from", "quiet_until", "time_zone")}),
)
HOW_TO_WRITE = (
    "E-mail: addresses with commas between. Webhook: an http or https URL. "
    "Apprise: the URL of a service, such as ntfy://topic."
)
SECRET_HELP = "What a webhook's messages are signed with. Where it has none, one is made and shown once."  # noqa: S105
# Each takes up to 15 seconds, while somebody waits for the page.
TESTS_AT_ONCE = 3
SECRET_BOX = {"class": "vLargeTextField", "autocomplete": "new-password"}


def _seconds(name: str, low: int, high: int) -> Any:
    """A form's field; by itself, it would first say that it must not be below zero."""
    model_field: Any = Channel._meta.get_field(name)
    return model_field.formfield(min_value=low, max_value=high)


class ChannelForm(ScopeForm):
    # A secret that was made just now.
    made = ""

    target = forms.CharField(
        required=False,
        max_length=TARGET_MAX_LENGTH,
        widget=forms.PasswordInput(attrs=SECRET_BOX),
        help_text=HOW_TO_WRITE,
    )
    secret = forms.CharField(
        required=False,
        max_length=SECRET_MAX_LENGTH,
        widget=forms.PasswordInput(attrs=SECRET_BOX),
        help_text=SECRET_HELP,
    )
    delay = _seconds("delay", 0, DELAY_MAX)
    reminder_interval = _seconds("reminder_interval", REMINDER_MIN, REMINDER_MAX)

    class Meta:
        model = Channel
        fields = tuple(flatten_fieldsets(FIELDSETS))
        widgets: ClassVar[dict[str, Any]] = {"time_zone": TimeZoneSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["target"] = self.initial["secret"] = ""
        if self.instance.target and "target" in self.fields:
            kept = f"{inert(hint(self.instance))} is kept and not shown in full. Left empty, it stays."
            self.fields["target"].help_text = f"{kept} {HOW_TO_WRITE}"
        if self.instance.secret and "secret" in self.fields:
            self.fields["secret"].help_text = "One is kept and not shown. Left empty, it stays."

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        target, secret = values.get("target", ""), values.get("secret", "")
        # Whatever else is wrong, what was typed is not what is stored.
        values["target"], values["secret"] = self.instance.target, self.instance.secret
        if not {"kind", "target", "secret"} & set(self.errors):
            sealed = seal(self.instance, values["kind"], target, secret or None)
            values["target"], values["secret"], self.made = sealed
        return values


class ChannelChangeList(ChangeList):
    """A page of channels, each with its newest delivery as `newest_delivery`."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        channels = list(self.result_list)
        newest = Delivery.objects.filter(channel=OuterRef("pk")).order_by("-pk").values("pk")[:1]
        ids = Channel.objects.filter(pk__in=[channel.pk for channel in channels]).order_by()
        rows = Delivery.objects.filter(pk__in=ids.values_list(Subquery(newest))).defer("text", "payload")
        found = {row.channel_id: row for row in rows}
        for channel in channels:
            channel.newest_delivery = found.get(channel.pk)
        self.result_list = channels


@admin.register(Channel)
class ChannelAdmin(ScopeAdmin):
    form = ChannelForm
    fieldsets = FIELDSETS
    list_display = ("name_shown", "kind", "leads_to", "is_active", "scope", "last_delivery", "last_outcome")
    list_filter = ("is_active", "kind")
    actions = ("send_test",)
    in_words: ClassVar[dict[str, str]] = {
        **ScopeAdmin.in_words,
        "target": "leads_to",
        "secret": "has_secret",
    }

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChannelChangeList

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.made:
            words = "Its messages are signed with this secret, which is shown only now: "
            self.message_user(request, format_html("{}<code>{}</code>", words, form.made), messages.WARNING)

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        channels = list(queryset[: TESTS_AT_ONCE + 1])
        if len(channels) > TESTS_AT_ONCE:
            self.message_user(request, f"Choose at most {TESTS_AT_ONCE} channels to test.", messages.ERROR)
            return None
        for channel in channels:
            self._send_test(request, channel)
        # From the button on a channel's page, back to it.
        return HttpResponseRedirect(_address(channels[0])) if channels and "_on_page" in request.POST else None

    def _send_test(self, request: HttpRequest, channel: Channel) -> None:
        try:
            delivery = deliveries.send_test(channel)
        except Channel.DoesNotExist:
            self.message_user(request, f"{inert(channel.name)} was deleted just now.", messages.ERROR)
            return
        attempt = delivery.attempt_set.last()
        detail = "It was deleted meanwhile." if attempt is None else inert(attempt.detail)
        is_sent = delivery.status == Delivery.Status.SENT
        words = f"The test to {inert(channel.name)} was {'sent' if is_sent else 'not sent'}. {detail}"
        self.message_user(request, words, messages.SUCCESS if is_sent else messages.ERROR)

    def get_deleted_objects(
        self, objs: QuerySet[Channel] | Sequence[Channel], request: HttpRequest
    ) -> tuple[list[Any], dict[str, Any], set[str], list[str]]:
        """Channels by name, what was sent in a word: however much there is, it goes with its channel."""
        named: list[Any] = [alert_display.link(channel, inert(channel.name)) for channel in objs]
        counts = {"channels": len(named), "alerts and deliveries": "all of theirs"}
        lacking = set() if self.has_delete_permission(request) else {"channel"}
        return named, counts, lacking, []

    @admin.display(description="name", ordering="name")
    def name_shown(self, channel: Channel) -> str:
        return inert(channel.name)

    @admin.display(description="leads to")
    def leads_to(self, channel: Channel) -> str:
        return alert_display.where_to(channel)

    @admin.display(description="secret", boolean=True)
    def has_secret(self, channel: Channel) -> bool:
        return bool(channel.secret)

    @admin.display(description="last delivery")
    def last_delivery(self, channel: Any) -> SafeString | str:
        return display.moment(channel.newest_delivery and channel.newest_delivery.created_at)

    @admin.display(description="outcome")
    def last_outcome(self, channel: Any) -> SafeString | str:
        delivery = channel.newest_delivery
        if delivery is None:
            return display.NOTHING
        return alert_display.link(delivery, alert_display.delivery_status(delivery))


def _address(channel: Channel) -> str:
    return reverse("admin:monitoring_channel_change", args=[channel.pk])
