"""Alerts as people and programs read them: a title, a text, and what a webhook gets."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from monitoring.models import Alert, AlertKind, CheckError, EndReason, Incident, IncidentKind
from monitoring.notifications.grouping import shared
from monitoring.wall_clock import iso
from websites.plain_text import inert

# Websites that a text names; a webhook gets all of them.
LISTED = 50
TITLE_MAX_LENGTH = 200
SUBJECTS = {
    (AlertKind.BEGAN, IncidentKind.DOWN): "Down",
    (AlertKind.BEGAN, IncidentKind.SLOW): "Slow",
    (AlertKind.BEGAN, IncidentKind.VALUE): "Value out of bounds",
    (AlertKind.ENDED, IncidentKind.DOWN): "Up again",
    (AlertKind.ENDED, IncidentKind.SLOW): "Fast again",
    (AlertKind.ENDED, IncidentKind.VALUE): "Value in bounds again",
    (AlertKind.REMINDER, IncidentKind.DOWN): "Still down",
    (AlertKind.REMINDER, IncidentKind.SLOW): "Still slow",
    (AlertKind.REMINDER, IncidentKind.VALUE): "Value still out of bounds",
    (AlertKind.FLAPPING, IncidentKind.DOWN): "Flapping",
    (AlertKind.VALUE, None): "Value changed",
    (AlertKind.CERTIFICATE, None): "Certificate expires",
}
# Why something ended, of a website that is deleted: no incident of it is kept.
DELETED = "deleted"
# Ends that no check saw.
UNSEEN_ENDS: dict[tuple[str, IncidentKind], str] = {
    (EndReason.DROPPED, IncidentKind.SLOW): "No longer watched for slow answers",
    (EndReason.DROPPED, IncidentKind.VALUE): "No longer out of the bounds that are set",
}


# What websites share, as a title has it.
TOGETHER = {
    "host": "of {}",
    "address": "on one server ({})",
    "network": "in one network ({})",
    "domain": "with the name servers of {}",
}


def worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Of one kind: a short text names the first, and counts the others."""
    return sorted(alerts, key=_mildness)


def _mildness(alert: Alert) -> float:
    incident = alert.incident
    if alert.kind == AlertKind.CERTIFICATE:
        return float(alert.data["days_left"])
    if alert.kind == AlertKind.FLAPPING:
        return -float(alert.data["outages"])
    if incident is None:
        return 0.0
    if incident.ended_at is not None:
        return -(incident.ended_at - incident.started_at).total_seconds()
    return incident.started_at.timestamp()


def title(alerts: Sequence[Alert]) -> str:
    """One line: what, of which website or of how many, what these share, and why, where all share that."""
    causes = {cause(alert) for alert in alerts}
    why = f": {causes.pop()}" if len(causes) == 1 else ""
    whom = inert(alerts[0].website.website_url) if len(alerts) == 1 else f"{len(alerts)} websites"
    if (common := shared(alerts)) is not None:
        whom += f" {TOGETHER[common[0]].format(inert(common[1]))}"
    return f"{subject(alerts[0])}: {whom}{why}"[:TITLE_MAX_LENGTH]


def text(alerts: Sequence[Alert]) -> str:
    lines = [line(alert) for alert in alerts[:LISTED]]
    if len(alerts) > LISTED:
        lines.append(and_more(len(alerts) - LISTED))
    return "\n".join(lines)


def and_more(count: int) -> str:
    return f"... and {count} more."


def payload(alerts: Sequence[Alert], began_in: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """JSON for programs; docs/alerts.md has its fields.

    `began_in` has, for an end or a reminder, the messages that told of the beginning: `delivery` is their key, and
    `is_over` whether all that was told in them has ended.
    """
    return {
        "event": alerts[0].kind,
        "subject": subject(alerts[0]),
        "count": len(alerts),
        "shared": dict([common]) if (common := shared(alerts)) is not None else {},
        "websites": [_entry(alert) for alert in alerts],
        **({"began_in": list(began_in)} if began_in else {}),
    }


def subject(alert: Alert) -> str:
    kind, incident = AlertKind(alert.kind), alert.incident
    if incident is None:
        return SUBJECTS[kind, None]
    about = IncidentKind(incident.kind)
    if kind is not AlertKind.ENDED:
        return SUBJECTS[kind, about]
    if incident.end_reason == EndReason.PAUSED:
        return "Paused"
    if incident.end_reason == DELETED:
        return "Deleted from the monitor"
    return UNSEEN_ENDS.get((incident.end_reason, about), SUBJECTS[kind, about])


def cause(alert: Alert) -> str:
    """Why, in a few words; blank where nothing is to be said."""
    incident = alert.incident
    if alert.kind == AlertKind.FLAPPING:
        return f"down {alert.data['outages']} times in {span(alert.data['seconds'])}"
    if incident is None:
        return _event(alert)
    if alert.kind == AlertKind.ENDED and incident.ended_at is not None:
        return f"after {span((incident.ended_at - incident.started_at).total_seconds())}"
    return reason(incident)


def _event(alert: Alert) -> str:
    if alert.kind == AlertKind.CERTIFICATE:
        return _days(alert.data["days_left"])
    return f"{inert(alert.data['new']) or 'nothing'} (before: {inert(alert.data['old']) or 'nothing'})"


def reason(incident: Incident) -> str:
    """Its cause in a few words: the kind of error, or what was wrong with the answer."""
    # Of a slow answer, the kind of error says nothing.
    if incident.error and incident.kind == IncidentKind.DOWN:
        return str(dict(CheckError.choices).get(incident.error, incident.error))
    status = f"status {incident.http_status}"
    is_status = incident.error_detail.startswith(f"The {status} is not accepted")
    return status if is_status else inert(incident.error_detail).rstrip(".") or status


def line(alert: Alert) -> str:
    """A website in one line, with what is known of when."""
    parts = [inert(alert.website.website_url), cause(alert)]
    incident = alert.incident
    if incident is not None:
        if alert.kind in (AlertKind.BEGAN, AlertKind.REMINDER) and incident.kind == IncidentKind.DOWN:
            detail = inert(incident.error_detail)
            parts.append(detail if detail.rstrip(".") != parts[1] else "")
        parts.append(f"since {utc(incident.started_at)}")
        if incident.ended_at is not None:
            parts.append(f"until {utc(incident.ended_at)}")
    return " | ".join(filter(None, parts))


def lateness(seconds: float) -> str:
    """A sentence for what is sent so long after it should have been."""
    return f"This message is {span(seconds)} late."


def span(seconds: float) -> str:
    """`45 s`, `3 min`, `2 h 5 min` or `3 days 4 h`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def _entry(alert: Alert) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "website_id": alert.website_id,
        "website_url": alert.website.website_url,
        "cause": cause(alert),
    }
    if alert.incident is not None:
        entry["incident"] = incident_facts(alert.incident)
    entry |= alert.data
    return entry


def incident_facts(incident: Incident) -> dict[str, Any]:
    """An incident as programs read it; moments in UTC."""
    return {
        "id": incident.pk,
        "kind": incident.kind,
        "started_at": iso(incident.started_at),
        "started_between": [iso(incident.started_after), iso(incident.started_before)],
        "ended_at": iso(incident.ended_at),
        "ended_between": [iso(incident.ended_after), iso(incident.ended_before)],
        "end_reason": incident.end_reason,
        "http_status": incident.http_status,
        "error": incident.error,
        "error_detail": incident.error_detail,
        "remote_ip": incident.remote_ip,
    }


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _days(count: int) -> str:
    if count < 0:
        return "it has expired"
    return "in less than a day" if count == 0 else f"in {count} {'day' if count == 1 else 'days'}"
