"""Maintenance windows of each kind: when they end, when they start, and what is none."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError

from monitoring.maintenance_windows import (
    MAX_MINUTES,
    RuleWindow,
    SingleWindow,
    Window,
    check_breaks,
)
from monitoring.wall_clock import zone_of

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
DAY_MINUTES = 1440


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(*texts: str) -> list[tuple[datetime, datetime]]:
    """Such as "2026-07-05T02:00 2026-07-05T04:00"."""
    return [(utc(text.split()[0]), utc(text.split()[1])) for text in texts]


def weekly(days: str, clock: str, minutes: int, zone: str = "UTC") -> RuleWindow:
    """`days` such as "0 6" for Monday and Sunday."""
    names = ",".join(["MO", "TU", "WE", "TH", "FR", "SA", "SU"][int(day)] for day in days.split())
    return by_rule(f"FREQ=WEEKLY;BYDAY={names}", f"1970-01-01T{clock}", minutes, zone)


def by_rule(rule: str, starts: str, minutes: int, zone: str = "UTC") -> RuleWindow:
    return RuleWindow(rule, datetime.fromisoformat(starts), zone, minutes)


def single(starts_at: str, ends_at: str) -> SingleWindow:
    return SingleWindow(datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at))


# 2026-07-05 is a Sunday.
SUNDAYS = weekly("6", "02:00", 120)
# From Monday 22:00 for four hours, on Tuesday 22:00 again.
NIGHTS = weekly("0 1", "22:00", 240)
FIRST_SUNDAYS = by_rule("FREQ=MONTHLY;BYDAY=1SU", "2026-01-01T02:00", 120)
ONCE = single("2026-07-05T04:00+02:00", "2026-07-05T06:00+02:00")
ALL_WEEK = weekly("0 1 2 3 4 5 6", "00:00", DAY_MINUTES)


@pytest.mark.parametrize(
    ("window", "at", "end"),
    [
        # Half-open.
        *[
            (window, at, end)
            for window in (ONCE, SUNDAYS, FIRST_SUNDAYS)
            for at, end in [
                ("2026-07-05T01:59:59.999999", None),
                ("2026-07-05T02:00", "2026-07-05T04:00"),
                ("2026-07-05T03:59:59.999999", "2026-07-05T04:00"),
                ("2026-07-05T04:00", None),
            ]
        ],
        (ONCE, "2027-07-05T02:00", None),
        (SUNDAYS, "2026-07-06T03:00", None),
        (FIRST_SUNDAYS, "2026-07-12T03:00", None),
        # Before the rule starts, and on its first and last days.
        (FIRST_SUNDAYS, "2025-12-07T03:00", None),
        (by_rule("FREQ=DAILY;COUNT=2", "2026-07-01T02:00", 60), "2026-06-30T02:30", None),
        (by_rule("FREQ=DAILY;COUNT=2", "2026-07-01T02:00", 60), "2026-07-01T02:30", "2026-07-01T03:00"),
        (by_rule("FREQ=DAILY;COUNT=2", "2026-07-01T02:00", 60), "2026-07-02T02:30", "2026-07-02T03:00"),
        (by_rule("FREQ=DAILY;COUNT=2", "2026-07-01T02:00", 60), "2026-07-03T02:30", None),
        # Over midnight, and over the end of a year.
        (NIGHTS, "2026-07-07T01:00", "2026-07-07T02:00"),
        (weekly("3", "23:00", 180), "2026-12-31T23:30", "2027-01-01T02:00"),
        (weekly("3", "23:00", 180), "2027-01-01T01:30", "2027-01-01T02:00"),
        # The local year is another than that of UTC, either way.
        (weekly("4", "00:30", 60, "Pacific/Kiritimati"), "2026-12-31T11:00", "2026-12-31T11:30"),
        (weekly("3", "23:30", 60, "Pacific/Pago_Pago"), "2027-01-01T11:00", "2027-01-01T11:30"),
        (by_rule("FREQ=YEARLY", "2020-01-01T00:30", 60, "Pacific/Kiritimati"), "2026-12-31T11:00", "2026-12-31T11:30"),
        # A leap day.
        (by_rule("FREQ=YEARLY", "2024-02-29T12:00", 60), "2028-02-29T12:30", "2028-02-29T13:00"),
        (by_rule("FREQ=YEARLY", "2024-02-29T12:00", 60), "2027-03-01T12:30", None),
        # Overlapping and touching occurrences are one.
        (weekly("0 1", "22:00", DAY_MINUTES), "2026-07-06T22:00", "2026-07-08T22:00"),
        (weekly("0 1", "22:00", DAY_MINUTES + 60), "2026-07-06T22:00", "2026-07-08T23:00"),
        (weekly("0 1", "22:00", DAY_MINUTES - 1), "2026-07-06T22:00", "2026-07-07T21:59"),
        (weekly("0 1", "22:00", DAY_MINUTES - 1), "2026-07-07T21:59", None),
        (by_rule("FREQ=DAILY;UNTIL=20270102", "2026-12-30T12:00", DAY_MINUTES), "2026-12-30T12:00", "2027-01-03T12:00"),
        # Of what never ends, 400 days are followed.
        (ALL_WEEK, "2026-07-05T12:00", "2027-08-10T00:00"),
        # A start that clocks skip is the first moment after; the duration is elapsed time.
        (weekly("6", "02:30", 60, BERLIN), "2026-03-29T00:59", None),
        (weekly("6", "02:30", 60, BERLIN), "2026-03-29T01:00", "2026-03-29T02:00"),
        (weekly("6", "01:30", 60, BERLIN), "2026-03-29T00:30", "2026-03-29T01:30"),
        (weekly("6", "02:30", 60, NEW_YORK), "2026-03-08T07:59", "2026-03-08T08:00"),
        (weekly("6", "02:15", 60, LORD_HOWE), "2026-10-03T15:30", "2026-10-03T16:30"),
        # A start that comes twice is the first of them.
        (weekly("6", "02:30", 30, BERLIN), "2026-10-25T00:30", "2026-10-25T01:00"),
        (weekly("6", "02:30", 30, BERLIN), "2026-10-25T01:30", None),
        (weekly("6", "01:30", 60, NEW_YORK), "2026-11-01T05:30", "2026-11-01T06:30"),
        (weekly("6", "01:30", 60, NEW_YORK), "2026-11-01T06:30", None),
        (weekly("6", "01:45", 15, LORD_HOWE), "2026-04-04T14:45", "2026-04-04T15:00"),
        (weekly("6", "01:45", 15, LORD_HOWE), "2026-04-04T15:15", None),
        # The day of autumn is longer than the window, that of spring shorter.
        (weekly("5 6 0", "00:00", DAY_MINUTES, BERLIN), "2026-10-24T10:00", "2026-10-25T22:00"),
        (weekly("5 6 0", "00:00", DAY_MINUTES, BERLIN), "2026-03-28T10:00", "2026-03-30T22:00"),
    ],
)
def test_it_ends_with_the_last_occurrence_that_follows_without_a_break(
    window: Window, at: str, end: str | None
) -> None:
    assert window.ends(utc(at)) == (end and utc(end))


@pytest.mark.parametrize("window", [ONCE, SUNDAYS, FIRST_SUNDAYS])
def test_moments_come_in_any_time_zone_and_leave_in_utc(window: Window) -> None:
    tokyo = zone_of("Asia/Tokyo")
    before, during, after = (
        utc(f"2026-07-05T0{hour}:00").astimezone(tzinfo) for hour in (1, 3, 5) for tzinfo in [tokyo]
    )
    moments = [window.ends(during), window.next_start(before), *window.occurrences(before, after)[0]]
    assert moments == [utc(f"2026-07-05T0{hour}:00") for hour in (4, 2, 2, 4)]
    assert [moment and moment.tzinfo for moment in moments] == [UTC] * 4


@pytest.mark.parametrize(
    ("window", "since", "until", "expected"),
    [
        *[
            (window, since, until, expected)
            for window in (ONCE, SUNDAYS, FIRST_SUNDAYS)
            for since, until, expected in [
                ("2026-07-05T00:00", "2026-07-05T02:00", []),
                ("2026-07-05T00:00", "2026-07-05T02:00:01", ["2026-07-05T02:00 2026-07-05T04:00"]),
                ("2026-07-05T03:00", "2026-07-05T03:01", ["2026-07-05T02:00 2026-07-05T04:00"]),
                ("2026-07-05T03:59:59", "2026-07-06T00:00", ["2026-07-05T02:00 2026-07-05T04:00"]),
                ("2026-07-05T04:00", "2026-07-06T00:00", []),
                ("2026-07-05T03:00", "2026-07-05T03:00", []),
                ("2026-07-05T03:30", "2026-07-05T03:00", []),
            ]
        ],
        (
            SUNDAYS,
            "2026-12-20T03:00",
            "2027-01-03T03:00",
            [f"{day}T02:00 {day}T04:00" for day in ("2026-12-20", "2026-12-27", "2027-01-03")],
        ),
        (
            NIGHTS,
            "2026-07-06T00:00",
            "2026-07-07T23:00",
            [f"2026-07-0{n}T22:00 2026-07-0{n + 1}T02:00" for n in (6, 7)],
        ),
        (
            weekly("0 1", "22:00", DAY_MINUTES),
            "2026-07-07T00:00",
            "2026-07-08T00:00",
            ["2026-07-06T22:00 2026-07-08T22:00"],
        ),
        (
            weekly("5 6 0", "00:00", DAY_MINUTES, BERLIN),
            "2026-10-24T00:00",
            "2026-10-27T00:00",
            ["2026-10-23T22:00 2026-10-25T22:00", "2026-10-25T23:00 2026-10-26T23:00"],
        ),
        (SUNDAYS, "0001-01-01T00:00", "1970-01-05T00:00", ["1970-01-04T02:00 1970-01-04T04:00"]),
        (FIRST_SUNDAYS, "9999-12-30T00:00", "9999-12-31T23:59", []),
    ],
)
def test_occurrences_are_those_that_reach_into_the_time(
    window: Window, since: str, until: str, expected: list[str]
) -> None:
    assert window.occurrences(utc(since), utc(until)) == spans(*expected)


@pytest.mark.parametrize(
    ("window", "after", "start"),
    [
        *[
            (window, after, start)
            for window in (ONCE, SUNDAYS, FIRST_SUNDAYS)
            for after, start in [
                ("2026-07-05T01:00", "2026-07-05T02:00"),
                ("2026-07-05T01:59:59.999999", "2026-07-05T02:00"),
            ]
        ],
        (ONCE, "2026-07-05T02:00", None),
        (SUNDAYS, "2026-07-05T02:00", "2026-07-12T02:00"),
        (FIRST_SUNDAYS, "2026-07-05T02:00", "2026-08-02T02:00"),
        (FIRST_SUNDAYS, "2026-12-31T00:00", "2027-01-03T02:00"),
        (FIRST_SUNDAYS, "2020-01-01T00:00", "2026-01-04T02:00"),
        # What only goes on does not start.
        (weekly("0 1", "22:00", DAY_MINUTES), "2026-07-07T00:00", "2026-07-13T22:00"),
        (weekly("0 1", "22:00", DAY_MINUTES - 1), "2026-07-07T00:00", "2026-07-07T22:00"),
        # Rules that are over, that start too late, and that seldom come round.
        (by_rule("FREQ=DAILY;COUNT=2", "2026-07-01T02:00", 60), "2026-07-02T02:00", None),
        (by_rule("FREQ=DAILY;UNTIL=20260702", "2026-07-01T02:00", 60), "2026-07-02T02:00", None),
        (by_rule("FREQ=DAILY", "2050-01-01T02:00", 60), "2026-07-01T00:00", None),
        (by_rule("FREQ=YEARLY", "2024-02-29T02:00", 60), "2024-03-01T00:00", "2028-02-29T02:00"),
        (by_rule("FREQ=YEARLY;INTERVAL=3", "2024-02-29T02:00", 60), "2024-03-01T00:00", None),
        # What never ends, and what ends once a year for an hour.
        (ALL_WEEK, "2026-07-05T12:00", None),
        (weekly("0 1 2 3 4 5 6", "00:00", DAY_MINUTES, BERLIN), "2026-11-01T00:00", "2027-10-31T23:00"),
        (weekly("6", "02:30", 60, BERLIN), "2026-03-28T00:00", "2026-03-29T01:00"),
        (weekly("6", "02:30", 60, BERLIN), "2026-10-24T00:00", "2026-10-25T00:30"),
    ],
)
def test_it_starts_next_after_a_moment(window: Window, after: str, start: str | None) -> None:
    assert window.next_start(utc(after)) == (start and utc(start))


# --- What is refused ------------------------------------------------------------------------------


def never_breaks(window: RuleWindow) -> Callable[[], None]:
    return lambda: check_breaks(window, utc("2026-07-05T12:00"))


UNBROKEN = (
    "This window would stay open for more than 31 days without a break: make it a single one, or pause the website."
)


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (never_breaks(ALL_WEEK), UNBROKEN),
        (never_breaks(weekly("0", "12:00", MAX_MINUTES)), UNBROKEN),
        (never_breaks(weekly("0 1 2 3 4 5 6", "00:00", DAY_MINUTES, BERLIN)), UNBROKEN),
        (never_breaks(by_rule("FREQ=DAILY", "2027-07-01T00:00", DAY_MINUTES)), UNBROKEN),
        (never_breaks(by_rule("FREQ=DAILY", "2031-07-01T00:00", DAY_MINUTES)), UNBROKEN),
    ],
)
def test_what_cannot_be_a_window_is_refused_with_a_sentence(check: Callable[[], None], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check()
    assert caught.value.messages == [sentence]


def test_what_can_be_a_window_is_allowed() -> None:
    for window in (SUNDAYS, FIRST_SUNDAYS, weekly("0 1 2 3 4 5", "00:00", DAY_MINUTES)):
        check_breaks(window, utc("2026-07-05T12:00"))


def test_what_never_comes_round_covers_nothing() -> None:
    window = by_rule("FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2", "1990-01-01T02:00", 60)
    assert window.ends(utc("2026-07-05T02:30")) is None
    assert window.next_start(utc("2026-07-05T02:30")) is None
    assert window.occurrences(utc("2026-07-05T02:30"), utc("2036-07-05T02:30")) == []


def test_a_text_that_is_no_rule_is_refused_where_it_is_used() -> None:
    with pytest.raises(ValidationError, match="FREQ is missing"):
        by_rule("BYDAY=MO", "2026-01-01T00:00", 60).ends(utc("2026-07-05T02:30"))
