"""What people are told while nothing is checked, as a kind of process that it takes does not live."""

from monitoring import admin_display as display
from monitoring import heartbeats
from monitoring.models import Heartbeat


def absences() -> list[str]:
    """A sentence for each kind of which no process was seen lately."""
    sentences = []
    for component in Heartbeat.Component:
        seen_at = heartbeats.last_seen(component)
        if seen_at is None or not heartbeats.lives(seen_at):
            since = "" if seen_at is None else f" since {display.utc(seen_at)}"
            sentences.append(f"No {component.label} process has been seen{since}.")
    return sentences
