"""Old monitoring data is deleted, a little at a time."""

import datetime

from django.conf import settings
from django.utils import timezone

from monitoring.models import MonitoringData

# Rows a statement: short enough that a check's own write never waits noticeably.
CHUNK = 5_000


def prune() -> int:
    """Delete what is older than `RETENTION_DAYS`; returns how many rows went."""
    horizon = timezone.now() - datetime.timedelta(days=settings.RETENTION_DAYS)
    deleted = 0
    while True:
        # Ids grow with time, so the oldest rows are found by the primary key alone.
        oldest = MonitoringData.objects.order_by("pk").values_list("pk", "entry_timestamp")[:CHUNK]
        old_ids = [pk for pk, entry_timestamp in oldest if entry_timestamp < horizon]
        if not old_ids:
            return deleted
        deleted += MonitoringData.objects.filter(pk__in=old_ids).delete()[0]
