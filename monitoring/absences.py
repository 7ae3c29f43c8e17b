"""What people are told while the monitor does not do all it is to do."""

from typing import cast

from django.core.cache import cache
from django.db import connection

from monitoring import admin_display as display
from monitoring import heartbeats, periodic_tasks
from monitoring.models import Heartbeat

# Seconds that what was read is good for.
CACHED_FOR = 10
READ_ONLY = (
    "The database takes no writes: checks are made, and kept until it does. What is shown is what was known then."
)
IDLE_TASKS = (
    "The monitor's own periodic tasks do not run as they should: {}. Without them alerts are not sent and nothing is "
    "summed up. Beat puts them right within minutes."
)


def database_takes_writes() -> bool:
    """False on a replica, and if its owner or its host has switched writes off. Raises `django.db.Error`."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone()[0] == "off")


def warnings() -> list[str]:
    """A sentence for each thing that is amiss while checks are made; as it was some seconds ago."""
    takes_writes, wrong = _facts()
    idle = [IDLE_TASKS.format(", ".join(wrong))] if wrong else []
    return idle if takes_writes else [READ_ONLY, *idle]


def absences() -> list[str]:
    """A sentence for each kind of which no process was seen lately: nothing is checked then."""
    takes_writes, _ = _facts()
    if not takes_writes:
        # Nor do they say that they live.
        return []
    sentences = []
    for component in Heartbeat.Component:
        seen_at = heartbeats.last_seen(component)
        if seen_at is None or not heartbeats.lives(seen_at):
            since = "" if seen_at is None else f" since {display.utc(seen_at)}"
            sentences.append(f"No {component.label} process has been seen{since}.")
    return sentences


def _facts() -> tuple[bool, list[str]]:
    """Whether the database takes writes, and which of the monitor's own tasks do not run as they should."""
    found = cache.get_or_set("monitor-amiss", lambda: (database_takes_writes(), periodic_tasks.wrong()), CACHED_FOR)
    return cast("tuple[bool, list[str]]", found)
