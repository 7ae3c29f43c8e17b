"""What is old goes: checks after RETENTION_DAYS, hourly rollups after 400 days, what was told after 90.

1. Checks are kept until hours and days are made of them, however old they are.
2. Before any check goes, `RollupProgress.checks_since` says so, in a transaction of its own: who makes rollups or reads
   checks relies on it that of hours since then all checks are there.
3. On PostgreSQL, days are dropped as a whole (`monitoring.partitions`). All else is deleted a little at a time, with a
   pause after each bit for whoever waits to write.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from monitoring import partitions, rollups
from monitoring.models import (
    Alert,
    AlertStatus,
    Delivery,
    ExtractedValue,
    HourlyRollup,
    MonitoringData,
    RollupProgress,
    StaleHour,
)
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.schedule import chunks
from websites.models import Website

# Rows a statement: short enough that a check's own write never waits noticeably.
CHUNK = 2_000
# Pauses take as long as the statements, but not less than these seconds.
PAUSE = 0.02
# Seconds that one run takes at most; the next one goes on.
RUN_TIME = 20.0
# Days that what was told is kept, and what was extracted; changes of states and incidents stay.
ALERT_DAYS = 90
VALUE_DAYS = 400

_TABLE = MonitoringData._meta.db_table

# Deletes some rows and returns how many; 0 where none is left.
Step = Callable[[], int]


def prune(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Let go what is too old, until `is_stopping`; returns how many rows were deleted one by one."""
    ends_at = time.monotonic() + RUN_TIME

    def is_over() -> bool:
        return is_stopping() or time.monotonic() >= ends_at

    horizon = kept_since()
    # In its own transaction, before any of them goes.
    RollupProgress.objects.filter(checks_since__lt=horizon).update(checks_since=horizon)
    partitions.drop_before(horizon, is_over)
    deleted = 0
    for step in _steps(horizon):
        if is_over():
            break
        deleted += _repeat(step, is_over)
    return deleted


def kept_since() -> datetime:
    """Since when checks are to be there: whole days (UTC), and more of them where rollups are behind."""
    known = rollups.progress()
    horizon = min(partitions.wanted_since(), known.days_until)
    # What is to be rolled up once more.
    stale = StaleHour.objects.filter(started_at__gte=known.checks_since, started_at__lt=horizon)
    oldest = stale.order_by("started_at").values_list("started_at", flat=True).first()
    return horizon if oldest is None else floor(oldest, DAY)


def _steps(horizon: datetime) -> Iterator[Step]:
    yield partial(_delete_checks, horizon)
    yield partial(partitions.delete_strays, horizon, CHUNK)
    yield from _hour_steps()
    for oldest in (_oldest_values, _oldest_alerts, _oldest_deliveries):
        yield partial(_delete, oldest)


def _repeat(step: Step, is_over: Callable[[], bool]) -> int:
    deleted = 0
    while not is_over():
        begun = time.monotonic()
        count = step()
        if not count:
            break
        deleted += count
        time.sleep(max(PAUSE, time.monotonic() - begun))
    return deleted


def _delete(oldest: Callable[[datetime], QuerySet[Any] | None]) -> int:
    rows = oldest(timezone.now())
    return 0 if rows is None else rows.delete()[0]


def _delete_checks(horizon: datetime) -> int:
    """Ids grow with time, but for a clock that was wrong: the oldest rows are among the first by the primary key."""
    # One statement, as thousands of ids in Python would hold up the other threads of the process. On PostgreSQL, the
    # time leads to the one partition that may have them.
    oldest = f"SELECT id FROM {_TABLE} ORDER BY id LIMIT %s"  # noqa: S608  # names of this project's own
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_TABLE} WHERE id IN ({oldest}) AND entry_timestamp < %s",  # noqa: S608
            [CHUNK, connection.ops.adapt_datetimefield_value(horizon)],
        )
        return int(cursor.rowcount)


# The moment up to which this process has looked for hours that may go: it moves once a day.
_hours_gone: datetime | None = None


def _hour_steps() -> Iterator[Step]:
    """Hourly rollups of which there are daily ones, and no checks any more."""
    global _hours_gone  # noqa: PLW0603 - or a search through all websites once a minute
    known = rollups.progress()
    until = min(rollups.hours_since(), known.days_until, known.checks_since)
    if until == _hours_gone:
        return
    for website_ids in chunks(list(Website.objects.order_by("pk").values_list("pk", flat=True))):
        hours = HourlyRollup.objects.filter(website__in=website_ids, started_at__lt=until)
        yield partial(hours._raw_delete, hours.db)
    _hours_gone = until


def _oldest_values(now: datetime) -> QuerySet[Any] | None:
    """Ids grow with time, so the oldest rows are found by the primary key alone."""
    oldest = ExtractedValue.objects.order_by("pk").values_list("pk", "seen_at")
    horizon = now - timedelta(days=VALUE_DAYS)
    first = oldest.first()
    if first is None or first[1] >= horizon:
        return None
    return ExtractedValue.objects.filter(pk__in=[pk for pk, seen_at in oldest[:CHUNK] if seen_at < horizon])


def _oldest_alerts(now: datetime) -> QuerySet[Any] | None:
    """Without those of incidents that are open: their end is told to whom their beginning was."""
    over = Alert.objects.exclude(status=AlertStatus.WAITING).filter(
        Q(incident=None) | Q(incident__ended_at__isnull=False)
    )
    return _first_of(over.filter(created_at__lt=now - timedelta(days=ALERT_DAYS)))


def _oldest_deliveries(now: datetime) -> QuerySet[Any] | None:
    over = Delivery.objects.exclude(status=Delivery.Status.PENDING).filter(alerts=None)
    return _first_of(over.filter(created_at__lt=now - timedelta(days=ALERT_DAYS)))


def _first_of(rows: QuerySet[Any]) -> QuerySet[Any] | None:
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    return rows.model._default_manager.filter(pk__in=ids) if ids else None
