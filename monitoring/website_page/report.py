"""What a website's page shows of watching it, in the admin and outside, as far as somebody may see it."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import alert_display, downtime, maintenance, newest_first, statistics, uptime_text
from monitoring.check_sums import REJECTED
from monitoring.current import certificate_of
from monitoring.models import Certificate, CheckError, ExtractedValue, Incident, MonitoringData
from monitoring.notifications import wording
from monitoring.statistics import Summary
from monitoring.watch_periods import Span
from monitoring.website_page import charts, ranges
from monitoring.website_page.ranges import Range
from websites.models import Website
from websites.plain_text import inert

LATEST_CHECKS = 20
LATEST_INCIDENTS = 10
LATEST_VALUES = 20
# A certificate with fewer days left is pointed at.
CERTIFICATE_DAYS = 14


def report(user: User | AnonymousUser, website: Website, asked: str | None) -> dict[str, Any]:
    """What the template `monitoring/site_report.html` shows; `asked` is a range as an address names it.

    Where there is no such range, `range_problem` says so and the default one is shown.
    """
    problem = ""
    try:
        chosen = ranges.read(asked)
    except ranges.UnknownRangeError as error:
        chosen, problem = ranges.DEFAULT, str(error)
    shown: dict[str, Any] = {
        "range": chosen,
        "ranges": ranges.RANGES,
        "range_problem": problem,
        "certificate": _certificate(website),
    }
    now = timezone.now()
    if until := maintenance.muted_until([website], now).get(website.pk):
        shown["maintained_until"] = display.utc(until)
    sees_incidents = user.has_perm("monitoring.view_incident")
    if sees_incidents:
        shown |= _incidents(website) | {"downtime": _downtime(website, chosen.window(now))}
        shown["may_acknowledge"] = user.has_perm("monitoring.change_incident")
    if user.has_perm("monitoring.view_monitoringdata"):
        shown |= _checks(website) | _figures(website, chosen, now)
        shown["response"] = charts.response(website, chosen.window(now), with_outages=sees_incidents)
    if user.has_perm("monitoring.view_extractedvalue"):
        shown |= _values(website, chosen.window(now))
    return shown


def _figures(website: Website, chosen: Range, now: datetime) -> dict[str, Any]:
    _, summaries = statistics.summaries([website.pk], chosen.window(now))
    summary = summaries[website.pk]
    return {
        "figures": _tiles(summary),
        "errors": _errors(summary),
        "phases": charts.phase_breakdown(summary),
        "answered": f"{summary.answered:,}",
    }


def _tiles(summary: Summary) -> dict[str, str]:
    return {
        "uptime": uptime_text.percent(summary.uptime),
        "coverage": uptime_text.percent(summary.coverage),
        **{f"p{percent}": display.duration(summary.percentile(percent)) for percent in (50, 95, 99)},
        "checks": f"{summary.observed + summary.unknown:,}",
        "expected": f"{summary.expected:,.0f}",
        "failed": f"{summary.down:,}",
        "unknown": f"{summary.unknown:,}" if summary.unknown else "",
    }


def _errors(summary: Summary) -> list[tuple[str, str]]:
    """Kinds of errors in words, with how often they were; the most frequent first."""
    words = {**dict(CheckError.choices), REJECTED: "unwanted answer"}
    kinds = sorted(summary.errors.items(), key=lambda item: (-item[1], item[0]))
    return [(str(words.get(kind, inert(kind))), f"{count:,}") for kind, count in kinds]


def _downtime(website: Website, window: Span) -> dict[str, str]:
    """What is known of how long it was down; `at_most` is blank where that is certain."""
    found = downtime.downtimes([website.pk], window)[website.pk]
    least, most = wording.span(found.at_least), wording.span(found.at_most)
    outages = "no outage" if not found.count else "1 outage" if found.count == 1 else f"{found.count} outages"
    return {"at_least": least, "at_most": "" if most == least else most, "outages": outages}


def _checks(website: Website) -> dict[str, Any]:
    newest = newest_first.first(website.monitoring_data.order_by("-entry_timestamp", "-pk"), LATEST_CHECKS)
    return {
        "latest_checks": [_row(check) for check in newest],
        "checks_url": f"{reverse('admin:monitoring_monitoringdata_changelist')}?website={website.pk}",
    }


def _incidents(website: Website) -> dict[str, Any]:
    latest = website.incidents.order_by("-started_at", "-pk")[:LATEST_INCIDENTS]
    return {
        "open_incidents": [_incident(incident) for incident in _with_who(website.incidents.filter(ended_at=None))],
        "latest_incidents": [_incident(incident) for incident in _with_who(latest)],
        "incidents_url": f"{reverse('admin:monitoring_incident_changelist')}?website={website.pk}",
    }


def _with_who(incidents: QuerySet[Incident]) -> QuerySet[Incident]:
    return incidents.select_related("acknowledged_by")


def _values(website: Website, window: Span) -> dict[str, Any]:
    latest = website.values.order_by("-seen_at", "-pk")[:LATEST_VALUES]
    return {
        "value_chart": charts.values(website, window),
        "latest_values": [_value(value) for value in latest],
    }


def _certificate(website: Website) -> dict[str, Any] | None:
    """The certificate last seen; None where there is none."""
    certificate = certificate_of(website)
    if certificate is None:
        return None
    return {
        "left": _days_left(certificate),
        "is_short": certificate.days_left < CERTIFICATE_DAYS,
        "facts": [
            ("Host", inert(certificate.host)),
            ("Names", inert(", ".join(certificate.names))),
            ("Issuer", inert(certificate.issuer)),
            ("Expires", f"{display.utc(certificate.not_after)} ({_days_left(certificate)})"),
            ("Last seen", display.utc(certificate.seen_at)),
        ],
    }


def _days_left(certificate: Certificate) -> str:
    days = certificate.days_left
    return "expired" if days < 0 else f"{days} {'day' if days == 1 else 'days'} left"


def _row(check: MonitoringData) -> dict[str, Any]:
    return {
        "id": check.pk,
        "url": reverse("admin:monitoring_monitoringdata_change", args=[check.pk]),
        "checked_at": _moment(check.entry_timestamp),
        "outcome": display.state(check.outcome),
        "answer": display.answer(check),
        "detail": inert(check.error_detail),
        "response_time": display.duration(check.response_time),
        "matches": display.matches_in_brief(check),
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.pk,
        "url": reverse("admin:monitoring_incident_change", args=[incident.pk]),
        "state": alert_display.incident_state(incident),
        "kind": incident.get_kind_display(),
        "cause": alert_display.cause(incident),
        "since": display.utc(incident.started_at),
        "began": _moment(incident.started_at),
        "lasted": alert_display.lasted(incident),
        "acknowledged": "" if incident.acknowledged_at is None else alert_display.acknowledged(incident),
    }


def _value(value: ExtractedValue) -> dict[str, Any]:
    return {"id": value.pk, "seen_at": _moment(value.seen_at), "value": display.short(value.value) or "no match"}


def _moment(at: datetime) -> SafeString:
    """Day and time (UTC), one below the other where there is no room."""
    day, time = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}".split()
    return format_html('<span class="wm-nowrap">{}</span> <span class="wm-nowrap">{}</span>', day, time)
