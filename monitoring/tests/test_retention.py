from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain, repeat

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from monitoring import partitions, retention, rollups, rows, statistics
from monitoring.downtime import Downtime, downtimes
from monitoring.models import (
    Alert,
    AlertKind,
    AlertStatus,
    DailyRollup,
    Delivery,
    EndReason,
    ExtractedValue,
    HourlyRollup,
    Incident,
    MonitoringData,
    RollupProgress,
    StaleHour,
    Trouble,
    TroubleKind,
    WatchPeriod,
)
from monitoring.rollup_tables import DAY, HOUR
from monitoring.rollups import HOUR_DAYS, floor
from monitoring.rows import Row
from monitoring.tests.channels import add_channel
from monitoring.watch_periods import Span
from websites.models import Website


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)
    monkeypatch.setattr(retention, "_gone", {})


def today() -> datetime:
    return floor(timezone.now(), DAY)


def add_checks(moments: Iterable[datetime]) -> Website:
    website, _ = Website.objects.get_or_create(website_url="http://127.0.0.1/", monitoring_interval=60)
    rows.insert(
        [Row(website.pk, 200, at, 0.1, None, at, "up", "", "", None, None, None, None, None, None) for at in moments]
    )
    return website


def rolled_up(until: datetime, checks_since: datetime | None = None) -> None:
    RollupProgress.objects.create(
        pk=1,
        checks_since=checks_since or until - 900 * DAY,
        days_until=until,
        hours_until=until,
        recent_until=until,
    )


def left() -> list[datetime]:
    return sorted(MonitoringData.objects.values_list("entry_timestamp", flat=True))


@pytest.mark.parametrize("days", [1, 7])
@pytest.mark.django_db
def test_checks_of_days_older_than_the_retention_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    settings.RETENTION_DAYS = days
    monkeypatch.setattr(retention, "CHUNK", 4)
    rolled_up(today())
    horizon = today() - days * DAY
    kept = [horizon, horizon + DAY / 2, today(), timezone.now()]
    add_checks([*(horizon - number * DAY / 2 for number in range(1, 14)), *kept])
    assert retention.prune() == 13
    assert left() == kept
    assert rollups.progress().checks_since == horizon
    assert retention.prune() == 0


@pytest.mark.django_db
def test_days_that_are_partitions_go_as_a_whole(settings: Settings) -> None:
    settings.RETENTION_DAYS = 2
    if not partitions.are_used():
        pytest.skip("SQLite has no partitions")
    rolled_up(today())
    moments = [today() - number * DAY for number in range(5, -1, -1)]
    partitions.make(moments)
    add_checks(moments)
    assert retention.prune() == 0
    assert left() == moments[3:]
    # Too late for its day.
    add_checks([moments[0]])
    assert retention.prune() == 1
    assert left() == moments[3:]


@pytest.mark.django_db
def test_checks_stay_until_days_are_made_of_them(settings: Settings) -> None:
    settings.RETENTION_DAYS = 2
    rolled_up(today() - 5 * DAY, today() - 6 * DAY)
    moments = [today() - number * DAY for number in range(6, -1, -1)]
    add_checks(moments)
    assert retention.prune() == 1
    assert left() == moments[1:]
    RollupProgress.objects.update(days_until=today())
    assert retention.prune() == 3
    assert left() == moments[4:]


@pytest.mark.django_db
def test_without_rollups_nothing_goes() -> None:
    add_checks([today() - 90 * DAY, today()])
    assert retention.prune() == 0
    assert MonitoringData.objects.count() == 2


@pytest.mark.django_db
def test_a_day_stays_while_an_hour_of_it_is_to_be_made_once_more(settings: Settings) -> None:
    settings.RETENTION_DAYS = 1
    rolled_up(today(), today() - 4 * DAY)
    moments = [today() - number * DAY for number in range(4, -1, -1)]
    website = add_checks(moments)
    StaleHour.objects.create(website=website, started_at=moments[2] + 5 * HOUR)
    # Of this one, the checks have gone already: nobody waits for it.
    StaleHour.objects.create(website=website, started_at=moments[0] - DAY)
    retention.prune()
    assert left() == moments[2:]
    StaleHour.objects.all().delete()
    retention.prune()
    assert left() == moments[3:]


@pytest.mark.django_db
def test_a_clock_that_was_ahead_holds_nothing_up() -> None:
    rolled_up(today())
    add_checks([today() + 900 * DAY, *(today() - (90 - number) * DAY for number in range(3)), today()])
    assert retention.prune() == 3
    assert len(left()) == 2


@pytest.mark.django_db
def test_checks_made_while_the_clock_was_ahead_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 4)
    rolled_up(today())
    ahead = [today() + 300 * DAY + number * HOUR for number in range(9)]
    website = add_checks([*ahead, *(today() - (90 - number) * DAY for number in range(7)), today()])
    for days in (-300, 500, 499, 1):
        ExtractedValue.objects.create(website=website, value=str(days), seen_at=today() - days * DAY)
    assert retention.prune() == 7 + 2
    assert left() == [today(), *ahead]
    assert sorted(row.value for row in ExtractedValue.objects.all()) == ["-300", "1"]


@pytest.mark.django_db
def test_a_clock_that_is_ahead_once_loses_nothing_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ten days more than checks are kept: what there is goes, what comes when it is right again is there."""
    begin = today()
    with time_machine.travel(begin + DAY, tick=False) as clock:
        rolled_up(begin, begin - DAY)
        website = add_checks(begin + number * HOUR / 2 for number in range(24))
        WatchPeriod.objects.update(since=begin)
        clock.move_to(begin + 40 * DAY)
        rollups.roll_up()
        retention.prune()
        assert rollups.progress().checks_since == begin + 10 * DAY
        assert not MonitoringData.objects.exists()
        monkeypatch.setattr("monitoring.clock.BELIEVED_AFTER", 0.0)
        clock.move_to(begin + 13 * HOUR)
        for number in range(8):
            clock.move_to(begin + 13 * HOUR + number * HOUR / 2)
            add_checks([timezone.now()])
            rollups.late([(website.pk, timezone.now())])
            rollups.roll_up()
        assert rollups.progress().checks_since == begin + 13 * HOUR
        clock.move_to(begin + 18 * HOUR)
        rollups.roll_up()
        window, found = statistics.summaries([website.pk], Span(begin, timezone.now()))
        assert window == Span(begin, timezone.now())
        assert (found[website.pk].up, found[website.pk].expected) == (32, 18 * 60)


@pytest.mark.django_db
def test_nothing_goes_that_another_worker_has_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    rolled_up(today(), today() - 90 * DAY)
    moments = [today() - 80 * DAY, today() - 79 * DAY, today()]
    add_checks(moments)
    progress = rollups.progress

    def progress_and_another() -> RollupProgress:
        known = progress()
        RollupProgress.objects.update(checks_since=moments[0] + HOUR)
        return known

    horizon = retention.kept_since()
    monkeypatch.setattr(retention, "kept_since", lambda: horizon)
    with monkeypatch.context() as patched:
        patched.setattr(rollups, "progress", progress_and_another)
        assert retention.prune() == 0
    assert left() == moments
    assert retention.prune() == 2


@pytest.mark.django_db
def test_what_rollups_say_is_the_same_when_the_checks_are_gone(settings: Settings) -> None:
    settings.RETENTION_DAYS = 1
    begin = today() - 3 * DAY
    website = add_checks(begin + number * HOUR / 2 for number in range(3 * 48))
    WatchPeriod.objects.update(since=begin)
    while rollups.roll_up():
        pass

    def said() -> tuple[object, ...]:
        window, found = statistics.summaries([website.pk], Span(begin, today()))
        summary = found[website.pk]
        return window, summary.up, summary.expected, summary.mean, summary.percentile(95)

    before = said()
    assert before[1] == 3 * 48
    assert retention.prune() + 2 * 48 * partitions.are_used() >= 2 * 48
    assert MonitoringData.objects.count() == 48
    assert said() == before
    assert [day.up for day in statistics.days([website.pk], 4, timezone.now())[website.pk]] == [48, 48, 48, 0]


@pytest.mark.django_db
def test_it_leaves_off_where_the_worker_is_told_to_stop_or_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    rolled_up(today())
    add_checks(today() - 400 * DAY + number * HOUR for number in range(12))
    monkeypatch.setattr(retention, "CHUNK", 4)
    asked = chain([False, False, False], repeat(True))
    assert retention.prune(lambda: next(asked)) == 8
    monkeypatch.setattr(retention, "RUN_TIME", 0.0)
    assert retention.prune() == 0
    assert MonitoringData.objects.count() == 4


ROLLUP = {"expected": 1.0, "up": 1, "down": 0, "unknown": 0}


@pytest.mark.parametrize(
    ("days_until", "checks_since", "hours"),
    [
        # In days, ago.
        (0, 30, [399]),
        (HOUR_DAYS + 5, 30, [399, 402]),
        # As long as there are checks, the hour may be made once more, and of its hours the day.
        (0, HOUR_DAYS + 5, [399, 402]),
    ],
)
@pytest.mark.django_db
def test_hours_go_after_400_days_and_days_stay(
    settings: Settings, days_until: int, checks_since: int, hours: list[int]
) -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    settings.RETENTION_DAYS = checks_since
    rolled_up(today() - days_until * DAY, today() - checks_since * DAY)
    for ago in (399, 402, 410):
        at = today() - ago * DAY
        HourlyRollup.objects.create(website=website, started_at=at, early_up=0, early_down=0, early_unknown=0, **ROLLUP)
        DailyRollup.objects.create(website=website, started_at=at, **ROLLUP)
    retention.prune()
    assert sorted((today() - at).days for at in HourlyRollup.objects.values_list("started_at", flat=True)) == hours
    assert DailyRollup.objects.count() == 3


@pytest.mark.django_db
def test_outages_of_years_ago_stay_what_they_were() -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    begin, end = today() - 900 * DAY, today() - 600 * DAY
    WatchPeriod.objects.update(since=end)
    WatchPeriod.objects.create(website=website, interval=30, since=begin, until=end)
    since, until = begin + DAY, begin + DAY + HOUR
    Incident.objects.create(
        website=website,
        started_after=since,
        started_at=since,
        started_before=since,
        ended_after=until,
        ended_at=until,
        ended_before=until,
        end_reason=EndReason.RECOVERED,
    )
    rolled_up(today())
    before = downtimes([website.pk], Span(begin, end))
    assert before[website.pk] == Downtime(1, 3600.0, 3600.0)
    retention.prune()
    assert downtimes([website.pk], Span(begin, end)) == before


@pytest.mark.django_db
def test_hours_are_looked_for_once_a_day_unless_it_was_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    rolled_up(today(), today() - 30 * DAY)

    def add(days: int) -> None:
        at = today() - days * DAY
        HourlyRollup.objects.create(website=website, started_at=at, early_up=0, early_down=0, early_unknown=0, **ROLLUP)

    add(402)
    with monkeypatch.context() as patched:
        patched.setattr(retention, "RUN_TIME", 0.0)
        retention.prune()
    assert HourlyRollup.objects.count() == 1
    retention.prune()
    assert not HourlyRollup.objects.exists()
    add(402)
    retention.prune()
    assert HourlyRollup.objects.count() == 1


@pytest.mark.django_db
def test_values_and_what_was_told_go_later() -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    now = timezone.now()
    for days in (401, 399):
        ExtractedValue.objects.create(website=website, value=str(days), seen_at=now - timedelta(days=days))
    retention.prune()
    assert [row.value for row in ExtractedValue.objects.all()] == ["399"]


@pytest.mark.parametrize(
    ("days", "is_open", "status", "stays"),
    [
        (89, False, AlertStatus.TOLD, True),
        (91, False, AlertStatus.TOLD, False),
        (91, False, AlertStatus.DROPPED, False),
        # Its end is yet to be told, to the same people.
        (91, True, AlertStatus.TOLD, True),
        (91, False, AlertStatus.WAITING, True),
    ],
)
@pytest.mark.django_db
def test_alerts_go_with_their_deliveries_when_nobody_needs_them(
    days: int, is_open: bool, status: AlertStatus, stays: bool
) -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    then = timezone.now() - timedelta(days=days)
    channel = add_channel()
    delivery = Delivery.objects.create(
        channel=channel,
        title="",
        text="",
        payload={},
        status="sent",
        created_at=then,
        timely_until=then,
        tried_until=then,
    )
    incident = Incident.objects.create(
        website=website, started_at=then, started_before=then, ended_at=None if is_open else then
    )
    Alert.objects.create(
        channel=channel,
        website=website,
        incident=incident,
        kind=AlertKind.BEGAN,
        status=status,
        created_at=then,
        due_at=then,
        delivery=delivery,
    )
    retention.prune()
    assert Alert.objects.exists() is stays
    assert Delivery.objects.exists() is stays
    assert Incident.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "stays"), [(89, True), (91, False)])
def test_troubles_of_the_monitor_go_after_ninety_days(days: int, stays: bool) -> None:
    then = timezone.now() - timedelta(days=days)
    Trouble.objects.create(kind=TroubleKind.OVERLOADED, component="worker", began_at=then, seen_at=then, words="why")
    retention.prune()
    assert Trouble.objects.exists() == stays
