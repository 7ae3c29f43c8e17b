"""Old monitoring data is deleted, a little at a time."""

import datetime
import time
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from monitoring.models import MonitoringData

# Rows a statement: short enough that a check's own write never waits noticeably.
CHUNK = 5_000
# Seconds that one run takes at most; the next one goes on.
RUN_TIME = 20.0


def prune(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Delete what is older than `RETENTION_DAYS`, until `is_stopping`; returns how many rows went."""
    horizon = timezone.now() - datetime.timedelta(days=settings.RETENTION_DAYS)
    ends_at = time.monotonic() + RUN_TIME
    deleted = 0
    while not is_stopping() and time.monotonic() < ends_at:
        # Ids grow with time, so the oldest rows are found by the primary key alone.
        oldest = MonitoringData.objects.order_by("pk").values_list("pk", "entry_timestamp")[:CHUNK]
        old_ids = [pk for pk, entry_timestamp in oldest if entry_timestamp < horizon]
        if not old_ids:
            break
        deleted += MonitoringData.objects.filter(pk__in=old_ids).delete()[0]
    return deleted
