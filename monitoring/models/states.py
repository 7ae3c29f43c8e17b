"""What is known of websites, and how that changed."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from monitoring.models.checks import ERROR_DETAIL_MAX_LENGTH, CheckError, State
from websites.models import Website

VALUE_MAX_LENGTH = 500
NOTE_MAX_LENGTH = 1_000


class WebsiteState(models.Model):
    """What is known of a website, written only when it changes; a website without a row is unknown."""

    website = models.OneToOneField(Website, on_delete=models.CASCADE, primary_key=True, related_name="current_state")
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    since = models.DateTimeField()
    # The newest check, by when it was made, that took part in a change; what is older changes nothing any more.
    judged_until = models.DateTimeField(null=True)
    # When it was last resumed; checks from before its pause say nothing any more.
    resumed_at = models.DateTimeField(null=True)
    is_slow = models.BooleanField(default=False)
    # The value that the regex extracted last, blank where it matched nothing; NULL where the next one is to be judged
    # whatever it is.
    value = models.CharField(max_length=VALUE_MAX_LENGTH, null=True)

    class Meta:
        indexes = (models.Index(fields=["state"], name="monitoring_state"),)

    def __str__(self) -> str:
        return f"{self.website_id}: {self.state}"


class Cause(models.Model):
    """What a check said, copied: checks are deleted when they are old."""

    http_status = models.PositiveSmallIntegerField("HTTP status", default=0)
    error = models.CharField(max_length=32, choices=CheckError, blank=True, default="")
    error_detail = models.CharField("detail", max_length=ERROR_DETAIL_MAX_LENGTH, blank=True, default="")
    remote_ip = models.GenericIPAddressField("remote IP", null=True, blank=True)

    class Meta:
        abstract = True


class StateChange(Cause):
    """One change of a website's state, with the check that caused it; rows are only ever inserted."""

    website = models.ForeignKey(Website, on_delete=models.CASCADE, related_name="state_changes", db_index=False)
    old = models.CharField(max_length=8, choices=State)
    new = models.CharField(max_length=8, choices=State)
    # When the check was made that made it sure; where nobody checked, when it was paused or resumed.
    changed_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["website", "-changed_at"], name="monitoring_change_newest"),)

    def __str__(self) -> str:
        return f"{self.website_id}: {self.old} to {self.new}"


class IncidentKind(models.TextChoices):
    DOWN = "down", "down"
    SLOW = "slow", "slow"
    VALUE = "value", "value out of bounds"


class EndReason(models.TextChoices):
    RECOVERED = "recovered", "recovered"
    # Nobody looks any more.
    PAUSED = "paused", "paused"
    # What it was about is not asked for any more.
    DROPPED = "dropped", "no longer watched for"


class Incident(Cause):
    """A time in which something was wrong with a website; the cause is that of its first bad check.

    What happened between two checks is known only within bounds: it began after the last good check was sent and
    before the first bad one was finished, and ended likewise.
    """

    website = models.ForeignKey(Website, on_delete=models.CASCADE, related_name="incidents", db_index=False)
    kind = models.CharField(max_length=8, choices=IncidentKind, default=IncidentKind.DOWN)
    started_at = models.DateTimeField("began", help_text="When the first bad check was made (UTC).")
    started_after = models.DateTimeField(null=True, blank=True)
    started_before = models.DateTimeField()
    opened_at = models.DateTimeField("noticed", default=timezone.now)
    ended_at = models.DateTimeField("ended", null=True, blank=True, help_text="When the first good check was made.")
    ended_after = models.DateTimeField(null=True, blank=True)
    ended_before = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField("end noticed", null=True, blank=True)
    end_reason = models.CharField(max_length=10, choices=EndReason, blank=True, default="")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=NOTE_MAX_LENGTH, blank=True, default="")
    # When of an outage there was maintenance, as `[since, until]` in Unix seconds, up to `RollupProgress.checks_since`;
    # NULL where that is yet to be written down: what the windows say counts.
    maintenance = models.JSONField(null=True, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["website", "kind"], condition=models.Q(ended_at=None), name="monitoring_incident_open"
            ),
        )
        indexes = (
            models.Index(fields=["website", "-started_at"], name="monitoring_incident_newest"),
            models.Index(fields=["-started_at"], name="monitoring_incident_started"),
            models.Index(fields=["-ended_at"], name="monitoring_incident_ended"),
        )

    def __str__(self) -> str:
        return f"{self.website_id} {self.kind} since {self.started_at:%Y-%m-%d %H:%M:%S}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class ExtractedValue(models.Model):
    """A value that a website's regex extracted, from the check on that was the first to see it."""

    website = models.ForeignKey(Website, on_delete=models.CASCADE, related_name="values", db_index=False)
    # Blank where the regex matched nothing.
    value = models.CharField(max_length=VALUE_MAX_LENGTH, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["website", "-seen_at"], name="monitoring_value_newest"),)

    def __str__(self) -> str:
        return f"{self.website_id}: {self.value}"
