"""What is true of every maintenance window, whatever its kind and on whatever day."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.maintenance_windows import (
    LONGEST_FOLLOWED,
    MAX_MINUTES,
    RuleWindow,
    SingleWindow,
    Window,
    merge,
)
from monitoring.wall_clock import zone_of

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES
INSTANT = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FIRST_DAY = date(2020, 1, 6)
ZONES = [BERLIN, NEW_YORK, LORD_HOWE, "Asia/Kathmandu", "UTC"]
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
durations = st.one_of(
    st.integers(1, 180), st.sampled_from([DAY_MINUTES - 60, DAY_MINUTES, DAY_MINUTES + 60]), st.integers(1, MAX_MINUTES)
)


def weekly(weekdays: frozenset[int], clock: time, zone: str, minutes: int) -> RuleWindow:
    names = ",".join(WEEKDAYS[day] for day in sorted(weekdays))
    return RuleWindow(f"FREQ=WEEKLY;BYDAY={names}", datetime.combine(FIRST_DAY, clock), zone, minutes)


weekly_windows = st.builds(
    weekly,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    clock=clocks,
    zone=st.sampled_from(ZONES),
    minutes=durations,
)
rule_windows = st.builds(
    RuleWindow,
    rule=st.sampled_from(
        [
            "FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=3;COUNT=50",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,SU",
            "FREQ=MONTHLY;BYDAY=1SU,-1SU;UNTIL=20261001T000000Z",
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "FREQ=YEARLY;BYMONTH=12,1;BYMONTHDAY=31,1",
        ]
    ),
    starts=st.datetimes(datetime.fromisoformat("2024-01-01"), datetime.fromisoformat("2027-01-01")),
    zone=st.sampled_from(ZONES),
    minutes=durations,
)
single_windows = st.builds(
    lambda start, length: SingleWindow(start, start + length),
    st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2028-01-01"), timezones=st.just(UTC)),
    st.timedeltas(timedelta(minutes=1), timedelta(days=400)),
)
windows = st.one_of(weekly_windows, rule_windows, single_windows)
YEAR_MINUTES = 365 * DAY_MINUTES
moments = st.integers(0, 2 * YEAR_MINUTES).map(lambda minute: utc("2026-01-01T00:00") + timedelta(minutes=minute))


@given(windows, moments)
def test_ends_agrees_with_the_occurrences_around_it(window: Window, at: datetime) -> None:
    end = window.ends(at)
    covering = [span for span in window.occurrences(at, at + LONGEST_FOLLOWED) if span[0] <= at < span[1]]
    assert [span[1] for span in covering] == ([] if end is None else [end])


@given(windows, moments, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_occurrences_are_in_order_apart_and_within_reach(window: Window, since: datetime, length: timedelta) -> None:
    occurrences = window.occurrences(since, since + length)
    assert all(start < end for start, end in occurrences)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(occurrences))
    assert all(start < since + length and since < end for start, end in occurrences)
    for start, end in occurrences:
        assert window.ends(start) is not None
        assert window.ends(end - INSTANT) is not None


@given(windows, moments)
def test_between_now_and_the_next_start_nothing_else_starts(window: Window, after: datetime) -> None:
    start = window.next_start(after)
    if start is None:
        return
    assert start > after
    assert window.ends(start) is not None
    assert window.ends(start - INSTANT) is None
    quiet_since = window.ends(after) or after
    assert window.occurrences(quiet_since, start) == []


# Weeks with a change of clocks, from the Thursday before.
CHANGES = {
    BERLIN: ["2026-03-26", "2026-10-22"],
    NEW_YORK: ["2026-03-05", "2026-10-29"],
    LORD_HOWE: ["2026-10-01", "2026-04-02"],
    "UTC": ["2026-12-28"],
}


@cache
def clocks_by_minute(zone: str, since: datetime) -> dict[int, datetime]:
    """What clocks show in each minute, from three days before `since` to a week after it."""
    return {
        minute: (since + timedelta(minutes=minute)).astimezone(zone_of(zone)).replace(tzinfo=None)
        for minute in range(-3 * DAY_MINUTES, WEEK_MINUTES)
    }


def covered_minutes(window: RuleWindow, weekdays: frozenset[int], since: datetime) -> set[int]:
    """Minute by minute of a week: a window starts when clocks first show or pass its time on one of its days."""
    covered: set[int] = set()
    started: set[datetime] = set()
    for minute, local in clocks_by_minute(window.zone, since).items():
        begin = datetime.combine(local.date(), window.starts.time())
        if local < begin or begin in started:
            continue
        started.add(begin)
        # Of the first day, the start may have been before, but no window is as long as from then to the week.
        if local.weekday() in weekdays:
            covered.update(range(minute, minute + window.minutes))
    return covered & set(range(WEEK_MINUTES))


# The first example of a zone reads its clocks.
@settings(deadline=None)
@given(st.data())
def test_a_weekly_window_covers_the_minutes_that_clocks_tell(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(sorted(CHANGES)))
    since = utc(data.draw(st.sampled_from(CHANGES[zone])))
    weekdays = data.draw(st.frozensets(st.integers(0, 6), min_size=1))
    window = weekly(
        weekdays,
        # Most of the times near the changes, which are all between one and three in the night.
        data.draw(st.one_of(clocks, st.builds(time, st.integers(0, 3), st.integers(0, 59)))),
        zone,
        data.draw(st.one_of(st.integers(1, 180), st.integers(1, 2 * DAY_MINUTES))),
    )
    by_occurrences: set[int] = set()
    for start, end in window.occurrences(since, since + timedelta(minutes=WEEK_MINUTES)):
        first, last = ((moment - since) // timedelta(minutes=1) for moment in (start, end))
        by_occurrences.update(range(max(first, 0), min(last, WEEK_MINUTES)))
    assert by_occurrences == covered_minutes(window, weekdays, since)
    for minute in data.draw(st.lists(st.integers(0, WEEK_MINUTES - 1), max_size=50)):
        assert (window.ends(since + timedelta(minutes=minute)) is not None) == (minute in by_occurrences)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), max_size=12))
def test_merged_occurrences_cover_the_same_and_are_apart(written: list[tuple[int, int]]) -> None:
    begin = utc("2026-07-01")
    minute = timedelta(minutes=1)
    merged = merge((begin + start * minute, begin + (start + length) * minute) for start, length in written)
    covered = {n for start, length in written for n in range(start, start + length)}
    assert {n for start, end in merged for n in range((start - begin) // minute, (end - begin) // minute)} == covered
    assert all(earlier[1] < later[0] for earlier, later in pairwise(merged))
