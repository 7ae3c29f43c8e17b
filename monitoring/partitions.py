"""On PostgreSQL, monitoring data lies in a partition a day (UTC), so that old days go as a whole.

1. Days are made ahead. What comes for a day that is not there lies in the default partition, and moves when its day
   is made: no check is ever refused.
2. A day is made beside the table and attached: writers wait for that, and readers of the default partition. A day is
   dropped under a lock of the whole table, as PostgreSQL has no other way beside a default partition.
3. Whoever waits for a lock makes others wait behind it. So each such lock is waited for a moment only, and tried again
   after a pause; where a long query or a dump has the table, that is left to a later run.

https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from psycopg import errors

from monitoring.models import MonitoringData
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor

logger = logging.getLogger(__name__)

DAYS_AHEAD = 3
# Checks wait at most so long for one attempt to get a lock, and have the table for themselves between two.
LOCK_TIMEOUT = timedelta(milliseconds=200)
PAUSE = 0.5
ATTEMPTS = 5
# Any number that no other program locks in the same database: one at a time makes days.
ADVISORY_LOCK_KEY = 0x77656271

_TABLE = MonitoringData._meta.db_table
_DEFAULT = f"{_TABLE}_default"
_BOUNDS = "pg_get_expr(relpartbound, oid)"
_PARTITIONS = f"""
    SELECT relname, CAST(substring({_BOUNDS} FROM 'FROM \\(''([^'']+)') AS timestamptz),
        CAST(substring({_BOUNDS} FROM 'TO \\(''([^'']+)') AS timestamptz)
    FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = to_regclass(%s) AND {_BOUNDS} <> 'DEFAULT' ORDER BY 3
"""  # noqa: S608  # names of this project's own


class Partition(NamedTuple):
    """A table with the checks from `since` (None: from the beginning) on, before `until`."""

    name: str
    since: datetime | None
    until: datetime

    def covers(self, day: datetime) -> bool:
        return (self.since is None or self.since <= day) and day < self.until


class BusyError(Exception):
    """Others had what was to be locked."""


def are_used() -> bool:
    """Whether this database has them."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", [_TABLE])
        return cursor.fetchone() is not None


def known() -> list[Partition]:
    """Those there are, without the default one, in the order of time."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS, [_TABLE])
        return [Partition(*row) for row in cursor.fetchall()]


def wanted_since() -> datetime:
    """The beginning of the oldest day whose checks are wanted."""
    return floor(timezone.now() - timedelta(days=settings.RETENTION_DAYS), DAY)


def rows_since(moment: datetime) -> QuerySet[MonitoringData]:
    """The checks of the day of a moment and of all later ones; all there are where that would not help to find them."""
    rows = MonitoringData.objects.all()
    return rows.filter(entry_timestamp__gte=floor(moment, DAY)) if connection.vendor == "postgresql" else rows


def on_migrated(**_: Any) -> None:
    make_ahead()


def make_ahead() -> int:
    """Make the days that are missing: today's, the next ones, and those of rows in the default partition.

    Returns how many were made. What cannot be had at once is left to the next run.
    """
    return make(_missing()) if are_used() else 0


def make(days: Iterable[datetime]) -> int:
    """Make those of these days (UTC) that are not there; returns how many were made."""
    made = 0
    try:
        for day in days:
            made += _make(day)
    except BusyError:
        logger.warning("no day of checks can be made for now, as others use the table: that is tried again")
    return made


def drop_before(moment: datetime, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Drop the partitions with nothing but older checks, oldest first; returns how many went.

    After each, it rests for as long as that took: checks go on meanwhile.
    """
    if not are_used():
        return 0
    dropped = 0
    for partition in known():
        if partition.until > moment or is_stopping():
            break
        begun = time.monotonic()
        try:
            _patiently(f"DROP TABLE {partition.name}")
        except BusyError:
            logger.info("a day of old checks cannot be dropped for now, as others use the table: that is tried again")
            break
        dropped += 1
        time.sleep(time.monotonic() - begun)
    return dropped


def delete_strays(moment: datetime, count: int) -> int:
    """Delete at most so many rows that are older from the default partition; returns how many."""
    if not are_used():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {_DEFAULT} WHERE ctid = ANY(ARRAY("  # noqa: S608
            f"SELECT ctid FROM {_DEFAULT} WHERE entry_timestamp < %s LIMIT %s))",
            [moment, count],
        )
        return int(cursor.rowcount)


def _missing() -> Iterator[datetime]:
    today, there = floor(timezone.now(), DAY), known()
    last = today + DAYS_AHEAD * DAY
    wanted = {today + number * DAY for number in range(DAYS_AHEAD + 1)} | set(_caught(wanted_since(), last + DAY))
    return (day for day in sorted(wanted) if not any(partition.covers(day) for partition in there))


def _caught(since: datetime, until: datetime) -> list[datetime]:
    """The days of the rows of a time that the default partition has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT date_trunc('day', entry_timestamp AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"  # noqa: S608
            f" FROM {_DEFAULT} WHERE entry_timestamp >= %s AND entry_timestamp < %s",
            [since, until],
        )
        return [day for (day,) in cursor.fetchall()]


def _make(day: datetime) -> bool:
    """Make a day, with what the default partition has of it; False where another process is at it.

    Raises `BusyError`.
    """
    table = f"{_TABLE}_{day:%Y%m%d}"
    bounds = f"FROM ('{day.isoformat()}') TO ('{(day + DAY).isoformat()}')"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK_KEY])
        if not cursor.fetchone()[0] or any(partition.covers(day) for partition in known()):
            return False
        cursor.execute(f"CREATE TABLE {table} (LIKE {_TABLE} INCLUDING ALL EXCLUDING IDENTITY)")
        move = (
            f"WITH moved AS (DELETE FROM {_DEFAULT} WHERE entry_timestamp >= '{day.isoformat()}'"  # noqa: S608
            f" AND entry_timestamp < '{(day + DAY).isoformat()}' RETURNING *) INSERT INTO {table} SELECT * FROM moved"
        )
        # Nobody waits for this, however much there is. What comes meanwhile is moved under the lock.
        cursor.execute(move)
        _patiently(
            # Whoever is on the way into the default partition while it changes would be refused.
            f"LOCK TABLE ONLY {_TABLE} IN SHARE ROW EXCLUSIVE MODE",
            f"LOCK TABLE {_DEFAULT} IN ACCESS EXCLUSIVE MODE",
            move,
            f"ALTER TABLE {_TABLE} ATTACH PARTITION {table} FOR VALUES {bounds}",
        )
    return True


def _patiently(*statements: str) -> None:
    """Execute statements in one transaction, until they get their locks. Raises `BusyError` where they do not."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT // timedelta(milliseconds=1)}")
                for statement in statements:
                    cursor.execute(statement)
        except OperationalError as error:
            # What is in the way: a lock that somebody has, or one that each of both waits for.
            if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
        else:
            return
    raise BusyError
