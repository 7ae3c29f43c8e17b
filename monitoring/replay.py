"""What a website's checks, read once more, would have made of incidents and alerts: pure functions.

1. After each check that says something new, `monitoring.decision` is asked, as `monitoring.incidents` asks it of what
   has just been stored. The website's state is unknown at first.
2. Alerts follow as `monitoring.notifications.outbox` has it, for one channel that is told of everything, without quiet
   hours and maintenance.

`monitoring.replay_comparison` reads the checks, and has beside it what happened.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from monitoring.decision import Policy, checks_needed, decide, decide_slow, run, slow_words
from monitoring.histories import PastCheck
from monitoring.models import AlertKind, EndReason, IncidentKind, Outcome, State
from websites.alert_options import SLOW_CHECKS

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Span(NamedTuple):
    """A time in which a website was paused; None where it still is."""

    begin: datetime
    end: datetime | None


class Criteria(NamedTuple):
    """What it takes for a website to be down, up again and slow (seconds; None for never)."""

    policy: Policy = Policy()
    slow_threshold: float | None = None
    slow_checks: int = SLOW_CHECKS


class Telling(NamedTuple):
    """A channel's delay (s), and how many outages within how many seconds are flapping; none where that is 0."""

    delay: float
    flapping_outages: int
    flapping_window: float


class ReplayedIncident(NamedTuple):
    """An incident as it would have been, or as it was: the fields are those of `Incident`, with the same meaning."""

    kind: str
    started_at: datetime
    started_after: datetime | None
    started_before: datetime
    opened_at: datetime
    http_status: int
    error: str
    error_detail: str
    remote_ip: str | None
    ended_at: datetime | None = None
    ended_after: datetime | None = None
    ended_before: datetime | None = None
    closed_at: datetime | None = None
    end_reason: str = ""


def incidents_of(
    checks: Iterable[PastCheck], criteria: Criteria, pauses: Iterable[Span] = ()
) -> Iterator[ReplayedIncident]:
    """The incidents of one website, each when it ends, those that have not ended last.

    `checks` are those of a time in the order in which they were made, `pauses` those that touch that time, in order.
    """
    return _Run(criteria, pauses).follow(checks)


class _Run:
    def __init__(self, criteria: Criteria, pauses: Iterable[Span]) -> None:
        self._criteria = criteria
        self._pauses = deque(pauses)
        self._state = State.UNKNOWN
        self._is_slow = False
        # Checks made until then do not count any more: for the state, and for anything.
        self._judged_until = self._paused_until = _LONG_AGO
        self._newest: deque[PastCheck] = deque(maxlen=checks_needed(criteria.policy, criteria.slow_checks))
        # When the latest check with each outcome was made.
        self._latest: dict[str, datetime] = {}
        self._open: dict[IncidentKind, ReplayedIncident] = {}

    def follow(self, checks: Iterable[PastCheck]) -> Iterator[ReplayedIncident]:
        threshold = self._criteria.slow_threshold
        for check in checks:
            if self._pauses and check.checked_at >= self._pauses[0].begin:
                yield from self._pause(check.checked_at)
            self._latest[check.outcome] = check.checked_at
            if check.checked_at <= self._paused_until:
                continue
            self._newest.appendleft(check)
            seconds = check.response_time
            changes_speed = threshold is not None and seconds is not None and (seconds > threshold) != self._is_slow
            # What says what is known already is nearly every check.
            if check.outcome == self._state and not changes_speed:
                continue
            # Not where the website was paused before the check was finished.
            if not (self._pauses and check.finished_at >= self._pauses[0].begin):
                yield from self._judge_state()
                yield from self._judge_speed()
        yield from self._pause(_NEVER)
        yield from self._open.values()

    def _pause(self, until: datetime) -> Iterator[ReplayedIncident]:
        """End what is open when a pause begins, and begin anew after it; for all that begin until that moment."""
        while self._pauses and self._pauses[0].begin <= until:
            begin, end = self._pauses.popleft()
            for incident in self._open.values():
                yield incident._replace(ended_at=begin, closed_at=begin, end_reason=EndReason.PAUSED.value)
            self._open.clear()
            self._newest.clear()
            self._state, self._is_slow, self._paused_until = State.UNKNOWN, False, end or _NEVER

    def _judge_state(self) -> Iterator[ReplayedIncident]:
        counted = [check for check in self._newest if check.checked_at > self._judged_until]
        new = decide(self._state, [check.outcome for check in counted], self._criteria.policy).state
        if new is self._state:
            return
        telling = [check for check in counted if check.outcome != Outcome.UNKNOWN]
        length = run([check.outcome for check in telling], new)
        if self._state is State.DOWN:
            yield self._end(IncidentKind.DOWN, telling[length - 1])
        elif new is State.DOWN:
            self._begin(IncidentKind.DOWN, telling[length - 1])
        self._state, self._judged_until = new, counted[0].checked_at

    def _judge_speed(self) -> Iterator[ReplayedIncident]:
        threshold, needed = self._criteria.slow_threshold, self._criteria.slow_checks
        if threshold is None:
            return
        answered = [(check, check.response_time) for check in self._newest if check.response_time is not None]
        is_slow = decide_slow(self._is_slow, [seconds for _, seconds in answered], threshold, needed)
        if is_slow == self._is_slow:
            return
        self._is_slow = is_slow
        first = answered[needed - 1][0]
        if is_slow:
            self._begin(IncidentKind.SLOW, first._replace(error_detail=slow_words(threshold, needed)))
        else:
            yield self._end(IncidentKind.SLOW, first)

    def _begin(self, kind: IncidentKind, first: PastCheck) -> None:
        self._open[kind] = ReplayedIncident(
            kind=kind.value,
            started_at=first.checked_at,
            started_after=self._last_before(first, kind),
            started_before=first.finished_at,
            opened_at=self._newest[0].finished_at,
            http_status=first.http_status,
            error=first.error,
            error_detail=first.error_detail,
            remote_ip=first.remote_ip,
        )

    def _end(self, kind: IncidentKind, first: PastCheck) -> ReplayedIncident:
        return self._open.pop(kind)._replace(
            ended_at=first.checked_at,
            ended_after=self._last_before(first, kind),
            ended_before=first.finished_at,
            closed_at=self._newest[0].finished_at,
            end_reason=EndReason.RECOVERED.value,
        )

    def _last_before(self, first: PastCheck, kind: IncidentKind) -> datetime | None:
        """When the last check that found it otherwise was made before the first; None where there is none."""
        if kind is not IncidentKind.DOWN:
            earlier = (check for check in self._newest if check.checked_at < first.checked_at)
            return next((check.checked_at for check in earlier if check.response_time is not None), None)
        # Since the first, all that said anything said the same.
        return self._latest.get(Outcome.UP if first.outcome == Outcome.DOWN else Outcome.DOWN)


def alerts_of(incidents: Iterable[ReplayedIncident], telling: Telling) -> Iterator[AlertKind]:
    """What is told of these incidents of one website, in the order in which they were noticed.

    For what flaps, outages count from when they were noticed; the worker counts them from when the deciding check was
    sent, which is a check's time earlier.
    """
    delay, window = timedelta(seconds=telling.delay), timedelta(seconds=telling.flapping_window)
    outages: deque[datetime] = deque()
    told_at, flapped = _LONG_AGO, False
    for incident in incidents:
        wait = delay
        if incident.kind == IncidentKind.DOWN and telling.flapping_outages:
            outages.append(incident.opened_at)
            while incident.opened_at - outages[0] >= window:
                outages.popleft()
            flaps = len(outages) >= telling.flapping_outages
            if flaps:
                wait = max(delay, window)
            if flaps and not flapped and incident.opened_at - told_at >= window:
                told_at = incident.opened_at
                yield AlertKind.FLAPPING
            flapped = flaps
        # What has to wait is dropped where it ends meanwhile, and its end with it.
        if incident.closed_at is None:
            yield AlertKind.BEGAN
        elif not wait or incident.closed_at - incident.opened_at >= wait:
            yield AlertKind.BEGAN
            yield AlertKind.ENDED
