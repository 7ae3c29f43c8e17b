"""Beat and worker say now and then that they live, and how many checks they missed.

`/readyz` and container health checks read the first, people see both in the admin.
"""

import datetime
import os
import socket
from collections.abc import Mapping

from django.utils import timezone

from monitoring.models import Heartbeat

# Seconds between two heartbeats, and the age at which a process counts as gone.
INTERVAL = 10.0
FRESH_FOR = 30.0
# Seconds that the clocks of two machines may differ by.
CLOCK_SKEW = 300.0
FORGET_AFTER = datetime.timedelta(days=1)
_STARTED_AT = datetime.datetime.now(datetime.UTC)


def instance_name() -> str:
    """This process, as `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def write(component: Heartbeat.Component, missed: Mapping[str, int]) -> None:
    """Say that this process lives as `component` and missed so many checks since it started, by reason.

    Rows of processes long gone are removed by the way.
    """
    now = timezone.now()
    Heartbeat.objects.update_or_create(
        component=component,
        instance=instance_name(),
        defaults={
            "started_at": _STARTED_AT,
            "seen_at": now,
            "missed": sum(missed.values()),
            "missed_by_reason": dict(missed),
        },
    )
    Heartbeat.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def last_seen(component: Heartbeat.Component) -> datetime.datetime | None:
    """When any process of this kind was last seen; None where there never was one, or all is long ago."""
    # What ended while the clock was ahead is not seen until then.
    until = timezone.now() + datetime.timedelta(seconds=CLOCK_SKEW)
    processes = Heartbeat.objects.filter(component=component, seen_at__lt=until)
    return processes.order_by("-seen_at").values_list("seen_at", flat=True).first()


def lives(seen_at: datetime.datetime) -> bool:
    """Whether a process that was last seen then counts as living."""
    return -CLOCK_SKEW < (timezone.now() - seen_at).total_seconds() <= FRESH_FOR


def age(component: Heartbeat.Component) -> float | None:
    """Seconds since any process of this kind was last seen; None as in `last_seen`."""
    seen_at = last_seen(component)
    return None if seen_at is None else (timezone.now() - seen_at).total_seconds()
