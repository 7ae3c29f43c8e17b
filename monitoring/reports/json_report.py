"""Reports for programs: one JSON object, each website on a line of its own; docs/statistics.md has its fields.

Moments are in UTC. Everything that is not ASCII is escaped, and so inert.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from monitoring.reports.collect import Report, ReportedIncident, ReportedWebsite
from monitoring.watch_periods import Span


def write(report: Report) -> Iterator[str]:
    """The document, piece by piece."""
    head = {
        "month": str(report.month),
        "time_zone": report.month.zone,
        "is_over": report.is_over,
        **_span(report.asked),
        "covered": _span(report.covered),
        "made_at": _iso(report.made_at),
        "total": {"websites": len(report.websites), "mean_uptime": report.mean_uptime, **report.total},
    }
    yield f'{json.dumps(head)[:-1]}, "websites": ['
    for number, website in enumerate(report.websites):
        yield f"{',' if number else ''}\n{json.dumps(_website(website))}"
    yield "\n]}\n"


def _website(website: ReportedWebsite) -> dict[str, Any]:
    return {
        "website_id": website.website_id,
        "website_url": website.website_url,
        "tags": website.tags,
        **website.facts,
        "incidents": [_incident(incident) for incident in website.incidents],
    }


def _incident(incident: ReportedIncident) -> dict[str, Any]:
    """With the names that the API has for it."""
    return {
        "id": incident.id,
        "kind": incident.kind,
        "started_at": _iso(incident.started_at),
        "started_between": [_iso(incident.started_after), _iso(incident.started_before)],
        "ended_at": _iso(incident.ended_at),
        "ended_between": [_iso(incident.ended_after), _iso(incident.ended_before)],
        "end_reason": incident.end_reason,
        "cause": incident.cause,
        "http_status": incident.http_status,
        "error": incident.error,
        "error_detail": incident.error_detail,
        "acknowledged_at": _iso(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by,
        "note": incident.note,
    }


def _span(span: Span) -> dict[str, str | None]:
    return {"since": _iso(span.since), "until": _iso(span.until)}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
