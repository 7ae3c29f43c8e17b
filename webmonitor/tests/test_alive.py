"""The container health check, on the database that the tests have."""

import socket
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from monitoring.models import Heartbeat
from webmonitor import alive

pytestmark = pytest.mark.django_db(transaction=True)


def seen(age: float, instance: str = "") -> None:
    at = timezone.now() - timedelta(seconds=age)
    name = instance or f"{socket.gethostname()}:{age}"
    Heartbeat.objects.create(component=Heartbeat.Component.WORKER, instance=name, seen_at=at)


def test_the_newest_heartbeat_of_this_machine_is_taken() -> None:
    assert alive.last_seen(connection.settings_dict, "worker") is None
    seen(5, "elsewhere:1")
    seen(900)
    seen(60)
    at = alive.last_seen(connection.settings_dict, "worker")
    assert at is not None
    assert 60 <= (timezone.now() - at).total_seconds() < 90
    assert alive.last_seen(connection.settings_dict, "beat") is None


def test_what_ended_while_the_clock_was_ahead_does_not_live() -> None:
    seen(-40 * 86_400)
    assert alive.last_seen(connection.settings_dict, "worker") is None
