"""Quiet hours: from one wall-clock time to another, every day, over midnight where the end is the earlier one."""

from datetime import UTC, datetime, time, timedelta

from django.core.exceptions import ValidationError

from monitoring.wall_clock import moment_of, zone_of

DAY = timedelta(days=1)


def check_quiet_hours(start: time, end: time) -> None:
    """Raises `ValidationError` where they would be no time at all, or all of it."""
    if start == end:
        raise ValidationError("Quiet hours begin and end at different times.", code="invalid")


def quiet_until(at: datetime, start: time, end: time, zone: str) -> datetime | None:
    """When the quiet hours that cover `at` end (UTC); None where it is not quiet.

    Half-open: it is quiet at `start`, and no longer at `end`. `monitoring.wall_clock` says what these mean on
    days on which clocks are changed; quiet hours that touch on such a day are one.
    """
    at = at.astimezone(UTC)
    today = at.astimezone(zone_of(zone)).date()
    until = None
    for day in (today - DAY, today, today + DAY):
        begins = moment_of(datetime.combine(day, start), zone)
        if begins > (until or at):
            break
        ends = moment_of(datetime.combine(day + DAY if end <= start else day, end), zone)
        if ends > (until or at):
            until = ends
    return until
