"""What is old is deleted, a little at a time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from monitoring.models import Alert, AlertStatus, Delivery, ExtractedValue, MonitoringData

# Rows a statement: short enough that a check's own write never waits noticeably.
CHUNK = 5_000
# Seconds that one run takes at most; the next one goes on.
RUN_TIME = 20.0
# Days that what was told is kept, and what was extracted; changes of states and incidents stay.
ALERT_DAYS = 90
VALUE_DAYS = 400


def prune(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Delete what is too old, until `is_stopping`; returns how many rows went."""
    ends_at = time.monotonic() + RUN_TIME
    deleted = 0
    for oldest in (_oldest_checks, _oldest_values, _oldest_alerts, _oldest_deliveries):
        while not is_stopping() and time.monotonic() < ends_at:
            rows = oldest(timezone.now())
            count = rows.delete()[0] if rows is not None else 0
            if not count:
                break
            deleted += count
    return deleted


def _oldest_checks(now: datetime) -> QuerySet[Any] | None:
    return _oldest(MonitoringData, "entry_timestamp", now - timedelta(days=settings.RETENTION_DAYS))


def _oldest_values(now: datetime) -> QuerySet[Any] | None:
    return _oldest(ExtractedValue, "seen_at", now - timedelta(days=VALUE_DAYS))


def _oldest(model: type[Model], moment: str, horizon: datetime) -> QuerySet[Any] | None:
    """Ids grow with time, so the oldest rows are found by the primary key alone."""
    oldest = model._default_manager.order_by("pk").values_list("pk", moment)
    first = oldest.first()
    if first is None or first[1] >= horizon:
        return None
    oldest = oldest[:CHUNK]
    old_ids = [pk for pk, made_at in oldest if made_at < horizon]
    return model._default_manager.filter(pk__in=old_ids)


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
