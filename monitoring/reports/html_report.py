"""Reports for people: one page that needs nothing else, to be read on a screen or printed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.template.loader import get_template

from monitoring.admin_display import duration
from monitoring.models import IncidentKind
from monitoring.notifications.wording import span
from monitoring.reports.collect import Report, ReportedIncident, ReportedWebsite
from monitoring.uptime_text import percent
from monitoring.wall_clock import zone_of
from monitoring.watch_periods import Span
from websites.plain_text import inert

TEMPLATE = "monitoring/report.html"


def write(report: Report) -> Iterator[str]:
    """The page. Text of strangers neither marks anything up nor turns anything around."""
    page = _Page(report)
    yield get_template(TEMPLATE).render(
        {
            "month": report.month.name,
            "is_over": report.is_over,
            "zone": report.month.zone,
            "asked": page.window(report.asked),
            "covered": page.window(report.covered) if report.covered != report.asked else None,
            "made_at": page.moment(report.made_at),
            "total": page.row(report.total),
            "count": len(report.websites),
            "mean_uptime": percent(report.mean_uptime),
            "websites": [page.website(website) for website in report.websites],
            "incidents": [
                page.incident(website, incident) for website in report.websites for incident in website.incidents
            ],
        }
    )


class _Page:
    """Words for what a report has, in its time zone."""

    def __init__(self, report: Report) -> None:
        self._zone = zone_of(report.month.zone)
        self._until = report.covered.until

    def website(self, website: ReportedWebsite) -> dict[str, Any]:
        named = {"url": inert(website.website_url), "tags": ", ".join(map(inert, website.tags))}
        return {**named, **self.row(website.facts)}

    def row(self, facts: dict[str, Any]) -> dict[str, Any]:
        outages, times = facts["outages"], facts["response_time"]
        return {
            "uptime": percent(facts["uptime"]),
            "coverage": percent(facts["coverage"]),
            "outages": outages["count"],
            "down": _bounds(outages["at_least"], outages["at_most"]),
            "checks": f"{facts['observed']:,}",
            "times": [duration(times[name]) for name in ("p50", "p95", "p99")],
        }

    def incident(self, website: ReportedWebsite, incident: ReportedIncident) -> dict[str, Any]:
        ended = incident.ended_at
        lasted = ((ended or self._until) - incident.started_at).total_seconds()
        return {
            "url": inert(website.website_url),
            "kind": dict(IncidentKind.choices).get(incident.kind, incident.kind),
            "began": self.moment(incident.started_at),
            "began_between": self._between(incident.started_after, incident.started_before, incident.started_at),
            "ended": "lasts" if ended is None else self.moment(ended),
            "ended_between": "" if ended is None else self._between(incident.ended_after, incident.ended_before, ended),
            "lasted": span(max(0.0, lasted)),
            "cause": inert(incident.cause),
            "acknowledged": self._acknowledged(incident),
        }

    def window(self, window: Span) -> tuple[str, str]:
        return self.moment(window.since), self.moment(window.until)

    def moment(self, moment: datetime) -> str:
        """To the second, with the offset, without which an hour of the autumn would be two."""
        return moment.astimezone(self._zone).isoformat(" ", "seconds")

    def _between(self, after: datetime | None, before: datetime | None, seen: datetime) -> str:
        """The bounds of a moment that stands beside them."""
        if before is None:
            return ""
        end = self._beside(before, seen)
        return f"before {end}" if after is None else f"{self._beside(after, seen)} to {end}"

    def _beside(self, moment: datetime, other: datetime) -> str:
        """Without what it has in common with the other one: the day and the offset."""
        one, shown = (when.astimezone(self._zone) for when in (moment, other))
        is_alike = (one.date(), one.utcoffset()) == (shown.date(), shown.utcoffset())
        return f"{one:%H:%M:%S}" if is_alike else self.moment(moment)

    def _acknowledged(self, incident: ReportedIncident) -> str:
        if incident.acknowledged_at is None:
            return ""
        by = f" by {inert(incident.acknowledged_by)}" if incident.acknowledged_by else ""
        note = f": {inert(incident.note)}" if incident.note else ""
        return f"acknowledged {self.moment(incident.acknowledged_at)}{by}{note}"


def _bounds(at_least: float, at_most: float) -> str:
    low, high = span(at_least), span(at_most)
    return low if low == high else f"{low} to {high}"
