"""Months of time zones, as reports have them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from monitoring.reports import months
from monitoring.reports.months import Month


@pytest.mark.parametrize(
    ("text", "zone", "since", "until"),
    [
        ("2026-10", "UTC", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("2026-12", "UTC", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("2028-02", "UTC", "2028-02-01T00:00", "2028-03-01T00:00"),
        # An hour longer, and an hour shorter.
        ("2026-10", "Europe/Berlin", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("2026-03", "Europe/Berlin", "2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-11", "America/New_York", "2026-11-01T04:00", "2026-12-01T05:00"),
        # Half an hour longer, of a zone that is not whole hours away from UTC.
        ("2026-04", "Australia/Lord_Howe", "2026-03-31T13:00", "2026-04-30T13:30"),
        ("2026-10", "Asia/Kathmandu", "2026-09-30T18:15", "2026-10-31T18:15"),
        # Clocks skipped the first hour of this month.
        ("2017-10", "America/Asuncion", "2017-10-01T04:00", "2017-11-01T03:00"),
        ("1970-01", "Pacific/Kiritimati", "1970-01-01T10:40", "1970-02-01T10:40"),
        ("9998-12", "America/New_York", "9998-12-01T05:00", "9999-01-01T05:00"),
        (" 2026-10 ", "UTC", "2026-10-01T00:00", "2026-11-01T00:00"),
    ],
)
def test_a_month_lasts_from_midnight_to_midnight_as_clocks_show_it(
    text: str, zone: str, since: str, until: str
) -> None:
    span = months.read(text, zone).span
    assert (f"{span.since:%Y-%m-%dT%H:%M}", f"{span.until:%Y-%m-%dT%H:%M}") == (since, until)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Asuncion", "Pacific/Apia"])
def test_months_follow_each_other_without_a_gap(zone: str) -> None:
    month = Month(2010, 1, zone)
    for number in range(240):
        assert month.later(number).span.until == month.later(number + 1).span.since
        assert timedelta(days=27) < month.later(number).span.until - month.later(number).span.since


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", "26-10", "2026-10-01", "1969-12", "9999-01", "٢٠٢٦-10", "-1", "last"],
)
def test_what_is_no_month_is_a_sentence(text: str) -> None:
    with pytest.raises(ValidationError, match=r"A month is written as 2026-10, from 1970 on\."):
        months.read(text, "UTC")


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-11-01T00:00", "UTC", "2026-10"),
        ("2026-10-31T23:59", "UTC", "2026-09"),
        ("2026-10-31T23:00", "Europe/Berlin", "2026-10"),
        ("2026-10-31T22:59", "Europe/Berlin", "2026-09"),
        ("2026-11-01T03:59", "America/New_York", "2026-09"),
        ("2027-01-15T12:00", "UTC", "2026-12"),
    ],
)
def test_the_last_month_is_the_last_that_is_over_there(now: str, zone: str, expected: str) -> None:
    month = months.last(zone, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert str(month) == expected


def test_a_month_has_a_name() -> None:
    assert [Month(2026, number, "UTC").name for number in (1, 12)] == ["January 2026", "December 2026"]
