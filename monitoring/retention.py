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

from django.db import transaction
from django.db.models import Max, Min, Model, Q, QuerySet
from django.utils import timezone

from monitoring import downtime, partitions, rollups
from monitoring.models import (
    Alert,
    AlertStatus,
    Delivery,
    ExtractedValue,
    HourlyRollup,
    MonitoringData,
    RollupProgress,
    StaleHour,
    Trouble,
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

# Deletes some rows and returns how many; 0 where none is left.
Step = Callable[[], int]


def prune(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Let go what is too old, until `is_stopping`; returns how many rows were deleted one by one."""
    ends_at = time.monotonic() + RUN_TIME

    def is_over() -> bool:
        return is_stopping() or time.monotonic() >= ends_at

    horizon = kept_since()
    if not _announce(horizon):
        return 0
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


def _announce(horizon: datetime) -> bool:
    """Say of which hours checks will be gone; False where another worker has just said something else."""
    since = rollups.progress().checks_since
    if horizon <= since:
        return True
    downtime.settle(since, horizon)
    return bool(RollupProgress.objects.filter(checks_since=since).update(checks_since=horizon))


def _steps(horizon: datetime) -> Iterator[Step]:
    now = timezone.now()
    yield partial(_delete_rows, MonitoringData, "entry_timestamp", horizon)
    yield partial(partitions.delete_strays, horizon, CHUNK)
    yield from _hour_steps()
    yield partial(_delete_rows, ExtractedValue, "seen_at", floor(now - timedelta(days=VALUE_DAYS), DAY))
    for oldest in (_oldest_alerts, _oldest_deliveries, _oldest_troubles):
        yield partial(_delete, oldest, now - timedelta(days=ALERT_DAYS))


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


def _delete(oldest: Callable[[datetime], QuerySet[Any]], horizon: datetime) -> int:
    with transaction.atomic():
        return oldest(horizon).delete()[0]


# The moments up to which this process has looked for rows of a table that may go: they move once a day, and each time
# the whole table is looked through, or all websites.
_gone: dict[type[Model], datetime] = {}


def _delete_rows(model: type[Model], time_field: str, horizon: datetime) -> int:
    """Delete some of the rows of before the horizon, in the order of their ids."""
    if _gone.get(model) == horizon:
        return 0
    rows = model._default_manager.filter(**{f"{time_field}__lt": horizon})
    # Two statements, as the first may have to pass over many rows: none of it while others wait to write.
    some = rows.order_by("pk").values("pk")[:CHUNK]
    ends = some.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        _gone[model] = horizon
        return 0
    rows = rows.filter(pk__range=(ends["first"], ends["last"]))
    return int(rows._raw_delete(rows.db))


def _hour_steps() -> Iterator[Step]:
    """Hourly rollups of which there are daily ones, and no checks any more."""
    known = rollups.progress()
    until = min(rollups.hours_since(), known.days_until, known.checks_since)
    if _gone.get(HourlyRollup) == until:
        return
    for website_ids in chunks(list(Website.objects.order_by("pk").values_list("pk", flat=True))):
        hours = HourlyRollup.objects.filter(website__in=website_ids, started_at__lt=until)
        yield partial(hours._raw_delete, hours.db)
    _gone[HourlyRollup] = until


def _oldest_alerts(horizon: datetime) -> QuerySet[Any]:
    """Without those of incidents that are open: their end is told to whom their beginning was."""
    over = Alert.objects.exclude(status=AlertStatus.WAITING).filter(
        Q(incident=None) | Q(incident__ended_at__isnull=False)
    )
    return _first_of(over.filter(created_at__lt=horizon))


def _oldest_deliveries(horizon: datetime) -> QuerySet[Any]:
    over = Delivery.objects.exclude(status=Delivery.Status.PENDING).filter(alerts=None)
    return _first_of(over.filter(created_at__lt=horizon))


def _oldest_troubles(horizon: datetime) -> QuerySet[Any]:
    return _first_of(Trouble.objects.filter(seen_at__lt=horizon))


def _first_of(rows: QuerySet[Any]) -> QuerySet[Any]:
    # Locked: what somebody has sent again, or is just about to, stays.
    old = rows.select_for_update(of=("self",), skip_locked=True).order_by("pk")
    ids = [row.pk for row in old.only("pk")[:CHUNK]]
    found: QuerySet[Any] = rows.model._default_manager.filter(pk__in=ids)
    return found
