"""Whom to tell, what is to be told, and what was sent."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from monitoring.models.scope import Scope
from monitoring.models.states import Incident
from monitoring.notifications.messages import Kind as ChannelKind
from monitoring.quiet_hours import check_quiet_hours
from monitoring.wall_clock import check_time_zone
from websites.models import Website

DELAY_MAX = 86_400
REMINDER_MIN, REMINDER_MAX = 60, 604_800
TARGET_MAX_LENGTH = 2_000
# Encrypted, each character may take four bytes, and those 4/3 of that.
STORED_MAX_LENGTH = 12_000


class Channel(Scope):
    """A way to tell people: where to, of which websites, what of them, and when."""

    name = models.CharField(
        max_length=100, unique=True, error_messages={"unique": "A channel with this name exists already."}
    )
    kind = models.CharField(max_length=10, choices=ChannelKind)
    # Both encrypted (see `websites.encryption`); a secret belongs to webhooks alone.
    target = models.CharField(max_length=STORED_MAX_LENGTH)
    secret = models.CharField(max_length=STORED_MAX_LENGTH, blank=True, default="")
    is_active = models.BooleanField("active", default=True, help_text="A channel that is not active sends nothing.")
    wants_down = models.BooleanField("down", default=True)
    wants_up = models.BooleanField("up again", default=True)
    wants_slow = models.BooleanField("slow", default=True)
    wants_value = models.BooleanField("values", default=True)
    wants_certificate = models.BooleanField("certificates", default=True)
    delay = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(DELAY_MAX)],
        help_text="Seconds that something must be wrong before it is told; what ends sooner is not.",
    )
    reminder_interval = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(REMINDER_MIN), MaxValueValidator(REMINDER_MAX)],
        help_text="Seconds after which it is told again, as long as it lasts and nobody has acknowledged it.",
    )
    quiet_from = models.TimeField(null=True, blank=True, help_text="Nothing is sent from this time of day on.")
    quiet_until = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[check_time_zone],
        help_text="Of the quiet hours, such as Europe/Berlin.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        check_together(vars(self))


def check_together(values: Mapping[str, Any]) -> None:
    """Raise `ValidationError`, by field, for values of a channel that are good by themselves and not together."""
    start, end = values.get("quiet_from"), values.get("quiet_until")
    errors: dict[str, Any] = {}
    if (start is None) != (end is None):
        errors["quiet_from" if start is None else "quiet_until"] = "Quiet hours have a beginning and an end."
    if start is not None and end is not None:
        try:
            check_quiet_hours(start, end)
        except ValidationError as error:
            errors["quiet_until"] = error.messages
    if values.get("wants_up") and not any(values.get(name) for name in ("wants_down", "wants_slow", "wants_value")):
        errors["wants_up"] = "An end is told only to whom its beginning was told: choose one of those as well."
    if errors:
        raise ValidationError(errors)


class AlertKind(models.TextChoices):
    BEGAN = "began", "began"
    ENDED = "ended", "ended"
    REMINDER = "reminder", "reminder"
    FLAPPING = "flapping", "flapping"
    VALUE = "value", "value changed"
    CERTIFICATE = "certificate", "certificate expires"


class AlertStatus(models.TextChoices):
    WAITING = "waiting", "waiting"
    # In a delivery.
    TOLD = "told", "told"
    # Nobody need know any more.
    DROPPED = "dropped", "dropped"


class Delivery(models.Model):
    """A message to one channel; every attempt to send it bears the same key."""

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=500)
    text = models.TextField()
    payload = models.JSONField()
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    # What is sent after the first says how late it is; after the second, nobody tries any more.
    timely_until = models.DateTimeField()
    tried_until = models.DateTimeField()
    due_at = models.DateTimeField(default=timezone.now)
    # What the receiver asked for.
    not_before = models.DateTimeField(null=True, blank=True, editable=False)
    # Whoever sends it has until then; afterwards another one tries.
    claimed_until = models.DateTimeField(null=True, blank=True)
    # Of a farewell (see `monitoring.notifications.farewells`): what must have arrived before it. It goes out even if
    # the channel is switched off: perhaps that was for nothing but websites that are gone.
    follows = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=["due_at"], condition=models.Q(status="pending"), name="monitoring_delivery_due"),
            models.Index(fields=["-created_at"], name="monitoring_delivery_newest"),
        )

    def __str__(self) -> str:
        return self.title


class DeliveryAttempt(models.Model):
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_set")
    begun_at = models.DateTimeField()
    seconds = models.FloatField()
    is_delivered = models.BooleanField("delivered")
    detail = models.CharField(max_length=200)

    class Meta:
        ordering = ("begun_at", "pk")

    def __str__(self) -> str:
        return self.detail


class Alert(models.Model):
    """Something that one channel is to tell of one website; several go out as one delivery."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="alerts")
    website = models.ForeignKey(Website, on_delete=models.CASCADE, related_name="alerts")
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    kind = models.CharField(max_length=12, choices=AlertKind)
    status = models.CharField(max_length=8, choices=AlertStatus, default=AlertStatus.WAITING)
    # What is told where no incident has it: old and new value, or days left.
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Not to be told before: the channel's delay, quiet hours, or maintenance.
    due_at = models.DateTimeField()
    is_deferred = models.BooleanField(default=False)
    reason = models.CharField(max_length=100, blank=True, default="", help_text="Why it was dropped.")
    delivery = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True, blank=True, related_name="alerts")

    class Meta:
        indexes = (
            models.Index(
                fields=["channel", "due_at"], condition=models.Q(status="waiting"), name="monitoring_alert_due"
            ),
        )

    def __str__(self) -> str:
        return f"{self.website_id} {self.kind}"
