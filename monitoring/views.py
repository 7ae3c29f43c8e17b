"""Whether the monitor itself is well: for load balancers, container health checks and people."""

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import heartbeats, periodic_tasks, troubles
from monitoring.absences import database_takes_writes
from monitoring.models import Heartbeat, TroubleKind

OK, UNKNOWN, UNREACHABLE, NO_WRITES = "ok", "unknown", "unreachable", "takes no writes"
# What each kind of trouble is about.
TROUBLED = {TroubleKind.OVERLOADED: "load", TroubleKind.CUT_OFF: "connection"}
# Seconds for the broker to answer: whoever asks wants to know soon.
BROKER_TIMEOUT = 1.0
READY_KEY = "webmonitor:ready"


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers. Nothing else is looked at, so that a restart never follows from another's fault."""
    return JsonResponse({"status": OK, "version": settings.VERSION})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The whole monitor works: 200, else 503; each part is named with what it lacks.

    Where it works, but not for all websites, it is `degraded`, with 200: whoever starts processes anew, or takes them
    off the net, by this answer would only make it worse.
    """
    database = _database()
    parts = {"database": database, "broker": _broker()}
    for component in Heartbeat.Component:
        parts[component.value] = _process(component) if database != UNREACHABLE else UNKNOWN
    parts["tasks"] = _own_tasks() if database != UNREACHABLE else UNKNOWN
    ready = all(state in (OK, "embedded") for state in parts.values())
    troubled = _troubles() if database == OK else dict.fromkeys(TROUBLED.values(), UNKNOWN)
    well = OK if all(state == OK for state in troubled.values()) else "degraded"
    return JsonResponse({"status": well if ready else "not ready", **parts, **troubled}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return OK if database_takes_writes() else NO_WRITES
    except Error:  # the answer says it; why is in the database's own log
        return UNREACHABLE


def _broker() -> str:
    if settings.REDIS_URL is None:
        return "embedded"
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=BROKER_TIMEOUT, socket_timeout=BROKER_TIMEOUT
        ) as client:
            # Its memory may be full, or it may be a replica for now.
            client.set(READY_KEY, 1, ex=60)
    except redis.ResponseError:
        return NO_WRITES
    except (redis.RedisError, OSError):
        return UNREACHABLE
    return OK


def _own_tasks() -> str:
    try:
        wrong = periodic_tasks.wrong()
    except Error:
        return "unknown"
    return f"not as they should be: {', '.join(wrong)}" if wrong else OK


def _process(component: Heartbeat.Component) -> str:
    try:
        age = heartbeats.age(component)
    except Error:  # tables not migrated yet, or the database went away just now
        return UNKNOWN
    if age is None:
        return "never seen"
    return OK if age <= heartbeats.FRESH_FOR else f"not seen for {age:.0f} s"


def _troubles() -> dict[str, str]:
    try:
        current = {one.kind: one.sentence for one in troubles.current()}
    except Error:  # tables not migrated yet, or the database went away just now
        return dict.fromkeys(TROUBLED.values(), UNKNOWN)
    return {part: current.get(kind, OK) for kind, part in TROUBLED.items()}
