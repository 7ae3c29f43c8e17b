"""The newest rows of monitoring data, looked for in the last days before all others.

On PostgreSQL each day is a table of its own, and without a bound a query has to look into every one of them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.watch_periods import Span

# How far back is looked, before it is everywhere.
LOOKS = (timedelta(days=1), timedelta(days=8))

M = TypeVar("M", bound=Model)


def recent() -> Span:
    """A time of whole days (UTC) with all that is checked now, also by clocks that differ, and yesterday."""
    today = floor(timezone.now(), DAY)
    return Span(today - DAY, today + 2 * DAY)


def looks(before: datetime | None = None) -> Iterator[datetime]:
    """Since when to look for what is to be newest before a moment (None: of all); afterwards, everywhere."""
    return (floor((before or timezone.now()) - look, DAY) for look in LOOKS)


def first(rows: QuerySet[M, Any], count: int, before: datetime | None = None) -> list[Any]:
    """The first so many of rows that are in the order of time, newest first; none is later than `before`."""
    for since in looks(before):
        found = list(rows.filter(entry_timestamp__gte=since)[:count])
        if len(found) == count:
            return found
    return list(rows[:count])
