"""Incidents, and what is told of them, as tests put them there."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from monitoring.models import Alert, AlertKind, AlertStatus, Channel, CheckError, Delivery, EndReason, Incident
from websites.models import Website

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
# What a stranger's server may put into an error, and how it is shown.
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe"
HOSTILE_SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202egnp.exe"


def incident(website: Website, seconds: float = 0, **fields: Any) -> Incident:
    """One that began so many seconds after noon, and lasts."""
    began = NOON + timedelta(seconds=seconds)
    values = {
        "started_at": began,
        "started_after": began - timedelta(seconds=60),
        "started_before": began + timedelta(seconds=1),
        "opened_at": began + timedelta(seconds=2),
        "error": CheckError.TIMEOUT,
        "error_detail": "No answer in 10 s.",
        **fields,
    }
    return Incident.objects.create(website=website, **values)


def ended_incident(website: Website, seconds: float = 0, lasted: float = 90, **fields: Any) -> Incident:
    ended = NOON + timedelta(seconds=seconds + lasted)
    values = {
        "ended_at": ended,
        "ended_after": ended - timedelta(seconds=60),
        "ended_before": ended + timedelta(seconds=1),
        "closed_at": ended + timedelta(seconds=2),
        "end_reason": EndReason.RECOVERED,
        **fields,
    }
    return incident(website, seconds, **values)


def delivery(channel: Channel, age: float = 0, **fields: Any) -> Delivery:
    """One that was made so many seconds ago, and is to be sent."""
    made = timezone.now() - timedelta(seconds=age)
    values = {
        "title": "Down: https://example.org/: timeout",
        "text": "https://example.org/ | timeout",
        "payload": {"event": "began"},
        "created_at": made,
        "timely_until": made + timedelta(minutes=3),
        "tried_until": made + timedelta(hours=24),
        "due_at": made,
        **fields,
    }
    return Delivery.objects.create(channel=channel, **values)


def alert(channel: Channel, of: Incident, **fields: Any) -> Alert:
    values = {
        "kind": AlertKind.BEGAN,
        "status": AlertStatus.WAITING,
        "due_at": timezone.now() + timedelta(hours=1),
        **fields,
    }
    return Alert.objects.create(channel=channel, website=of.website, incident=of, **values)
