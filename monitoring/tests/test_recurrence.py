"""When recurrence rules come round: RFC 5545's own examples, ends of years, and days on which clocks are changed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice

import pytest
from django.core.exceptions import ValidationError

from monitoring.recurrence import check_rrule, starts_in
from monitoring.wall_clock import zone_of

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
WORKDAYS = "MO,TU,WE,TH,FR"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def starts(rule: str, first: str, zone: str, years: int = 12) -> Iterator[datetime]:
    """The local times of the starts."""
    begin = local(first)
    moments = chain.from_iterable(starts_in(begin.year + n, rule, begin, zone) for n in range(years))
    return (moment.astimezone(zone_of(zone)).replace(tzinfo=None) for moment in moments)


def days(written: str) -> list[str]:
    """Such as "1997-09: 2 4; 10: 1": ISO dates, where a year holds until the next."""
    found, year = [], ""
    for month in written.split(";"):
        name, _, numbers = month.strip().partition(":")
        before, _, name = name.rpartition("-")
        year = before or year
        found += [f"{year}-{name}-{int(number):02}" for number in numbers.split()]
    return found


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("FREQ=DAILY;COUNT=10", "1997-09-02", "1997-09: 2 3 4 5 6 7 8 9 10 11"),
        ("FREQ=DAILY;INTERVAL=2", "1997-09-02", "1997-09: 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30; 10: 2 4"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", "1997-09: 2 12 22; 10: 2 12"),
        ("FREQ=WEEKLY;COUNT=10", "1997-09-02", "1997-09: 2 9 16 23 30; 10: 7 14 21 28; 11: 4"),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
            "1997-09-02",
            "1997-09: 2 16 30; 10: 14 28; 11: 11 25; 12: 9 23; 1998-01: 6",
        ),
        ("FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", "1997-09-02", "1997-09: 2 4 9 11 16 18 23 25 30; 10: 2"),
        (
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
            "1997-09-01",
            "1997-09: 1 3 5 15 17 19 29; 10: 1 3 13 15 17 27 29 31; 11: 10 12 14 24 26 28; 12: 8 10 12 22",
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
            "1997-09-05",
            "1997-09: 5; 10: 3; 11: 7; 12: 5; 1998-01: 2; 02: 6; 03: 6; 04: 3; 05: 1; 06: 5",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            "1997-09-07",
            "1997-09: 7 28; 11: 2 30; 1998-01: 4 25; 03: 1 29; 05: 3 31",
        ),
        (
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            "1997-09-22",
            "1997-09: 22; 10: 20; 11: 17; 12: 22; 1998-01: 19; 02: 16",
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", "1997-09: 28; 10: 29; 11: 28; 12: 29; 1998-01: 29; 02: 26"),
        (
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
            "1997-09-30",
            "1997-09: 30; 10: 1 31; 11: 1 30; 12: 1 31; 1998-01: 1 31; 02: 1",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            "1997-09-10",
            "1997-09: 10 11 12 13 14 15; 1999-03: 10 11 12 13",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
            "1997-09-02",
            "1997-09: 2 9 16 23 30; 11: 4 11 18 25; 1998-01: 6 13 20 27",
        ),
        ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997-06-10", "1997-06: 10; 07: 10; 1998-06: 10; 07: 10"),
        (
            "FREQ=YEARLY;INTERVAL=2;COUNT=7;BYMONTH=1,2,3",
            "1997-03-10",
            "1997-03: 10; 1999-01: 10; 02: 10; 03: 10; 2001-01: 10; 02: 10; 03: 10",
        ),
        (
            "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
            "1997-01-01",
            "1997-01: 1; 04: 10; 07: 19; 2000-01: 1; 04: 9; 07: 18; 2003-01: 1; 04: 10; 07: 19; 2006-01: 1",
        ),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", "1997-05: 19; 1998-05: 18; 1999-05: 17"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12", "1997-05: 12; 1998-05: 11; 1999-05: 17"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997-03-13", "1997-03: 13 20 27; 1998-03: 5 12 19 26; 1999-03: 4"),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "1997-09-02",
            "1998-02: 13; 03: 13; 11: 13; 1999-08: 13; 2000-10: 13",
        ),
        ("FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "1997-09-13", "1997-09: 13; 10: 11; 11: 8; 12: 13"),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            "1996-11: 5; 2000-11: 7; 2004-11: 2",
        ),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "1997-09: 4; 10: 7; 11: 6"),
        (
            f"FREQ=MONTHLY;BYDAY={WORKDAYS};BYSETPOS=-2",
            "1997-09-29",
            "1997-09: 29; 10: 30; 11: 27; 12: 30; 1998-01: 29; 02: 26; 03: 30",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05", "1997-08: 5 10 19 24"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05", "1997-08: 5 17 19 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007-01-15", "2007-01: 15 30; 02: 15; 03: 15 30"),
    ],
)
def test_the_examples_of_rfc_5545_come_round_as_it_says(rule: str, first: str, expected: str) -> None:
    wanted = [local(f"{day}T09:00") for day in days(expected)]
    found = list(islice(starts(rule, f"{first}T09:00", NEW_YORK), len(wanted) + 1))
    is_finite = "COUNT" in rule or "UNTIL" in rule
    assert (found if is_finite else found[: len(wanted)]) == wanted


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        # The day is that of the start, or the nearest that the rule names after it.
        ("FREQ=WEEKLY", "2026-07-01", "2026-07: 1 8 15"),
        ("FREQ=WEEKLY;BYDAY=SU", "2026-07-01", "2026-07: 5 12 19"),
        ("FREQ=MONTHLY", "2026-01-31", "2026-01: 31; 03: 31; 05: 31"),
        ("FREQ=YEARLY", "2026-07-01", "2026-07: 1; 2027-07: 1"),
        ("FREQ=YEARLY;BYMONTHDAY=1", "2026-07-01", "2026-07: 1; 08: 1; 09: 1"),
        ("FREQ=YEARLY;BYWEEKNO=10,20", "2026-07-01", "2027-03: 10; 05: 19"),
        ("FREQ=DAILY;BYMONTH=2", "2026-07-01", "2027-02: 1 2 3"),
        # Leap days, and the ends of years.
        ("FREQ=YEARLY", "2024-02-29", "2024-02: 29; 2028-02: 29; 2032-02: 29"),
        ("FREQ=MONTHLY;BYMONTHDAY=29;BYMONTH=2", "2025-01-01", "2028-02: 29; 2032-02: 29"),
        ("FREQ=DAILY;INTERVAL=3", "2026-12-30", "2026-12: 30; 2027-01: 2 5"),
        ("FREQ=YEARLY;BYYEARDAY=-1,366", "2027-01-01", "2027-12: 31; 2028-12: 31; 2029-12: 31"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH,FR", "2026-12-31", "2026-12: 31; 2027-01: 1 14 15"),
        # Some weekdays with a number and some without.
        ("FREQ=MONTHLY;BYDAY=SU,1MO", "2026-07-01", "2026-07: 5 6 12 19 26; 08: 2 3 9"),
        ("FREQ=YEARLY;BYDAY=SU,1MO", "2026-01-01", "2026-01: 4 5 11 18"),
        # A week is whole, though the rule starts within it or the year ends.
        ("FREQ=WEEKLY;BYDAY=MO,TH,SA;BYSETPOS=2", "2026-07-03", "2026-07: 9 16"),
        ("FREQ=WEEKLY;BYDAY=MO,TH,SA;BYSETPOS=-1", "2026-07-03", "2026-07: 4 11"),
        ("FREQ=WEEKLY;BYDAY=TH,FR;BYSETPOS=2", "2026-12-28", "2027-01: 1 8"),
        ("FREQ=YEARLY;BYDAY=SU;BYSETPOS=1,-1,60", "2026-01-01", "2026-01: 4; 12: 27; 2027-01: 3; 12: 26"),
    ],
)
def test_rules_come_round(rule: str, first: str, expected: str) -> None:
    wanted = [local(f"{day}T02:30") for day in days(expected)]
    assert list(islice(starts(rule, f"{first}T02:30", "UTC"), len(wanted))) == wanted


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ("FREQ=DAILY;UNTIL=20260703", 3),
        ("FREQ=DAILY;UNTIL=20260703T023000", 3),
        ("FREQ=DAILY;UNTIL=20260703T022959", 2),
        # In Berlin, 2:30 is 0:30 of UTC.
        ("FREQ=DAILY;UNTIL=20260703T003000Z", 3),
        ("FREQ=DAILY;UNTIL=20260703T002959Z", 2),
        ("FREQ=DAILY;COUNT=3", 3),
        ("FREQ=DAILY;COUNT=400", 400),
        ("FREQ=YEARLY;COUNT=13", 12),
        ("FREQ=DAILY;BYHOUR=2;UNTIL=20260702", 2),
        ("FREQ=DAILY;BYHOUR=1;UNTIL=20260702", 1),
    ],
)
def test_a_rule_ends_with_its_count_or_its_last_day(rule: str, count: int) -> None:
    assert len(list(starts(rule, "2026-07-01T02:30", BERLIN))) == count


def test_a_rule_may_say_the_time_of_day() -> None:
    rule = "FREQ=DAILY;BYHOUR=23;BYMINUTE=5;BYSECOND=7"
    assert next(starts(rule, "2026-07-01T02:30", BERLIN)) == local("2026-07-01T23:05:07")


@pytest.mark.parametrize(
    ("zone", "first", "utc"),
    [
        (BERLIN, "2026-03-28T02:30", ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),
        (BERLIN, "2026-10-24T02:30", ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]),
        (NEW_YORK, "2026-03-07T02:30", ["2026-03-07T07:30", "2026-03-08T07:00", "2026-03-09T06:30"]),
        (NEW_YORK, "2026-10-31T01:30", ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"]),
        ("Australia/Lord_Howe", "2026-10-03T02:15", ["2026-10-02T15:45", "2026-10-03T15:30", "2026-10-04T15:15"]),
        ("Australia/Lord_Howe", "2026-04-04T01:45", ["2026-04-03T14:45", "2026-04-04T14:45", "2026-04-05T15:15"]),
    ],
)
def test_a_daily_rule_starts_once_a_day_where_clocks_are_changed(zone: str, first: str, utc: list[str]) -> None:
    found = starts_in(2026, "FREQ=DAILY", local(first), zone)
    assert list(found[:3]) == [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in utc]


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=DAILY", "1990-01-01"),
        ("FREQ=MONTHLY;BYDAY=1SU", "2026-01-01"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2026-01-01"),
        ("FREQ=DAILY;UNTIL=20260101", "2026-01-01"),
        ("FREQ=DAILY;COUNT=1", "2199-12-31"),
    ],
)
def test_rules_that_come_round_are_allowed(rule: str, first: str) -> None:
    check_rrule(rule, local(first), BERLIN)


NEVER = "This rule never comes round within ten years."
TOO_EARLY = "This rule does not come round before its UNTIL."


@pytest.mark.parametrize(
    ("rule", "first", "sentence"),
    [
        ("FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2", "2026-01-01", NEVER),
        ("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2", "2026-01-01", NEVER),
        ("FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2;COUNT=3", "2026-01-01", NEVER),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTHDAY=29;BYMONTH=2", "2026-01-01", NEVER),
        ("FREQ=YEARLY;INTERVAL=1000;BYMONTH=1", "2026-02-01", NEVER),
        ("FREQ=YEARLY;INTERVAL=11;BYMONTH=1", "2026-02-01", NEVER),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", "2026-01-01", NEVER),
        ("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;UNTIL=20901231", "2026-01-01", NEVER),
        ("FREQ=DAILY;UNTIL=20251231", "2026-01-01", TOO_EARLY),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20260103", "2026-01-01", TOO_EARLY),
        ("FREQ=DAILY", "1969-12-31", "A rule starts in the years from 1970 to 2199."),
        ("FREQ=DAILY", "0001-01-01", "A rule starts in the years from 1970 to 2199."),
        ("FREQ=DAILY", "9999-12-31", "A rule starts in the years from 1970 to 2199."),
        ("FREQ=HOURLY", "2026-01-01", "FREQ=HOURLY is too often: a rule comes round at most daily."),
    ],
)
def test_rules_that_never_come_round_are_refused(rule: str, first: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check_rrule(rule, local(first), BERLIN)
    assert caught.value.messages == [sentence]
