"""What a report tells of websites and a month, read a few websites at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils import timezone

from monitoring.downtime import Downtime
from monitoring.figures import Figures, facts, figures
from monitoring.models import Incident
from monitoring.notifications.wording import reason
from monitoring.reports.months import Month
from monitoring.schedule import chunks
from monitoring.statistics import Summary
from monitoring.watch_periods import Span
from websites import tags
from websites.models import Website


class ReportedIncident(NamedTuple):
    """Moments are those of `Incident`; `cause` is in a few words."""

    id: int
    kind: str
    started_at: datetime
    started_after: datetime | None
    started_before: datetime
    ended_at: datetime | None
    ended_after: datetime | None
    ended_before: datetime | None
    end_reason: str
    cause: str
    http_status: int
    error: str
    error_detail: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str


@dataclass(frozen=True, slots=True)
class ReportedWebsite:
    website_id: int
    website_url: str
    tags: list[str]
    # See `monitoring.figures.facts`.
    facts: dict[str, Any]
    incidents: list[ReportedIncident]


@dataclass(slots=True)
class Report:
    """Of a month, or of what of it is over by now: `asked` is that, `covered` the window that the figures are of."""

    month: Month
    made_at: datetime
    asked: Span
    covered: Span
    websites: list[ReportedWebsite] = field(default_factory=list)
    # The facts of all checks together, and the mean of the uptimes that websites have.
    total: dict[str, Any] = field(default_factory=dict)
    mean_uptime: float | None = None

    @property
    def is_over(self) -> bool:
        return self.asked == self.month.span


class _Total:
    def __init__(self) -> None:
        self._summary = Summary()
        self._downtimes: list[Downtime] = []
        self._uptimes: list[float] = []

    def add(self, summary: Summary, downtime: Downtime) -> None:
        self._summary.add(summary)
        self._downtimes.append(downtime)
        if summary.uptime is not None:
            self._uptimes.append(summary.uptime)

    @property
    def facts(self) -> dict[str, Any]:
        count = sum(downtime.count for downtime in self._downtimes)
        at_least, at_most = (sum(getattr(one, name) for one in self._downtimes) for name in ("at_least", "at_most"))
        return facts(self._summary, Downtime(count, at_least, at_most))

    @property
    def mean_uptime(self) -> float | None:
        return sum(self._uptimes) / len(self._uptimes) if self._uptimes else None


def collect(website_ids: Sequence[int], month: Month) -> Report:
    """The report of these websites, in their order, without those that came later and have no data.

    Raises `ValidationError` with a sentence for a month that has not begun.
    """
    now = timezone.now()
    since, until = month.span
    if since >= now:
        raise ValidationError(f"{month.name} has not begun yet.")
    asked = Span(since, min(until, now))
    covered, _ = figures([], asked)
    report, total = Report(month, now, asked, covered), _Total()
    for chunk in chunks(website_ids):
        window, found = figures(chunk, asked)
        # All alike, unless old checks went meanwhile.
        covered = Span(min(covered.since, window.since), max(covered.until, window.until))
        for website in _websites(chunk, found, window):
            report.websites.append(website)
            total.add(*found[website.website_id])
    report.covered, report.total, report.mean_uptime = covered, total.facts, total.mean_uptime
    return report


def _websites(website_ids: Sequence[int], found: dict[int, Figures], window: Span) -> Iterator[ReportedWebsite]:
    incidents = _incidents(website_ids, window)
    rows = Website.objects.filter(pk__in=website_ids).order_by().values_list("pk", "website_url", "tags", "created_at")
    by_id = {row[0]: row for row in rows}
    for website_id, url, tag_text, created_at in (by_id[pk] for pk in website_ids if pk in by_id):
        summary, downtime = found[website_id]
        had = incidents.get(website_id, [])
        is_known = summary.expected or summary.observed or summary.unknown or had
        if is_known or created_at < window.until:
            yield ReportedWebsite(website_id, url, tags.read(tag_text), facts(summary, downtime), had)


def _incidents(website_ids: Sequence[int], window: Span) -> dict[int, list[ReportedIncident]]:
    """Those that lasted within the window, oldest first, by website id."""
    rows = Incident.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=window.since), started_at__lt=window.until, website__in=website_ids
    ).annotate(acknowledged_by_name=F("acknowledged_by__username"))
    found: dict[int, list[ReportedIncident]] = {}
    for incident in rows.order_by("started_at", "pk").iterator():
        found.setdefault(incident.website_id, []).append(_reported(incident, incident.acknowledged_by_name))
    return found


def _reported(incident: Incident, acknowledged_by: str | None) -> ReportedIncident:
    own = {
        name: getattr(incident, name) for name in ReportedIncident._fields if name not in ("cause", "acknowledged_by")
    }
    return ReportedIncident(**own, cause=reason(incident), acknowledged_by=acknowledged_by)
