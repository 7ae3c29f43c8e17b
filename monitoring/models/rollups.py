"""What checks showed, summed up by hours and days, so that it outlives them."""

from django.db import models

from monitoring.models.fields import RealField
from websites.models import Website


class WatchPeriod(models.Model):
    """A time in which a website was to be checked in one interval: how many checks were to be expected follows."""

    # Without a constraint, so that SQL may delete websites; see `monitoring.watch_periods.reconcile`.
    website = models.ForeignKey(
        Website, on_delete=models.CASCADE, related_name="watch_periods", db_index=False, db_constraint=False
    )
    interval = models.PositiveSmallIntegerField(help_text="Seconds.")
    since = models.DateTimeField()
    # NULL while it lasts.
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["website"], condition=models.Q(until=None), name="monitoring_watch_period_open"
            ),
        )
        indexes = (models.Index(fields=["website", "since"], name="monitoring_watch_period"),)

    def __str__(self) -> str:
        return f"{self.website_id}: every {self.interval} s since {self.since:%Y-%m-%d %H:%M:%S}"


class Rollup(models.Model):
    """The checks of a website that were made at its slots in some time, without those within maintenance.

    The times are of checks that were answered.
    """

    # Without a constraint, as in `MonitoringData`.
    website = models.ForeignKey(
        Website, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    started_at = models.DateTimeField()
    # Slots: the time in which it was watched, over its interval.
    expected = RealField()
    up = models.PositiveIntegerField()
    down = models.PositiveIntegerField()
    # Made, but the fault was the monitor's own.
    unknown = models.PositiveIntegerField()
    # Seconds. NULL where no check was answered.
    response_sum = RealField(null=True)
    response_min = RealField(null=True)
    response_max = RealField(null=True)
    dns_sum = RealField(null=True)
    connect_sum = RealField(null=True)
    tls_sum = RealField(null=True)
    first_byte_sum = RealField(null=True)
    # Counts by bucket and by kind of error, see `monitoring.counts`.
    histogram = models.TextField(blank=True)
    errors = models.TextField(blank=True)

    class Meta:
        abstract = True


class HourlyRollup(Rollup):
    """An hour (UTC), by halves for what is drawn of a day."""

    pk = models.CompositePrimaryKey("website_id", "started_at")
    # Of these, those of the first half of the hour; NULL where that has half of the slots.
    early_expected = RealField(null=True)
    early_up = models.PositiveIntegerField()
    early_down = models.PositiveIntegerField()
    early_unknown = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.website_id}: hour of {self.started_at:%Y-%m-%d %H:%M}"


class DailyRollup(Rollup):
    """A day (UTC)."""

    pk = models.CompositePrimaryKey("website_id", "started_at")

    def __str__(self) -> str:
        return f"{self.website_id}: day of {self.started_at:%Y-%m-%d}"


class RecentRollup(Rollup):
    """Ten minutes of an hour that is not rolled up yet; they go when it is."""

    pk = models.CompositePrimaryKey("website_id", "started_at")

    def __str__(self) -> str:
        return f"{self.website_id}: ten minutes of {self.started_at:%Y-%m-%d %H:%M}"


class RollupProgress(models.Model):
    """What of the past is there in which form: one row, whose key is 1."""

    # Of all checks since then, the rows are there.
    checks_since = models.DateTimeField()
    # Up to then, days and hours are rolled up, and what follows by ten minutes.
    days_until = models.DateTimeField()
    hours_until = models.DateTimeField()
    recent_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"hours until {self.hours_until:%Y-%m-%d %H:%M}, days until {self.days_until:%Y-%m-%d}"


class StaleHour(models.Model):
    """An hour of a website, or of all, that is to be rolled up once more: what it is made of has changed since.

    Rows are only ever inserted, whether there is one already or not, and deleted by who read them before the checks.
    """

    website = models.ForeignKey(Website, on_delete=models.CASCADE, null=True, related_name="+", db_constraint=False)
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.website_id or 'all'}: hour of {self.started_at:%Y-%m-%d %H:%M}"
