"""How well the monitor keeps to its schedule."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.core.cache import cache
from django.db.models import Sum
from django.utils import timezone

from monitoring import rollups
from monitoring.models import Heartbeat, HourlyRollup, MonitoringData
from monitoring.rollup_tables import HOUR
from monitoring.statistics import Counts
from monitoring.watch_periods import Span

# Seconds that what was read is good for.
CACHED_FOR = 10
HOUR_CACHED_FOR = 300
LATEST_CHECKS = 1_000
# Older checks say nothing of how late they are now.
RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Health:
    # Seconds from the slot to the request, which 99 % of the latest checks do not exceed; None where there are none.
    lateness: float | None
    # By the processes that run or ran within a day, since they started.
    missed: int
    # The last hour that is rolled up, and of all slots in it; None where there is none.
    hour: Span | None
    counts: Counts


def health() -> Health:
    """As it was some seconds ago."""
    found = cache.get_or_set("schedule-health", _read, CACHED_FOR)
    return cast("Health", found)


def _read() -> Health:
    missed = Heartbeat.objects.aggregate(missed=Sum("missed", default=0))["missed"]
    return Health(_lateness(), missed, *_last_hour())


def _lateness() -> float | None:
    since = timezone.now() - RECENT
    newest = MonitoringData.objects.order_by("-pk").values_list("entry_timestamp", "scheduled_at")[:LATEST_CHECKS]
    late = sorted((made - due).total_seconds() for made, due in newest if due is not None and made >= since)
    return late[math.ceil(len(late) * 0.99) - 1] if late else None


def _last_hour() -> tuple[Span | None, Counts]:
    until = rollups.progress().hours_until
    # It is over: seldom does it change any more, and it is spread over all websites.
    found = cache.get_or_set(f"schedule-hour:{until.timestamp()}", lambda: _read_hour(until), HOUR_CACHED_FOR)
    return cast("tuple[Span | None, Counts]", found)


def _read_hour(until: datetime) -> tuple[Span | None, Counts]:
    sums = {column: Sum(column) for column in ("expected", "up", "down", "unknown")}
    found = HourlyRollup.objects.filter(started_at=until - HOUR).aggregate(**sums)
    if found["expected"] is None:
        return None, Counts()
    return Span(until - HOUR, until), Counts(**found)
