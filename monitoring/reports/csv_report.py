"""Reports for spreadsheets: one table, in which each website is followed by its incidents, with the total at its end.

Moments are in the report's time zone, with its offset; times are seconds, shares from 0 to 1. A cell is empty where
nothing is known or asked of its row. No text of strangers is a formula, see `websites.csv_files`.
"""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from monitoring.figures import PERCENTILES
from monitoring.reports.collect import Report, ReportedIncident, ReportedWebsite
from monitoring.wall_clock import zone_of
from websites.csv_files import SIGNS, guarded
from websites.plain_text import inert

# Spreadsheets of some countries take these for the end of a cell, quoted or not; a formula might follow.
BEHIND_SEPARATOR = re.compile(rf"""[;|](?=[\s"']*{SIGNS})""")
COUNTS = ("expected", "observed", "up", "down", "unknown", "uptime", "coverage")
OUTAGES = {"outages": "count", "outage_at_least": "at_least", "outage_at_most": "at_most"}
TIMES = ("mean", "min", "max", *(f"p{percent}" for percent in PERCENTILES))
MOMENTS = ("started_at", "started_after", "started_before", "ended_at", "ended_after", "ended_before")
INCIDENT = ("kind", *MOMENTS, "end_reason", "cause", "error_detail", "acknowledged_at", "acknowledged_by", "note")
COLUMNS = (
    *("row", "since", "until", "website_id", "website_url", "tags"),
    *COUNTS,
    "mean_uptime",
    *OUTAGES,
    *TIMES,
    *INCIDENT,
)


def write(report: Report) -> Iterator[str]:
    """The lines: a header, then rows that are a `website`, an `incident` of the website above, or the `total`."""
    zone = report.month.zone
    window = {name: _cell(moment, zone) for name, moment in report.covered._asdict().items()}
    yield _line(COLUMNS)
    for website in report.websites:
        named = {"website_id": website.website_id, "website_url": website.website_url}
        yield _row(zone, {**window, **named, **_website(website)})
        for incident in website.incidents:
            yield _row(zone, {**named, **_incident(incident)})
    yield _row(zone, {"row": "total", **window, "mean_uptime": report.mean_uptime, **_facts(report.total)})


def _website(website: ReportedWebsite) -> dict[str, Any]:
    return {"row": "website", "tags": ", ".join(website.tags), **_facts(website.facts)}


def _incident(incident: ReportedIncident) -> dict[str, Any]:
    return {"row": "incident", **{name: getattr(incident, name) for name in INCIDENT}}


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    outages = {column: facts["outages"][name] for column, name in OUTAGES.items()}
    return {**{name: facts[name] for name in COUNTS}, **outages, **facts["response_time"]}


def _row(zone: str, cells: dict[str, Any]) -> str:
    return _line(_cell(cells.get(column), zone) for column in COLUMNS)


def _cell(value: Any, zone: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone_of(zone)).isoformat()
    return guarded(BEHIND_SEPARATOR.sub(r"\g<0>'", inert(str(value))))


def _line(cells: Any) -> str:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
