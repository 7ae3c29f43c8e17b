"""What checks saw."""

from django.db import models
from django.utils import timezone

from monitoring.models.fields import RealField
from monitoring.probe.types import ErrorKind
from websites.models import Website

ERROR_DETAIL_MAX_LENGTH = 200
# From this one on, HTTP statuses tell of faults, which are few; so does 0.
RARE_STATUSES = 400


class CheckError(models.TextChoices):
    """`ErrorKind` in people's words."""

    DNS = ErrorKind.DNS, "name not found"
    CONNECT = ErrorKind.CONNECT, "no connection"
    REFUSED = ErrorKind.REFUSED, "connection refused"
    TIMEOUT = ErrorKind.TIMEOUT, "timeout"
    TLS = ErrorKind.TLS, "TLS failure"
    BLOCKED_ADDRESS = ErrorKind.BLOCKED_ADDRESS, "blocked address"
    TOO_MANY_REDIRECTS = ErrorKind.TOO_MANY_REDIRECTS, "too many redirects"
    BAD_REDIRECT = ErrorKind.BAD_REDIRECT, "bad redirect"
    INVALID_RESPONSE = ErrorKind.INVALID_RESPONSE, "invalid response"
    BODY_TOO_LARGE = ErrorKind.BODY_TOO_LARGE, "body too large"
    TRUNCATED = ErrorKind.TRUNCATED, "truncated response"
    INTERNAL = ErrorKind.INTERNAL, "monitor's own fault"


class State(models.TextChoices):
    """What is known of a website now."""

    UP = "up", "up"
    DOWN = "down", "down"
    UNKNOWN = "unknown", "unknown"
    PAUSED = "paused", "paused"


class Outcome(models.TextChoices):
    """What a check says about its website (see `monitoring.states.judge`)."""

    UP = State.UP.value, State.UP.label
    DOWN = State.DOWN.value, State.DOWN.label
    UNKNOWN = State.UNKNOWN.value, State.UNKNOWN.label


class MonitoringData(models.Model):
    """One check of a website. Rows are only ever inserted and, when old, deleted."""

    # Without a constraint: PostgreSQL would lock the website's row for every check. The recorder looks instead, and
    # `monitoring.deleted_checks` deletes.
    website = models.ForeignKey(
        Website, on_delete=models.DO_NOTHING, related_name="monitoring_data", db_index=False, db_constraint=False
    )
    http_status = models.PositiveSmallIntegerField("HTTP status", help_text="0 where no HTTP answer came.")
    entry_timestamp = models.DateTimeField("checked at", help_text="When the request was sent (UTC).")
    response_time = models.FloatField(null=True, blank=True, help_text="Seconds for the whole exchange.")
    regex_response = models.TextField(
        "matches",
        null=True,
        blank=True,
        help_text="JSON list of every match of the website's regex; empty where it has none.",
    )
    scheduled_at = models.DateTimeField(
        null=True, blank=True, help_text="The slot the check was due at (UTC); empty for one between the slots."
    )
    outcome = models.CharField(
        max_length=8,
        choices=Outcome,
        default=Outcome.UNKNOWN,
        db_default=Outcome.UNKNOWN,
        help_text="What the check says of the website; unknown where the fault is the monitor's own.",
    )
    error = models.CharField(max_length=32, choices=CheckError, blank=True, default="")
    error_detail = models.CharField(max_length=ERROR_DETAIL_MAX_LENGTH, blank=True, default="")
    dns_time = RealField("DNS time", null=True, blank=True, help_text="Seconds.")
    connect_time = RealField(null=True, blank=True, help_text="Seconds.")
    tls_time = RealField("TLS time", null=True, blank=True, help_text="Seconds.")
    first_byte_time = RealField(null=True, blank=True, help_text="Seconds.")
    failed_after = RealField(
        null=True, blank=True, help_text="Seconds until the check was given up, where no answer came."
    )
    remote_ip = models.GenericIPAddressField("remote IP", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "monitoring data"
        indexes = (
            models.Index(fields=["website", "-entry_timestamp"], name="monitoring_website_newest"),
            # Of the rows with an error, that are not up, or whose status tells of a fault, alone, so that the others
            # do not pay for it.
            models.Index(fields=["error", "id"], condition=models.Q(error__gt=""), name="monitoring_error_newest"),
            models.Index(
                fields=["outcome", "id"], condition=~models.Q(outcome=Outcome.UP), name="monitoring_outcome_newest"
            ),
            models.Index(
                fields=["http_status", "id"],
                condition=models.Q(http_status__gte=RARE_STATUSES) | models.Q(http_status=0),
                name="monitoring_status_newest",
            ),
        )

    def __str__(self) -> str:
        return f"{self.website_id} at {self.entry_timestamp:%Y-%m-%d %H:%M:%S}: {self.error or self.http_status}"


class Certificate(models.Model):
    """The certificate that was last seen of a website: of the servers it leads to, the one that expires first."""

    website = models.OneToOneField(Website, on_delete=models.CASCADE, primary_key=True, related_name="certificate")
    host = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    issuer = models.CharField(max_length=255)
    names = models.JSONField(help_text="DNS names and addresses that it is for.")
    not_before = models.DateTimeField()
    not_after = models.DateTimeField("expires")
    seen_at = models.DateTimeField("last seen")
    # The fewest days left that people were alerted of; NULL before.
    told_days = models.SmallIntegerField(null=True, editable=False)

    class Meta:
        indexes = (models.Index(fields=["not_after"], name="monitoring_certificate_expiry"),)

    def __str__(self) -> str:
        return f"{self.host} until {self.not_after:%Y-%m-%d}"

    @property
    def days_left(self) -> int:
        """Whole days; negative where it has expired."""
        return (self.not_after - timezone.now()).days
