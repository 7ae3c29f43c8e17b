import socket
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.utils import timezone

from monitoring.models import Heartbeat


def seen(component: str, seconds_ago: float) -> None:
    moment = timezone.now() - timedelta(seconds=seconds_ago)
    Heartbeat.objects.create(component=component, instance=f"host:{seconds_ago}", seen_at=moment)


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
def test_a_process_that_answers_is_healthy_without_a_database(
    client: Client, settings: LazySettings, path: str
) -> None:
    # Without the django_db mark, any query here is an error.
    response = client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok", "version": settings.VERSION})
    assert "no-cache" in response["Cache-Control"]
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
def test_the_monitor_is_ready_when_every_part_was_seen(client: Client, settings: LazySettings, path: str) -> None:
    settings.REDIS_URL = None
    seen("beat", 100)
    seen("beat", 5)
    seen("worker", 5)
    response = client.get(path)
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "broker": "embedded",
        "beat": "ok",
        "worker": "ok",
    }


@pytest.mark.django_db
def test_a_part_that_is_missing_is_named(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = None
    seen("worker", 40)
    response = client.get("/readyz")
    assert response.status_code == 503
    body = response.json()
    assert (body["status"], body["beat"]) == ("not ready", "never seen")
    assert body["worker"].startswith("not seen for 4")


@pytest.mark.django_db
def test_a_broker_that_is_away_is_named(client: Client, settings: LazySettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    response = client.get("/readyz")
    assert (response.status_code, response.json()["broker"]) == (503, "unreachable")


@pytest.mark.django_db
def test_a_broker_that_says_nothing_is_named(client: Client, settings: LazySettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        response = client.get("/readyz")
    assert (response.status_code, response.json()["broker"]) == (503, "unreachable")


@pytest.mark.django_db
def test_a_database_that_is_away_is_named(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = None

    def refuse(*_args: object) -> None:
        from django.db import OperationalError

        raise OperationalError("server closed the connection")

    with connection.execute_wrapper(refuse):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert (response.json()["database"], response.json()["beat"]) == ("unreachable", "unknown")
