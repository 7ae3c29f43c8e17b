"""Beat and worker say now and then that they live; `/readyz` and container health checks read it."""

import datetime
import os
import socket

from django.utils import timezone

from monitoring.models import Heartbeat

# Seconds between two heartbeats, and the age at which a process counts as gone.
INTERVAL = 10.0
FRESH_FOR = 30.0
FORGET_AFTER = datetime.timedelta(days=1)


def instance_name() -> str:
    """This process, as `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def write(component: Heartbeat.Component) -> None:
    """Say that this process lives as `component`; rows of processes long gone are removed by the way."""
    now = timezone.now()
    Heartbeat.objects.update_or_create(
        component=component, instance=instance_name(), defaults={"seen_at": now}, create_defaults={"seen_at": now}
    )
    Heartbeat.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def age(component: Heartbeat.Component) -> float | None:
    """Seconds since any process of this kind was last seen; None where there never was one."""
    seen_at = Heartbeat.objects.filter(component=component).order_by("-seen_at").values_list("seen_at", flat=True)
    newest = seen_at.first()
    return None if newest is None else (timezone.now() - newest).total_seconds()
