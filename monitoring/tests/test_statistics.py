"""What is drawn of websites, against the checks themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from monitoring import rollups, statistics
from monitoring.models import (
    DailyRollup,
    HourlyRollup,
    MaintenanceWindow,
    MonitoringData,
    RecentRollup,
    RollupProgress,
    WatchPeriod,
)
from monitoring.rollup_tables import DAY, HOUR
from monitoring.statistics import Counts, Summary
from monitoring.tests.checks_made import NOON, added_up, any_checks, begin_rollups, check, watched_website
from monitoring.watch_periods import Span
from websites.models import Website

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
# Some way into an hour that is not rolled up yet.
NOW = NOON + 2 * DAY + timedelta(hours=5, minutes=37, seconds=12)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def website() -> Website:
    return watched_website(since=NOON)


@pytest.fixture
def checks(clock: time_machine.Traveller, website: Website) -> list[MonitoringData]:
    """Of two days and some hours, rolled up as they are in life."""
    begin_rollups()
    made = any_checks(website, Span(NOON, NOW), seed=3)
    MonitoringData.objects.bulk_create(made)
    rollups.roll_up()
    return made


def roll_back_to(hour: datetime) -> None:
    """Have rolling up be so far behind."""
    RollupProgress.objects.update(hours_until=hour, recent_until=hour, days_until=rollups.floor(hour, DAY))
    for rollup, until in ((DailyRollup, rollups.floor(hour, DAY)), (HourlyRollup, hour), (RecentRollup, hour)):
        rollup._default_manager.filter(started_at__gte=until).delete()


def counts_of(made: list[MonitoringData], span: Span) -> tuple[int, int, int]:
    wanted = added_up(made, span)
    return wanted.up, wanted.down, wanted.unknown


def in_numbers(counts: Counts) -> tuple[int, int, int]:
    return counts.up, counts.down, counts.unknown


def test_the_last_day_is_there_in_half_hours(website: Website, checks: list[MonitoringData]) -> None:
    found = statistics.recent([website.pk], NOW)[website.pk]
    assert found.since + 47 * 30 * MINUTE == NOON + 2 * DAY + 5 * HOUR + 30 * MINUTE
    for number, counts in enumerate(found.half_hours):
        begins = found.since + number * 30 * MINUTE
        span = Span(begins, min(begins + 30 * MINUTE, NOW))
        assert in_numbers(counts) == counts_of(checks, span)
        assert counts.expected == pytest.approx((span.until - span.since) / MINUTE)
    assert in_numbers(found.day) == counts_of(checks, Span(found.since, NOW))


def maintain(since: datetime, minutes: int, **fields: Any) -> None:
    MaintenanceWindow.objects.create(
        name=f"{since}", first_day=since.date(), start_time=since.time(), minutes=minutes, **fields
    )


def test_of_each_half_hour_as_much_is_expected_as_it_was_watched(clock: time_machine.Traveller) -> None:
    begin_rollups()
    begun = NOON + DAY + 12 * HOUR + 30 * MINUTE
    website = watched_website(2, since=begun)
    other = watched_website(3, since=begun)
    gaps = [Span(begun + n * HOUR, begun + n * HOUR + length * MINUTE) for n, length in ((1, 30), (3, 10), (9, 60))]
    made = any_checks(website, Span(begun, NOW), seed=6)
    MonitoringData.objects.bulk_create(made)
    for gap in gaps:
        maintain(gap.since, (gap.until - gap.since) // MINUTE)
    clock.move_to(NOON + 2 * DAY)
    WatchPeriod.objects.filter(website=other).update(until=NOON + 2 * DAY - 45 * MINUTE)
    clock.move_to(NOW)
    rollups.roll_up()
    found = statistics.recent([website.pk, other.pk], NOW)
    for number, counts in enumerate(found[website.pk].half_hours):
        begins = found[website.pk].since + number * 30 * MINUTE
        span = Span(begins, min(begins + 30 * MINUTE, NOW))
        wanted = sum(part.overlap(Span(begun, NOW)) for part in span.without(gaps)) / 60
        assert counts.expected == pytest.approx(wanted)
        assert in_numbers(counts) == in_numbers(added_up(made, span, gaps))
    assert found[website.pk].day.expected == pytest.approx((NOW - begun) / MINUTE - 100)
    # It was paused at 11:15: of that hour, a whole half hour and the half of another.
    watched = [counts.expected for counts in found[other.pk].half_hours if counts.expected]
    assert watched[-1] == pytest.approx(15)
    assert found[other.pk].day.expected == pytest.approx(10.75 * 60 - 100)
    # As it was counted, whatever becomes of the windows.
    RollupProgress.objects.update(checks_since=NOW)
    MaintenanceWindow.objects.all().delete()
    rollups.roll_up()
    later = statistics.recent([website.pk], NOW)[website.pk]
    for one, counts in zip(found[website.pk].half_hours[:-2], later.half_hours[:-2], strict=True):
        assert one.expected == pytest.approx(counts.expected)
        assert in_numbers(one) == in_numbers(counts)


def test_week_and_month_are_of_whole_days_and_today(website: Website, checks: list[MonitoringData]) -> None:
    found = statistics.recent([website.pk], NOW)[website.pk]
    assert in_numbers(found.week) == in_numbers(found.month) == counts_of(checks, Span(NOON, NOW))
    assert found.week.expected == found.month.expected == pytest.approx((NOW - NOON) / MINUTE)


def test_a_week_leaves_out_what_is_older(clock: time_machine.Traveller, website: Website) -> None:
    begin_rollups()
    now = NOON + 9 * DAY
    website.monitoring_interval = 300
    made = any_checks(website, Span(NOON, now), seed=4)
    MonitoringData.objects.bulk_create(made)
    clock.move_to(now)
    rollups.roll_up()
    found = statistics.recent([website.pk], now)[website.pk]
    midnight = now - timedelta(hours=12)
    assert in_numbers(found.week) == counts_of(made, Span(midnight - 7 * DAY, now))
    assert in_numbers(found.month) == counts_of(made, Span(NOON, now))


@pytest.mark.parametrize("behind", [8, 40])
def test_a_week_is_no_longer_where_rolling_up_is_behind(clock: time_machine.Traveller, behind: int) -> None:
    now = NOON + 50 * DAY
    begin_rollups(now - behind * DAY)
    website = watched_website(2, 300, now - behind * DAY)
    clock.move_to(now)
    found = statistics.recent([website.pk], now)[website.pk]
    assert found.week.expected == pytest.approx(7.5 * DAY / (5 * MINUTE))
    assert found.month.expected == pytest.approx(min(behind, 30.5) * DAY / (5 * MINUTE))


def test_medians_are_of_hours(website: Website, checks: list[MonitoringData]) -> None:
    found = statistics.recent([website.pk], NOW)[website.pk]
    hour = rollups.floor(found.since, HOUR)
    assert len(found.medians) == 25 if hour != found.since else 24
    for median in found.medians[1:]:
        hour += HOUR
        assert median == added_up(checks, Span(hour, min(hour + HOUR, NOW))).histogram.percentile(50)


def test_where_rolling_up_lags_behind_the_checks_themselves_are_read(
    website: Website, checks: list[MonitoringData]
) -> None:
    before = statistics.recent([website.pk], NOW)[website.pk]
    roll_back_to(NOON + DAY)
    after = statistics.recent([website.pk], NOW)[website.pk]
    for one, other in zip(before.half_hours, after.half_hours, strict=True):
        assert in_numbers(one) == in_numbers(other)
    assert in_numbers(before.month) == in_numbers(after.month)
    assert before.medians == after.medians


@pytest.mark.parametrize("hours", [0, 50])
def test_what_is_drawn_does_not_depend_on_what_is_rolled_up(
    website: Website, checks: list[MonitoringData], hours: int
) -> None:
    roll_back_to(NOON + hours * HOUR)
    in_all = counts_of(checks, Span(NOON, NOW))
    points = statistics.series(website.pk, Span(NOON, NOW), 20)
    days = statistics.days([website.pk], 5, NOW)[website.pk]
    for drawn in ([point.summary for point in points], days):
        total = Counts()
        for counts in drawn:
            total.add_counts(counts)
        assert in_numbers(total) == in_all
    roll_back_to(NOON - DAY)
    assert sum(point.summary.up for point in statistics.series(website.pk, Span(NOON, NOW), 20)) == in_all[0]


def test_a_website_that_nobody_watched_has_nothing_to_show(clock: time_machine.Traveller) -> None:
    website = watched_website(since=NOW)
    found = statistics.recent([website.pk], NOW)[website.pk]
    assert {counts.uptime for counts in found.half_hours} == {None}
    assert (found.day.coverage, found.week.uptime, set(found.medians)) == (None, None, {None})
    _, summaries = statistics.summaries([website.pk], Span(NOW - DAY, NOW))
    summary = summaries[website.pk]
    assert (summary.uptime, summary.coverage, summary.percentile(50), summary.mean) == (None, None, None, None)
    assert {point.summary.uptime for point in statistics.series(website.pk, Span(NOW - DAY, NOW), 300)} == {None}


def test_days_are_those_of_utc_with_today_last(website: Website, checks: list[MonitoringData]) -> None:
    found = statistics.days([website.pk], 5, NOW)[website.pk]
    today = rollups.floor(NOW, DAY)
    for number, counts in enumerate(found):
        span = Span(today + (number - 4) * DAY, min(today + (number - 3) * DAY, NOW))
        assert in_numbers(counts) == counts_of(checks, span)
    assert found[0].coverage is None
    # From noon on.
    assert found[2].expected == pytest.approx(720)


@pytest.mark.parametrize(
    ("back", "points", "width"),
    [
        (timedelta(hours=1), 300, MINUTE),
        (timedelta(hours=6), 300, 2 * MINUTE),
        (timedelta(hours=24), 300, 5 * MINUTE),
        (timedelta(hours=24), 50, 30 * MINUTE),
        (timedelta(days=2), 10, 6 * HOUR),
        (timedelta(days=30), 300, 3 * HOUR),
        (timedelta(days=365), 300, 2 * DAY),
        (timedelta(days=365), 2, timedelta(days=365)),
        (timedelta(seconds=5), 300, MINUTE),
    ],
)
def test_a_series_has_the_width_that_its_points_allow(
    website: Website, checks: list[MonitoringData], back: timedelta, points: int, width: timedelta
) -> None:
    window = Span(NOW - back, NOW)
    found = statistics.series(website.pk, window, points)
    assert len(found) <= points
    assert found[0].span.since <= window.since < found[0].span.until
    assert found[-1].span.until == NOW
    assert all(span.until - span.since == width for span, _ in found[:-1])
    for span, summary in found:
        wanted = added_up(checks, span)
        assert in_numbers(summary) == (wanted.up, wanted.down, wanted.unknown)
        assert summary.histogram.counts == wanted.histogram.counts
        assert summary.expected == pytest.approx(span.common(Span(NOON, NOW)).overlap(span) / 60)


def test_maintenance_is_in_no_series(website: Website, checks: list[MonitoringData]) -> None:
    started = NOW - 30 * MINUTE
    window = Span(NOW - 60 * MINUTE, NOW)
    MaintenanceWindow.objects.create(name="move", first_day=started.date(), start_time=started.time(), minutes=10)
    found = statistics.series(website.pk, window, 300)
    gap = Span(started, started + 10 * MINUTE)
    total = sum(point.summary.expected for point in found)
    assert total == pytest.approx((found[-1].span.until - found[0].span.since) / MINUTE - 10)
    assert sum(point.summary.up for point in found) == added_up(checks, Span(found[0].span.since, NOW), [gap]).up


def test_a_window_may_have_more_maintenance_than_a_statement_bears(clock: time_machine.Traveller) -> None:
    """Three times an hour, for 20 days of which nothing is rolled up."""
    begin = NOON.replace(hour=0)
    begin_rollups()
    website = watched_website(2, 300, since=begin)
    now = begin + 20 * DAY
    gaps = [Span(begin + n * 20 * MINUTE, begin + (n * 20 + 5) * MINUTE) for n in range(20 * 72)]
    for gap in gaps[:72]:
        maintain(gap.since, 5, kind="rule", rule="FREQ=DAILY")
    made = any_checks(website, Span(begin + 9 * DAY, begin + 11 * DAY), seed=7)
    MonitoringData.objects.bulk_create(made)
    clock.move_to(now)
    wanted = added_up(made, Span(begin, now), gaps)
    _, summed = statistics.summaries([website.pk], Span(begin, now))
    points = statistics.series(website.pk, Span(begin, now), 2000)
    assert {span.until - span.since for span, _ in points} == {15 * MINUTE}
    total = Summary()
    for point in points:
        total.add(point.summary)
    for found in (summed[website.pk], total):
        assert in_numbers(found) == in_numbers(wanted)
        assert found.histogram.counts == wanted.histogram.counts
        assert found.expected == pytest.approx(20 * DAY / (5 * MINUTE) * 3 / 4)
    assert in_numbers(statistics.recent([website.pk], now)[website.pk].month) == in_numbers(wanted)


def test_a_series_is_as_wide_as_what_is_left_of_its_checks(website: Website, checks: list[MonitoringData]) -> None:
    RollupProgress.objects.update(checks_since=NOON + DAY)
    asked = Span(NOON + 10 * MINUTE, NOON + 70 * MINUTE)
    found = statistics.series(website.pk, asked, 300)
    assert [point.span for point in found] == [Span(NOON + n * HOUR, NOON + (n + 1) * HOUR) for n in range(2)]
    covered, summaries = statistics.summaries([website.pk], asked)
    assert covered == Span(found[0].span.since, found[-1].span.until)
    assert sum(point.summary.up for point in found) == summaries[website.pk].up


@pytest.mark.parametrize("points", [2, 3, 17])
def test_a_series_of_a_window_that_began_long_before_all_data_has_no_more_points(
    clock: time_machine.Traveller, website: Website, points: int
) -> None:
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    for until in (NOON - DAY, NOW):
        found = statistics.series(website.pk, Span(begin, until), points)
        assert len(found) <= points
        assert found[0].span.since <= begin
        assert found[-1].span.until >= until


@pytest.mark.parametrize("microsecond", [0, 499_999, 999_499, 999_500, 999_999])
def test_the_last_check_of_a_series_is_in_its_last_piece(
    clock: time_machine.Traveller, website: Website, microsecond: int
) -> None:
    until = NOON + 10 * MINUTE
    check(website, until - timedelta(seconds=1) + timedelta(microseconds=microsecond)).save()
    found = statistics.series(website.pk, Span(NOON, until), 300)
    assert found[-1].summary.up == 1
    assert sum(point.summary.up for point in found) == 1


def test_a_series_of_a_new_website_is_as_fine_as_its_checks(clock: time_machine.Traveller) -> None:
    begin_rollups(NOON)
    RollupProgress.objects.update(checks_since=NOON, hours_until=NOON, recent_until=NOON)
    begun, now = NOON + 40 * MINUTE, NOON + 45 * MINUTE
    website = watched_website(2, since=begun)
    made = any_checks(website, Span(begun, now), seed=5)
    MonitoringData.objects.bulk_create(made)
    clock.move_to(now)
    found = statistics.series(website.pk, Span(now - HOUR, now), 300)
    assert {span.until - span.since for span, _ in found} == {MINUTE}
    assert sum(point.summary.observed for point in found) == sum(counts_of(made, Span(begun, now))[:2])
    # Of a time whose checks are gone, hours are all there is.
    nothing = dict.fromkeys(("down", "unknown", "early_up", "early_down", "early_unknown"), 0)
    HourlyRollup.objects.create(website=website, started_at=NOON - HOUR, expected=60, up=60, **nothing)
    assert len(statistics.series(website.pk, Span(now - HOUR, now), 300)) == 2


def test_before_all_checks_a_series_is_of_days(clock: time_machine.Traveller, website: Website) -> None:
    window = Span(NOW - timedelta(days=500), NOW - timedelta(days=490))
    assert {span.until - span.since for span, _ in statistics.series(website.pk, window, 2000)[:-1]} == {DAY}


def test_counts_add_up() -> None:
    counts = Counts(10.0, 4, 1, 2)
    counts.add_counts(Counts(10.0, 4, 1, 0))
    assert (counts.uptime, counts.coverage, counts.observed) == (0.8, 0.5, 10)
