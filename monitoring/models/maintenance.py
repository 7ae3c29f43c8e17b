"""Times in which websites may be down: nobody is alerted, and it does not count."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from monitoring.maintenance_windows import (
    MAX_MINUTES,
    RuleWindow,
    SingleWindow,
    Window,
    check_breaks,
)
from monitoring.models.scope import Scope
from monitoring.recurrence import check_day, check_rrule
from monitoring.wall_clock import check_time_zone, moment_of, time_zones

RULE_MAX_LENGTH = 500
PUBLIC_NOTE_MAX_LENGTH = 500
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


class MaintenanceKind(models.TextChoices):
    ONCE = "once", "once"
    WEEKLY = "weekly", "weekly"
    RULE = "rule", "by a rule"


class MaintenanceWindow(Scope):
    """A time, once or again and again, in which websites are worked on.

    Every kind first starts on `first_day` at `start_time`, as clocks show it in `time_zone`, and lasts for `minutes`.
    """

    name = models.CharField(
        max_length=100, unique=True, error_messages={"unique": "A window with this name exists already."}
    )
    is_active = models.BooleanField("active", default=True)
    kind = models.CharField(max_length=6, choices=MaintenanceKind, default=MaintenanceKind.ONCE)
    first_day = models.DateField(
        validators=[check_day], help_text="The day, or the first of the days, on which it starts."
    )
    start_time = models.TimeField("starts at", help_text="Time of day.")
    minutes = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_MINUTES)],
        help_text=f"How long it lasts: 1 to {MAX_MINUTES} minutes (a week).",
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_time_zone], help_text="Such as Europe/Berlin."
    )
    weekdays = models.CharField(
        max_length=20, blank=True, default="", help_text="Of a weekly one: some of Mo,Tu,We,Th,Fr,Sa,Su."
    )
    rule = models.CharField(
        max_length=RULE_MAX_LENGTH,
        blank=True,
        default="",
        help_text="Of one by a rule: an RRULE (RFC 5545), such as FREQ=MONTHLY;BYDAY=1SU.",
    )
    public_note = models.CharField(
        max_length=PUBLIC_NOTE_MAX_LENGTH,
        blank=True,
        default="",
        help_text="What the status page says of it, beside its times and websites; it does not show the name.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self.time_zone not in time_zones() or None in (self.first_day, self.start_time, self.minutes):
            # Told beside those fields.
            return
        if self.kind == MaintenanceKind.ONCE:
            return
        place = "rule" if self.kind == MaintenanceKind.RULE else "weekdays"
        try:
            check_rrule(self._rule, self._starts, self.time_zone)
            place = "minutes"
            check_breaks(self._recurring, moment_of(self._starts, self.time_zone))
        except ValidationError as error:
            raise ValidationError({place: error.messages}) from error

    @property
    def _starts(self) -> datetime:
        return datetime.combine(self.first_day, self.start_time)

    @property
    def window(self) -> Window:
        """Its times. Raises `ValidationError` where they were written past the checks."""
        if self.kind == MaintenanceKind.ONCE:
            begins = moment_of(self._starts, self.time_zone)
            return SingleWindow(begins, begins + timedelta(minutes=self.minutes))
        return self._recurring

    @property
    def _recurring(self) -> RuleWindow:
        return RuleWindow(self._rule, self._starts, self.time_zone, self.minutes)

    @property
    def _rule(self) -> str:
        if self.kind == MaintenanceKind.RULE:
            return self.rule
        return f"FREQ=WEEKLY;BYDAY={','.join(read_weekdays(self.weekdays)).upper()}"


def read_weekdays(text: str) -> list[str]:
    """The weekdays of a text such as `Mo,Tu`, in order. Raises `ValidationError`."""
    names = {name.strip().capitalize() for name in text.split(",") if name.strip()}
    if not names or not names <= set(WEEKDAYS):
        raise ValidationError(f"Write weekdays with commas between: some of {', '.join(WEEKDAYS)}.", code="invalid")
    return [name for name in WEEKDAYS if name in names]
