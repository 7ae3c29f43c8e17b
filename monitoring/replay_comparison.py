"""Stored checks replayed under another policy, beside what happened: see `manage.py replay_alerts`.

Incidents of one kind that last at the same time on both sides are the same one. What had begun before the oldest check
that is there is left out on both sides: nobody can say any more when.

Alerts are counted as events and not as messages: that an incident began, that it ended, that a website flaps, once
each, of however many channels it takes. Of what happened, those events count of which at least one channel was told,
or is about to be.

Memory holds the incidents of one website at a time, and those that only one side has; of the checks, those of a day.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Min, Q, TextField, Value

from monitoring.decision import Policy
from monitoring.histories import PastCheck
from monitoring.models import Alert, AlertKind, AlertStatus, Incident, IncidentKind, MonitoringData, State, StateChange
from monitoring.replay import Criteria, ReplayedIncident, Span, Telling, alerts_of, incidents_of
from websites.models import Website

KINDS = (IncidentKind.DOWN, IncidentKind.SLOW)
EVENTS = (AlertKind.BEGAN, AlertKind.ENDED, AlertKind.FLAPPING)
DAY = timedelta(days=1)
# The fields of `PastCheck`, but for what the regex matched: it may be long, and says nothing here.
_COLUMNS = (
    *("website_id", "entry_timestamp", "outcome", "response_time", "failed_after"),
    *(Value(None, TextField()), "http_status", "error", "error_detail", "remote_ip"),
)


class Window(NamedTuple):
    """Half-open."""

    since: datetime
    until: datetime


class Override(NamedTuple):
    """What is to be otherwise than each website has it; None for nothing."""

    failures_before_down: int | None = None
    successes_before_up: int | None = None
    slow_threshold: float | None = None
    slow_checks: int | None = None

    def criteria(self, website: Website) -> Criteria:
        return Criteria(
            Policy(
                self.failures_before_down or website.failures_before_down,
                self.successes_before_up or website.successes_before_up,
            ),
            self.slow_threshold or website.slow_threshold,
            self.slow_checks or website.slow_checks,
        )


class Side(NamedTuple):
    """A website's incidents, how many alerts of each kind there are of them, and which the other side has not."""

    incidents: Sequence[ReplayedIncident]
    alerts: Counter[str]
    only: Sequence[ReplayedIncident]


class Comparison(NamedTuple):
    """A website's replay: of how many checks, the oldest from when; and how many incidents are left out."""

    checks: int
    oldest: datetime | None
    left_out: int
    happened: Side
    replayed: Side


def compare(website: Website, window: Window, override: Override, telling: Telling) -> Comparison:
    """Replay a website's checks of that time. Raises `django.db.Error`."""
    stored = _Stored(website.pk, window)
    everything = list(incidents_of(stored, override.criteria(website), _pauses(website.pk, window)))
    everything.sort(key=lambda incident: (incident.opened_at, incident.kind))
    there = _happened(website.pk, window)
    begin = stored.oldest or window.until
    left_out = [incident for incident in there if incident.started_at < begin]
    happened = [incident for incident in there if incident.started_at >= begin]
    replayed = apart(everything, left_out, window.until)
    return Comparison(
        stored.count,
        stored.oldest,
        len(left_out),
        Side(happened, _alerts(website.pk, begin, window), apart(happened, everything, window.until)),
        Side(replayed, Counter(map(str, alerts_of(replayed, telling))), apart(replayed, happened, window.until)),
    )


def apart(
    incidents: Iterable[ReplayedIncident], others: Iterable[ReplayedIncident], until: datetime
) -> list[ReplayedIncident]:
    """Those that last while no other of their kind does; what has not ended lasts until that moment.

    Of one kind, no two of `others` last at the same time.
    """
    starts: dict[str, list[datetime]] = {kind.value: [] for kind in KINDS}
    ends: dict[str, list[datetime]] = {kind.value: [] for kind in KINDS}
    for other in sorted(others, key=lambda other: other.started_at):
        starts[other.kind].append(other.started_at)
        ends[other.kind].append(other.ended_at or until)

    def is_apart(incident: ReplayedIncident) -> bool:
        begun = bisect_left(starts[incident.kind], incident.ended_at or until)
        return not begun or ends[incident.kind][begun - 1] <= incident.started_at

    return [incident for incident in incidents if is_apart(incident)]


class _Stored:
    """A website's checks of a time, in the order in which they were made; once read, how many and since when."""

    def __init__(self, website_id: int, window: Window) -> None:
        self._rows = MonitoringData.objects.filter(
            website=website_id, entry_timestamp__gte=window.since, entry_timestamp__lt=window.until
        )
        self.count = 0
        self.oldest: datetime | None = None

    def __iter__(self) -> Iterator[PastCheck]:
        # A day at a time, as a cursor at the server would need a session of its own for all of it.
        since = self._rows.aggregate(oldest=Min("entry_timestamp"))["oldest"]
        while since is not None:
            rows = self._rows.filter(entry_timestamp__gte=since, entry_timestamp__lt=since + DAY)
            for check in map(PastCheck._make, rows.order_by("entry_timestamp", "pk").values_list(*_COLUMNS)):
                self.count += 1
                self.oldest = self.oldest or check.checked_at
                yield check
            rest = self._rows.filter(entry_timestamp__gte=since + DAY)
            since = rest.aggregate(oldest=Min("entry_timestamp"))["oldest"]


def _pauses(website_id: int, window: Window) -> Iterator[Span]:
    changes = StateChange.objects.filter(Q(old=State.PAUSED) | Q(new=State.PAUSED), website=website_id)
    moments = changes.filter(changed_at__lt=window.until).order_by("changed_at", "pk")
    begin: datetime | None = None
    for new, changed_at in moments.values_list("new", "changed_at"):
        if new == State.PAUSED:
            begin = changed_at
        elif begin is not None:
            if changed_at >= window.since:
                yield Span(begin, changed_at)
            begin = None
    if begin is not None:
        yield Span(begin, None)


def _happened(website_id: int, window: Window) -> list[ReplayedIncident]:
    """The incidents that were noticed before the time was over and lasted into it, as they were at its end."""
    incidents = Incident.objects.filter(website=website_id, kind__in=KINDS, opened_at__lt=window.until)
    incidents = incidents.filter(Q(ended_at=None) | Q(ended_at__gt=window.since)).order_by("opened_at", "kind")
    return [
        incident
        if incident.closed_at is None or incident.closed_at < window.until
        else incident._replace(ended_at=None, ended_after=None, ended_before=None, closed_at=None, end_reason="")
        for incident in map(ReplayedIncident._make, incidents.values_list(*ReplayedIncident._fields))
    ]


def _alerts(website_id: int, begin: datetime, window: Window) -> Counter[str]:
    alerts = Alert.objects.filter(website=website_id, kind__in=EVENTS, created_at__lt=window.until)
    alerts = alerts.filter(
        incident__kind__in=KINDS, incident__started_at__gte=begin, incident__opened_at__lt=window.until
    )
    counts = alerts.exclude(status=AlertStatus.DROPPED).order_by().values_list("kind")
    return Counter(dict(counts.annotate(count=Count("incident", distinct=True))))


@dataclass(slots=True)
class Tally:
    """Of one side: incidents and their seconds by kind, alerts by kind, and how many incidents the other has not."""

    incidents: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: {kind.value: 0.0 for kind in KINDS})
    alerts: Counter[str] = field(default_factory=Counter)
    only: int = 0

    def add(self, side: Side, until: datetime) -> None:
        for incident in side.incidents:
            self.incidents[incident.kind] += 1
            self.seconds[incident.kind] += ((incident.ended_at or until) - incident.started_at).total_seconds()
        self.alerts += side.alerts
        self.only += len(side.only)


class Difference(NamedTuple):
    """Of a website, the incidents that only one side has."""

    website: Website
    happened: Sequence[ReplayedIncident]
    replayed: Sequence[ReplayedIncident]


@dataclass(slots=True)
class Summary:
    """All websites together; their differences up to so many incidents (None for all)."""

    window: Window
    limit: int | None = None
    websites: int = 0
    checks: int = 0
    oldest: datetime | None = None
    left_out: int = 0
    happened: Tally = field(default_factory=Tally)
    replayed: Tally = field(default_factory=Tally)
    differences: list[Difference] = field(default_factory=list)

    def add(self, website: Website, comparison: Comparison) -> None:
        # Of those before, all are listed, or there is no room left.
        room = None if self.limit is None else max(0, self.limit - self.happened.only - self.replayed.only)
        self.websites += 1
        self.checks += comparison.checks
        self.left_out += comparison.left_out
        if comparison.oldest is not None:
            self.oldest = min(self.oldest or comparison.oldest, comparison.oldest)
        self.happened.add(comparison.happened, self.window.until)
        self.replayed.add(comparison.replayed, self.window.until)
        happened = comparison.happened.only[:room]
        replayed = comparison.replayed.only[: None if room is None else room - len(happened)]
        if happened or replayed:
            self.differences.append(Difference(website, happened, replayed))
