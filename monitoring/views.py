"""Whether the monitor itself is well: for load balancers, container health checks and people."""

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import heartbeats
from monitoring.models import Heartbeat

OK = "ok"
# Seconds for the broker to answer: whoever asks wants to know soon.
BROKER_TIMEOUT = 1.0


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers. Nothing else is looked at, so that a restart never follows from another's fault."""
    return JsonResponse({"status": OK, "version": settings.VERSION})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The whole monitor works: 200, else 503; each part is named with what it lacks."""
    database = _database()
    parts = {"database": database, "broker": _broker()}
    for component in Heartbeat.Component:
        parts[component.value] = _process(component) if database == OK else "unknown"
    ready = all(state in (OK, "embedded") for state in parts.values())
    return JsonResponse({"status": OK if ready else "not ready", **parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:  # the answer says it; why is in the database's own log
        return "unreachable"
    return OK


def _broker() -> str:
    if settings.REDIS_URL is None:
        return "embedded"
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=BROKER_TIMEOUT, socket_timeout=BROKER_TIMEOUT
        ) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return "unreachable"
    return OK


def _process(component: Heartbeat.Component) -> str:
    try:
        age = heartbeats.age(component)
    except Error:  # tables not migrated yet, or the database went away just now
        return "unknown"
    if age is None:
        return "never seen"
    return OK if age <= heartbeats.FRESH_FOR else f"not seen for {age:.0f} s"
