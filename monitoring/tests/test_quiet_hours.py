"""Quiet hours, by day, over midnight, and on days on which clocks are changed."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from monitoring.quiet_hours import check_quiet_hours, quiet_until
from monitoring.wall_clock import moment_of

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "at", "until"),
    [
        # By day.
        ("12:00 13:30", "UTC", "2026-07-01T11:59:59", None),
        ("12:00 13:30", "UTC", "2026-07-01T12:00", "2026-07-01T13:30"),
        ("12:00 13:30", "UTC", "2026-07-01T13:29:59.999999", "2026-07-01T13:30"),
        ("12:00 13:30", "UTC", "2026-07-01T13:30", None),
        ("12:00 13:30", BERLIN, "2026-07-01T10:00", "2026-07-01T11:30"),
        ("00:00 00:01", "UTC", "2026-07-01T00:00", "2026-07-01T00:01"),
        # Over midnight, and over the end of a year and of February.
        ("22:00 07:00", BERLIN, "2026-07-01T19:59", None),
        ("22:00 07:00", BERLIN, "2026-07-01T20:00", "2026-07-02T05:00"),
        ("22:00 07:00", BERLIN, "2026-07-02T04:59", "2026-07-02T05:00"),
        ("22:00 07:00", BERLIN, "2026-07-02T05:00", None),
        ("22:00 07:00", "UTC", "2026-12-31T23:00", "2027-01-01T07:00"),
        ("22:00 07:00", "UTC", "2027-01-01T01:00", "2027-01-01T07:00"),
        ("22:00 07:00", "UTC", "2028-02-28T23:00", "2028-02-29T07:00"),
        ("22:00 00:00", "UTC", "2026-07-01T23:00", "2026-07-02T00:00"),
        ("22:00 00:00", "UTC", "2026-07-02T00:00", None),
        ("00:00 23:59", "UTC", "2026-07-01T00:00", "2026-07-01T23:59"),
        # The night of spring is an hour shorter, that of autumn an hour longer.
        ("22:00 07:00", BERLIN, "2026-03-28T21:00", "2026-03-29T05:00"),
        ("22:00 07:00", BERLIN, "2026-10-24T20:00", "2026-10-25T06:00"),
        ("22:00 07:00", NEW_YORK, "2026-03-08T03:00", "2026-03-08T11:00"),
        ("22:00 07:00", NEW_YORK, "2026-11-01T02:00", "2026-11-01T12:00"),
        # They start or end at a skipped time.
        ("02:30 06:00", BERLIN, "2026-03-29T00:59", None),
        ("02:30 06:00", BERLIN, "2026-03-29T01:00", "2026-03-29T04:00"),
        ("22:00 02:30", BERLIN, "2026-03-29T00:59", "2026-03-29T01:00"),
        ("22:00 02:30", BERLIN, "2026-03-29T01:00", None),
        ("22:00 02:15", LORD_HOWE, "2026-10-03T15:29", "2026-10-03T15:30"),
        ("22:00 02:15", LORD_HOWE, "2026-10-03T15:30", None),
        # They are within what is skipped.
        ("02:10 02:50", BERLIN, "2026-03-29T01:00", None),
        ("02:10 02:50", BERLIN, "2026-03-30T00:10", "2026-03-30T00:50"),
        # Two nights touch where the time between them is skipped.
        ("02:40 02:20", BERLIN, "2026-03-28T12:00", "2026-03-30T00:20"),
        # They start or end at a time that comes twice: the first counts.
        ("02:30 06:00", BERLIN, "2026-10-25T00:30", "2026-10-25T05:00"),
        ("22:00 02:30", BERLIN, "2026-10-25T00:29", "2026-10-25T00:30"),
        ("22:00 02:30", BERLIN, "2026-10-25T01:10", None),
        ("22:00 01:45", LORD_HOWE, "2026-04-04T14:44", "2026-04-04T14:45"),
        ("22:00 01:45", LORD_HOWE, "2026-04-04T15:10", None),
        # A whole day is skipped.
        ("22:00 07:00", "Pacific/Apia", "2011-12-30T09:00", "2011-12-30T17:00"),
    ],
)
def test_it_is_quiet_until_the_hours_end(hours: str, zone: str, at: str, until: str | None) -> None:
    start, end = map(time.fromisoformat, hours.split())
    assert quiet_until(utc(at), start, end, zone) == (until and utc(until))


def test_the_moment_may_be_of_any_time_zone() -> None:
    at = datetime.fromisoformat("2026-07-01T22:30:00+02:00")
    until = quiet_until(at, time(22), time(7), BERLIN)
    assert until == utc("2026-07-02T05:00")
    assert until.tzinfo is UTC


clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@given(clocks, clocks, st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, "UTC"]), st.integers(0, 365 * 1440))
def test_it_is_quiet_exactly_between_a_start_and_its_end(start: time, end: time, zone: str, minute: int) -> None:
    if start == end:
        return
    at = utc("2026-01-01T00:00") + timedelta(minutes=minute)
    days = [at.date() + timedelta(days=offset) for offset in range(-3, 4)]

    def ends(day: date) -> datetime:
        return moment_of(datetime.combine(day + timedelta(days=end < start), end), zone)

    covering = [ends(day) for day in days if moment_of(datetime.combine(day, start), zone) <= at < ends(day)]
    until = quiet_until(at, start, end, zone)
    assert (until is not None) == bool(covering)
    if until is not None:
        assert until >= max(covering)
        assert quiet_until(until, start, end, zone) is None
        assert quiet_until(until - timedelta(minutes=1), start, end, zone) == until


def test_hours_that_are_no_time_at_all_are_refused() -> None:
    check_quiet_hours(time(22), time(7))
    with pytest.raises(ValidationError, match="Quiet hours begin and end at different times"):
        check_quiet_hours(time(22), time(22))
