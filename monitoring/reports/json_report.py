"""Reports for programs: one JSON object, each website on a line of its own; docs/statistics.md has its fields.

Moments are in UTC. Everything that is not ASCII is escaped, and so inert.
"""

import json
from collections.abc import Iterator
from typing import Any

from monitoring.reports.collect import Report, ReportedIncident, ReportedWebsite
from monitoring.wall_clock import iso
from monitoring.watch_periods import Span


def write(report: Report) -> Iterator[str]:
    """The document, piece by piece."""
    head = {
        "month": str(report.month),
        "time_zone": report.month.zone,
        "is_over": report.is_over,
        **_span(report.asked),
        "covered": _span(report.covered),
        "made_at": iso(report.made_at),
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
        "started_at": iso(incident.started_at),
        "started_between": [iso(incident.started_after), iso(incident.started_before)],
        "ended_at": iso(incident.ended_at),
        "ended_between": [iso(incident.ended_after), iso(incident.ended_before)],
        "end_reason": incident.end_reason,
        "cause": incident.cause,
        "http_status": incident.http_status,
        "error": incident.error,
        "error_detail": incident.error_detail,
        "acknowledged_at": iso(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by,
        "note": incident.note,
    }


def _span(span: Span) -> dict[str, str | None]:
    return {"since": iso(span.since), "until": iso(span.until)}
