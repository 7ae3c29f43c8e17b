import socket
from datetime import timedelta

import pytest
import redis
from django.conf import LazySettings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from bench.servers import redis_server
from monitoring import rollups, troubles
from monitoring.models import Heartbeat, TroubleKind


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
        "tasks": "ok",
        "load": "ok",
        "connection": "ok",
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
    parts = response.json()
    assert (parts["database"], parts["beat"], parts["load"]) == ("unreachable", "unknown", "unknown")


@pytest.mark.django_db
def test_a_monitor_that_does_not_see_all_of_it_is_degraded_and_says_why(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = None
    seen("beat", 5)
    seen("worker", 5)
    troubles.note(TroubleKind.OVERLOADED, "3,412 checks missed in the last minute: no room for bodies", 300)
    response = client.get("/readyz")
    body = response.json()
    # No reason to start anything anew, which would make it worse.
    assert (response.status_code, body["status"], body["connection"]) == (200, "degraded", "ok")
    assert body["load"] == (
        "overloaded: 3,412 checks missed in the last minute: no room for bodies, affected: 300 websites"
    )
    Heartbeat.objects.filter(component="beat").delete()
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    troubles.clear(TroubleKind.OVERLOADED)
    seen("beat", 5)
    assert client.get("/readyz").json()["status"] == "ok"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_no_writes_is_named_and_the_overview_says_so(
    client: Client, admin_client: Client, settings: LazySettings
) -> None:
    if settings.IS_SQLITE:
        pytest.skip("SQLite has no such state that others could ask for")
    settings.REDIS_URL = None
    seen("beat", 100)
    rollups.progress()
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, "takes no writes")
    page = admin_client.get("/").content.decode()
    connection.close()
    cache.clear()
    assert "The database takes no writes: checks are made, and kept until it does." in page
    # Nor can beat and worker say that they live.
    assert "Nothing is checked" not in page


@pytest.mark.django_db
def test_a_broker_that_is_full_is_named(client: Client, settings: LazySettings) -> None:
    with redis_server() as url, redis.Redis.from_url(url) as server:
        settings.REDIS_URL = url
        assert client.get("/readyz").json()["broker"] == "ok"
        server.config_set("maxmemory", "1")
        assert client.get("/readyz").json()["broker"] == "takes no writes"
