"""Rollups against the same sums made one check at a time, on rows that the database keeps."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from monitoring import rollup_tables, rollups, statistics
from monitoring.models import (
    DailyRollup,
    HourlyRollup,
    MaintenanceWindow,
    MonitoringData,
    RecentRollup,
    RollupProgress,
    StaleHour,
    WatchPeriod,
)
from monitoring.rollup_tables import DAY, HOUR
from monitoring.statistics import PHASES, Summary
from monitoring.tests.checks_made import NOON, added_up, any_checks, begin_rollups, check, watched_website
from monitoring.watch_periods import Span
from websites.models import Website

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
BELIEVED_AFTER = "monitoring.clock.BELIEVED_AFTER"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def assert_same(found: Summary, wanted: Summary) -> None:
    assert (found.up, found.down, found.unknown) == (wanted.up, wanted.down, wanted.unknown)
    assert found.histogram.counts == wanted.histogram.counts
    assert found.errors == wanted.errors
    assert found.response_min == pytest.approx(wanted.response_min)
    assert found.response_max == pytest.approx(wanted.response_max)
    assert found.response_sum == pytest.approx(wanted.response_sum)
    for phase in PHASES:
        assert found.phase_sums[phase] == pytest.approx(wanted.phase_sums[phase])


def summary(website: Website, span: Span) -> Summary:
    covered, found = statistics.summaries([website.pk], span)
    assert covered == span
    return found[website.pk]


def rolled() -> list[dict[str, Any]]:
    """All that is rolled up, in an order; texts as counts."""
    rows: list[dict[str, Any]] = []
    for rollup in (HourlyRollup, DailyRollup):
        rows += map(dict, rollup._default_manager.order_by("website_id", "started_at").values())
    for row in rows:
        for text in ("histogram", "errors"):
            row[text] = sorted(row[text].split(","))
    return rows


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (timedelta(), timedelta(hours=49)),
        (timedelta(minutes=1), timedelta(hours=49)),
        (timedelta(minutes=29, seconds=17), timedelta(hours=3, minutes=1)),
        (timedelta(hours=12), timedelta(hours=36)),
        (timedelta(hours=11, minutes=59), timedelta(hours=36, minutes=1)),
        (timedelta(hours=47, minutes=10), timedelta(hours=49, minutes=8)),
        (timedelta(hours=48, minutes=2), timedelta(hours=48, minutes=3)),
        (timedelta(hours=5, minutes=10), timedelta(hours=5, minutes=50)),
    ],
)
def test_any_window_is_what_its_checks_add_up_to(
    clock: time_machine.Traveller, since: timedelta, until: timedelta
) -> None:
    begin_rollups()
    websites = [watched_website(1), watched_website(2, 45)]
    now = NOON + timedelta(hours=49, minutes=9)
    checks = {made.pk: any_checks(made, Span(NOON, now), seed) for seed, made in enumerate(websites)}
    for made in checks.values():
        MonitoringData.objects.bulk_create(made)
    clock.move_to(now)
    rollups.roll_up()
    assert RollupProgress.objects.get().hours_until == NOON + timedelta(hours=49)
    window = Span(NOON + since, NOON + until)
    for website in websites:
        found = summary(website, window)
        assert_same(found, added_up(checks[website.pk], window))
        assert found.expected == pytest.approx((until - since).total_seconds() / website.monitoring_interval)


def test_rolling_up_again_changes_nothing(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    MonitoringData.objects.bulk_create(any_checks(website, Span(NOON, NOON + 2 * DAY), seed=1))
    clock.move_to(NOON + 2 * DAY + timedelta(minutes=10))
    assert rollups.roll_up() > 0
    before = rolled()
    assert rollups.roll_up() == 0
    RollupProgress.objects.update(hours_until=NOON, days_until=NOON - timedelta(hours=12))
    rollups.roll_up()
    assert rolled() == before


def test_an_hour_waits_for_its_last_checks(clock: time_machine.Traveller) -> None:
    begin_rollups()
    watched_website()
    clock.move_to(NOON + HOUR + rollups.GRACE - timedelta(seconds=1))
    rollups.roll_up()
    assert not HourlyRollup.objects.exists()
    clock.move_to(NOON + HOUR + rollups.GRACE)
    rollups.roll_up()
    assert HourlyRollup.objects.get().started_at == NOON


def test_what_has_no_hour_yet_is_there_by_ten_minutes(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    checks = any_checks(website, Span(NOON, NOON + HOUR), seed=1)
    MonitoringData.objects.bulk_create(checks)
    clock.move_to(NOON + 32 * MINUTE)
    rollups.roll_up()
    rows = RecentRollup.objects.order_by("started_at")
    assert [row.started_at for row in rows] == [NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE]
    for row in rows:
        wanted = added_up(checks, Span(row.started_at, row.started_at + 10 * MINUTE))
        assert (row.up, row.down, row.unknown, row.expected) == (wanted.up, wanted.down, wanted.unknown, 10)
    window = Span(NOON, NOON + 32 * MINUTE)
    MonitoringData.objects.filter(entry_timestamp__lt=NOON + 30 * MINUTE).delete()
    assert_same(summary(website, window), added_up(checks, window))
    clock.move_to(NOON + HOUR + rollups.GRACE)
    rollups.roll_up()
    assert RollupProgress.objects.get().recent_until == NOON + HOUR
    # Who has read before that there is no hour yet still reads these.
    assert RecentRollup.objects.filter(started_at__lt=NOON + HOUR).count() == 3
    clock.move_to(NOON + 2 * HOUR + rollups.GRACE)
    rollups.roll_up()
    assert not RecentRollup.objects.filter(started_at__lt=NOON + HOUR).exists()


@pytest.mark.parametrize("day_is_made", [False, True])
def test_checks_that_come_late_are_in_their_hour_and_day(clock: time_machine.Traveller, day_is_made: bool) -> None:
    begin_rollups()
    website, neighbour = watched_website(1), watched_website(2)
    checks = any_checks(website, Span(NOON, NOON + HOUR), seed=1)
    MonitoringData.objects.bulk_create([*checks[:20], check(neighbour, NOON)])
    clock.move_to(NOON + (DAY if day_is_made else HOUR) + timedelta(minutes=10))
    rollups.roll_up()
    MonitoringData.objects.bulk_create(checks[20:])
    rollups.late((one.website_id, one.entry_timestamp) for one in checks[20:])
    assert rollups.roll_up() == 1
    assert not StaleHour.objects.exists()
    window = Span(NOON, NOON + HOUR)
    assert_same(summary(website, window), added_up(checks, window))
    assert summary(neighbour, window).up == 1
    if day_is_made:
        midnight = NOON - timedelta(hours=12)
        assert_same(summary(website, Span(midnight, midnight + DAY)), added_up(checks, window))


def test_what_is_late_before_its_hour_is_rolled_up_waits_for_that(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    clock.move_to(NOON + timedelta(minutes=30))
    late = check(website, NOON)
    late.save()
    rollups.late([(website.pk, NOON)])
    rollups.roll_up()
    assert StaleHour.objects.count() == 1
    clock.move_to(NOON + HOUR + rollups.GRACE)
    rollups.roll_up()
    assert not StaleHour.objects.exists()
    assert summary(website, Span(NOON, NOON + HOUR)).up == 1


def test_what_is_late_for_its_ten_minutes_counts_at_once(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    checks = any_checks(website, Span(NOON, NOON + 30 * MINUTE), seed=1)
    MonitoringData.objects.bulk_create(checks[:5])
    clock.move_to(NOON + 32 * MINUTE)
    rollups.roll_up()
    MonitoringData.objects.bulk_create(checks[5:])
    rollups.late((one.website_id, one.entry_timestamp) for one in checks[5:])
    window = Span(NOON, NOON + 32 * MINUTE)
    wanted = added_up(checks, window)
    assert_same(summary(website, window), wanted)
    assert statistics.recent([website.pk], NOON + 32 * MINUTE)[website.pk].day.up == wanted.up


def test_what_is_checked_after_the_clock_was_set_back_counts(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    clock.move_to(NOON + 5 * HOUR)
    rollups.roll_up()
    clock.move_to(NOON + 2 * HOUR)
    check(website, NOON + 2 * HOUR).save()
    rollups.late([(website.pk, NOON + 2 * HOUR)])
    rollups.roll_up()
    clock.move_to(NOON + 6 * HOUR)
    assert summary(website, Span(NOON, NOON + 6 * HOUR)).up == 1


def check_for(website: Website, clock: time_machine.Traveller, since: datetime, hours: int) -> None:
    """Every ten minutes, with what the worker does beside it."""
    for number in range(hours * 6):
        clock.move_to(since + number * 10 * MINUTE)
        check(website, since + number * 10 * MINUTE).save()
        rollups.late([(website.pk, since + number * 10 * MINUTE)])
        rollups.roll_up()
    clock.move_to(since + hours * HOUR)


def test_a_clock_that_was_ahead_at_the_first_check_is_followed(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.move_to(NOON + 40 * DAY)
    website = watched_website(interval=300, since=NOON)
    check(website, NOON + 40 * DAY).save()
    rollups.roll_up()
    assert rollups.progress().checks_since == NOON + 40 * DAY
    check_for(website, clock, NOON, hours=2)
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    check_for(website, clock, NOON + 2 * HOUR, hours=2)
    clock.move_to(NOON + 4 * HOUR + rollups.GRACE)
    rollups.roll_up()
    assert rollups.progress().hours_until == NOON + 4 * HOUR
    found = summary(website, Span(NOON, NOON + 4 * HOUR))
    assert found.up == 24
    assert found.expected == pytest.approx(48)


def test_what_was_rolled_up_by_a_clock_that_was_ahead_is_made_when_its_time_comes(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website(interval=300)
    check_for(website, clock, NOON, hours=2)
    clock.move_to(NOON + 3 * DAY + 15 * MINUTE)
    rollups.roll_up()
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    assert rollups.progress().hours_until == NOON + 3 * DAY
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    check_for(website, clock, NOON + 2 * HOUR, hours=2)
    # Nothing is made again and again.
    assert not StaleHour.objects.filter(started_at__gte=NOON + 3 * HOUR).exists()
    website.is_active = False
    website.save()
    clock.move_to(NOON + 2 * DAY)
    rollups.roll_up()
    found = summary(website, Span(NOON, NOON + 2 * DAY))
    assert found.up == 24
    assert found.expected == pytest.approx(48)
    assert not HourlyRollup.objects.filter(started_at__gte=NOON + 4 * HOUR, started_at__lt=NOON + DAY).exists()


def test_a_clock_that_is_behind_takes_back_nothing_of_which_checks_are_gone(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website(interval=300)
    check_for(website, clock, NOON, hours=3)
    clock.move_to(NOON + 3 * HOUR + rollups.GRACE)
    rollups.roll_up()
    MonitoringData.objects.filter(entry_timestamp__lt=NOON + 2 * HOUR).delete()
    RollupProgress.objects.update(checks_since=NOON + 2 * HOUR)
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    check_for(website, clock, NOON - 20_000 * DAY, hours=2)
    clock.move_to(NOON + 5 * HOUR)
    rollups.roll_up()
    assert rollups.progress().checks_since == NOON + 2 * HOUR
    found = summary(website, Span(NOON, NOON + 3 * HOUR))
    assert found.up == 18
    assert found.expected == pytest.approx(36)
    assert WatchPeriod.objects.get().since == NOON


def test_days_of_which_hours_are_gone_stay_when_the_clock_was_behind(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website(interval=300)
    check_for(website, clock, NOON, hours=3)
    clock.move_to(NOON + 2 * DAY + 10 * MINUTE)
    rollups.roll_up()
    MonitoringData.objects.all().delete()
    HourlyRollup.objects.filter(started_at__lt=NOON + 2 * HOUR).delete()
    RollupProgress.objects.update(checks_since=NOON + DAY)
    before = rolled()
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    clock.move_to(NOON - 50 * DAY)
    rollups.roll_up()
    clock.move_to(NOON + 2 * DAY + 10 * MINUTE)
    rollups.roll_up()
    assert rolled() == before


def test_what_a_clock_that_is_behind_goes_through_stays_where_its_checks_are_gone(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website(interval=300)
    for number in range(36):
        clock.move_to(NOON + number * 10 * MINUTE)
        outcome = "down" if 12 <= number < 18 else "up"
        check(website, NOON + number * 10 * MINUTE, outcome=outcome).save()
        rollups.roll_up()
    clock.move_to(NOON + 5 * DAY)
    rollups.roll_up()
    MonitoringData.objects.all().delete()
    RollupProgress.objects.update(checks_since=NOON + 3 * DAY)
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    check_for(website, clock, NOON + 90 * MINUTE, hours=3)
    clock.move_to(NOON + 5 * DAY + 4 * HOUR)
    rollups.roll_up()
    found = summary(website, Span(NOON, NOON + 6 * HOUR))
    assert (found.up, found.down) == (30, 6)
    assert found.expected == pytest.approx(6 * 12)
    assert rollups.progress().checks_since == NOON + 3 * DAY


def test_a_day_whose_hours_are_gone_stays_where_the_clock_is_behind_at_its_end(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website(interval=300)
    midnight = rollups.floor(NOON, DAY) + DAY
    check_for(website, clock, NOON, hours=14)
    clock.move_to(NOON + 5 * DAY)
    rollups.roll_up()
    MonitoringData.objects.all().delete()
    HourlyRollup.objects.filter(started_at__lt=midnight).delete()
    RollupProgress.objects.update(checks_since=NOON + 3 * DAY)
    before = DailyRollup.objects.values().get(started_at=midnight - DAY)
    assert before["up"] == 12 * 6
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    check_for(website, clock, midnight - 90 * MINUTE, hours=2)
    clock.move_to(NOON + 5 * DAY + 2 * HOUR)
    rollups.roll_up()
    assert DailyRollup.objects.values().get(started_at=midnight - DAY) == before


@pytest.fixture
def website_after_a_clock_that_was_ahead(clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> Website:
    """Two hours are checked from noon on; then it is five days ahead, checks go by it, and it is right again."""
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    begin_rollups()
    website = watched_website(interval=300)
    check_for(website, clock, NOON, hours=2)
    clock.move_to(NOON + 5 * DAY)
    rollups.roll_up()
    MonitoringData.objects.all().delete()
    RollupProgress.objects.update(checks_since=rollups.floor(NOON, DAY) + 3 * DAY)
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    return website


def test_after_a_clock_that_was_ahead_a_stop_of_the_monitor_is_one_of_any_other_day(
    clock: time_machine.Traveller, website_after_a_clock_that_was_ahead: Website
) -> None:
    website = website_after_a_clock_that_was_ahead
    assert rollups.progress().checks_since == NOON + 2 * HOUR
    came = rollups.floor(NOON, DAY) + 3 * DAY
    check_for(website, clock, NOON + 2 * HOUR, hours=2 * 24 + 8)
    clock.move_to(came + 30 * MINUTE)
    rollups.roll_up()
    clock.move_to(came + 12 * HOUR)
    rollups.roll_up()
    assert rollups.progress().checks_since == NOON + 2 * HOUR
    found = summary(website, Span(came - DAY, came))
    assert found.up == 22 * 6
    assert found.expected == pytest.approx(24 * 12)


def test_a_clock_that_is_ahead_again_for_a_moment_changes_nothing(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, website_after_a_clock_that_was_ahead: Website
) -> None:
    website = website_after_a_clock_that_was_ahead
    check_for(website, clock, NOON + 2 * HOUR, hours=30)
    monkeypatch.setattr(BELIEVED_AFTER, 300.0)
    clock.move_to(NOON + 5 * DAY)
    rollups.roll_up()
    clock.move_to(NOON + 32 * HOUR)
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    check_for(website, clock, NOON + 32 * HOUR, hours=2)
    clock.move_to(NOON + 34 * HOUR + rollups.GRACE)
    rollups.roll_up()
    assert rollups.progress().checks_since == NOON + 2 * HOUR
    found = summary(website, Span(NOON, NOON + 34 * HOUR))
    assert found.up == 34 * 6
    assert found.expected == pytest.approx(34 * 12)


def test_a_clock_that_is_in_1970_in_the_first_month_has_nothing_begin_then(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website(interval=300)
    check_for(website, clock, NOON, hours=3)
    begun = rollups.progress().checks_since
    monkeypatch.setattr(BELIEVED_AFTER, 0.0)
    clock.move_to(NOON - 20_000 * DAY)
    check(website, NOON - 20_000 * DAY).save()
    rollups.roll_up()
    clock.move_to(NOON + 4 * HOUR)
    rollups.roll_up()
    assert rollups.progress().checks_since == begun
    assert rollups.progress().hours_until >= begun
    assert summary(website, Span(NOON, NOON + 4 * HOUR)).up == 18


def test_what_is_in_time_marks_nothing(clock: time_machine.Traveller) -> None:
    rollups.late([(1, NOON), (2, NOON - rollups.LATE)])
    assert not StaleHour.objects.exists()


def test_marks_made_while_an_hour_is_made_are_kept(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website()
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    rollups.late([(website.pk, NOON)])
    sum_up = rollup_tables.sum_up

    def sum_up_and_be_late(span: Span, website_ids: list[int]) -> None:
        sum_up(span, website_ids)
        if not MonitoringData.objects.exists():
            check(website, NOON).save()
            rollups.late([(website.pk, NOON)])

    monkeypatch.setattr(rollup_tables, "sum_up", sum_up_and_be_late)
    assert rollups.roll_up() == 2
    assert summary(website, Span(NOON, NOON + HOUR)).up == 1


def test_an_hour_that_another_worker_made_meanwhile_stays_as_that_made_it(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website()
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    rollups.late([(website.pk, NOON)])
    sum_up = rollup_tables.sum_up

    def sum_up_while_another_does(span: Span, website_ids: list[int]) -> None:
        if not MonitoringData.objects.exists():
            check(website, NOON).save()
            rollups.late([(website.pk, NOON)])
            rollups.roll_up()
            # What this one has seen of the hour is older.
            sum_up(span, website_ids)
            with connection.cursor() as cursor:
                cursor.execute("UPDATE rolled_up SET up = 0")
            return
        sum_up(span, website_ids)

    monkeypatch.setattr(rollup_tables, "sum_up", sum_up_while_another_does)
    rollups.roll_up()
    assert summary(website, Span(NOON, NOON + HOUR)).up == 1


def test_a_website_that_is_deleted_meanwhile_takes_no_other_along(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website, neighbour = watched_website(1), watched_website(2)
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    check(neighbour, NOON).save()
    rollups.late([(website.pk, NOON), (neighbour.pk, NOON)])
    sum_up = rollup_tables.sum_up

    def sum_up_and_delete(span: Span, website_ids: list[int]) -> None:
        sum_up(span, website_ids)
        Website.objects.filter(website_url=website.website_url).delete()

    monkeypatch.setattr(rollup_tables, "sum_up", sum_up_and_delete)
    rollups.roll_up()
    assert summary(neighbour, Span(NOON, NOON + HOUR)).up == 1
    assert not StaleHour.objects.exists()
    assert not HourlyRollup.objects.filter(website=website.pk).exists()


@pytest.mark.parametrize("ahead", [30 * MINUTE, 2 * HOUR])
def test_a_website_that_is_deleted_while_its_hour_is_made_leaves_nothing(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    begin_rollups(NOON)
    watched_website(1)
    RollupProgress.objects.update(hours_until=NOON, recent_until=NOON)
    clock.move_to(NOON + ahead)
    sum_up = rollup_tables.sum_up

    def sum_up_and_delete(span: Span, website_ids: list[int]) -> None:
        sum_up(span, website_ids)
        Website.objects.all().delete()

    monkeypatch.setattr(rollup_tables, "sum_up", sum_up_and_delete)
    assert rollups.roll_up() > 0
    assert not HourlyRollup.objects.exists()
    assert not RecentRollup.objects.exists()


def test_what_has_lost_its_checks_stays_as_it_was_rolled_up(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    check(website, NOON).save()
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    MonitoringData.objects.all().delete()
    RollupProgress.objects.update(checks_since=NOON + HOUR)
    rollups.late([(website.pk, NOON)])
    rollups.roll_up()
    assert not StaleHour.objects.exists()
    assert summary(website, Span(NOON, NOON + HOUR)).up == 1


def test_where_checks_are_gone_windows_are_of_whole_hours_and_then_days(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    MonitoringData.objects.bulk_create(any_checks(website, Span(NOON, NOON + DAY), seed=1))
    clock.move_to(NOON + 3 * DAY)
    rollups.roll_up()
    RollupProgress.objects.update(checks_since=NOON + 2 * DAY)
    asked = Span(NOON + 30 * MINUTE, NOON + 90 * MINUTE)
    covered, _ = statistics.summaries([website.pk], asked)
    assert covered == Span(NOON, NOON + 2 * HOUR)
    clock.move_to(NOON + timedelta(days=rollups.HOUR_DAYS + 2))
    HourlyRollup.objects.all().delete()
    covered, found = statistics.summaries([website.pk], asked)
    midnight = NOON - timedelta(hours=12)
    assert covered == Span(midnight, midnight + DAY)
    assert found[website.pk].observed > 600


def test_maintenance_is_in_neither_what_was_seen_nor_what_was_expected(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website, neighbour = watched_website(1), watched_website(2)
    website.tags = "shop"
    website.save()
    MaintenanceWindow.objects.create(
        name="move", first_day=NOON.date(), start_time=(NOON + 20 * MINUTE).time(), minutes=60, tags=",shop,"
    )
    span = Span(NOON, NOON + 2 * HOUR)
    checks = {one.pk: any_checks(one, span, seed=1) for one in (website, neighbour)}
    for made in checks.values():
        MonitoringData.objects.bulk_create(made)
    clock.move_to(NOON + HOUR + rollups.GRACE)
    rollups.roll_up()
    clock.move_to(NOON + 2 * HOUR)
    found = summary(website, span)
    assert_same(found, added_up(checks[website.pk], span, [Span(NOON + 20 * MINUTE, NOON + 80 * MINUTE)]))
    assert found.expected == pytest.approx(60)
    found = summary(neighbour, span)
    assert_same(found, added_up(checks[neighbour.pk], span))
    assert found.expected == pytest.approx(120)


def test_a_window_for_time_that_is_over_is_followed(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    MonitoringData.objects.bulk_create(any_checks(website, Span(NOON, NOON + 2 * HOUR), seed=1))
    clock.move_to(NOON + 3 * HOUR)
    rollups.roll_up()
    window = MaintenanceWindow(name="late", first_day=NOON.date(), start_time=NOON.time(), minutes=60)
    window.save()
    rollups.roll_up()
    assert summary(website, Span(NOON, NOON + HOUR)).expected == 0
    assert summary(website, Span(NOON + HOUR, NOON + 2 * HOUR)).expected == pytest.approx(60)
    window.delete()
    rollups.roll_up()
    assert summary(website, Span(NOON, NOON + HOUR)).expected == pytest.approx(60)


def test_a_window_for_the_hour_that_lasts_is_followed_at_once(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    clock.move_to(NOON + 32 * MINUTE)
    rollups.roll_up()
    MaintenanceWindow.objects.create(name="late", first_day=NOON.date(), start_time=NOON.time(), minutes=20)
    assert summary(website, Span(NOON, NOON + 30 * MINUTE)).expected == pytest.approx(10)


def test_a_window_that_comes_while_its_hour_is_made_is_followed(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollups()
    website = watched_website()
    clock.move_to(NOON + HOUR)
    rollups.roll_up()
    clock.move_to(NOON + HOUR + rollups.GRACE)
    sum_up = rollup_tables.sum_up

    def sum_up_and_maintain(span: Span, website_ids: list[int]) -> None:
        sum_up(span, website_ids)
        MaintenanceWindow.objects.get_or_create(
            name="late", first_day=NOON.date(), start_time=NOON.time(), minutes=20, kind="once"
        )

    monkeypatch.setattr(rollup_tables, "sum_up", sum_up_and_maintain)
    rollups.roll_up()
    assert HourlyRollup.objects.get(website=website, started_at=NOON).expected == pytest.approx(40)


def test_what_was_not_watched_was_not_expected(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    for minutes, fields in ((20, {"is_active": False}), (40, {"is_active": True}), (50, {"monitoring_interval": 10})):
        clock.move_to(NOON + minutes * MINUTE)
        Website.objects.filter(pk=website.pk).update(**fields)
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    # 20 minutes and 10 minutes at 60 s, 10 minutes at 10 s.
    assert summary(website, Span(NOON, NOON + HOUR)).expected == pytest.approx(20 + 10 + 60)
    assert WatchPeriod.objects.filter(website=website).count() == 3


def test_an_hour_in_which_nobody_watched_has_no_row(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    Website.objects.filter(pk=website.pk).update(is_active=False)
    clock.move_to(NOON + 2 * HOUR)
    rollups.roll_up()
    assert [row.started_at for row in HourlyRollup.objects.all()] == []


def test_a_deleted_website_takes_all_of_it_along(clock: time_machine.Traveller) -> None:
    begin_rollups()
    website = watched_website()
    check(website, NOON).save()
    clock.move_to(NOON + DAY)
    rollups.roll_up()
    rollups.late([(website.pk, NOON)])
    website.delete()
    for model in (RecentRollup, HourlyRollup, DailyRollup, WatchPeriod, StaleHour, MonitoringData):
        assert not model._default_manager.exists()


def test_it_stops_where_the_worker_is_told_to(clock: time_machine.Traveller) -> None:
    begin_rollups()
    watched_website()
    clock.move_to(NOON + DAY)
    assert rollups.roll_up(lambda: True) == 0
    assert not HourlyRollup.objects.exists()


def test_it_begins_with_the_oldest_check(clock: time_machine.Traveller) -> None:
    website = watched_website()
    check(website, NOON - DAY - 5 * MINUTE).save()
    assert rollups.progress().hours_until == NOON - DAY - HOUR
    rollups.roll_up()
    assert HourlyRollup.objects.get(website=website, started_at=NOON - DAY - HOUR).up == 1


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="of PostgreSQL")
def test_the_database_ends_a_transaction_before_its_checks_could_be_missed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('idle_in_transaction_session_timeout')::interval")
        assert cursor.fetchone()[0] < rollups.GRACE - rollups.LATE
