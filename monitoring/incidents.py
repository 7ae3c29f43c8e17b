"""States of websites and their incidents, moved by what checks say.

1. A check that says what is known already costs nothing here: that is nearly every one.
2. The websites of all others are held, so that nobody deletes them meanwhile (`websites.locks`), and their rows of
   `WebsiteState` are locked, in the order of their ids. Who comes second, with checks of another worker, waits, and
   then sees what the first one wrote.
3. Their newest checks, these included, are read, and `monitoring.decision` says what follows from them. The order in
   which checks come in does not matter: those made before the latest change change nothing any more.
4. Changes, incidents and alerts are written, in the transaction of the checks themselves.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from monitoring import first_checks, histories, id_lists, values
from monitoring.decision import Failure, Policy, checks_needed, confirm_after, decide, decide_slow, run, slow_words
from monitoring.findings import Finding
from monitoring.histories import PastCheck
from monitoring.models import EndReason, Incident, IncidentKind, Outcome, State, StateChange, WebsiteState
from monitoring.notifications import outbox
from monitoring.overwriting import overwrite
from monitoring.rollup_tables import DAY
from monitoring.schedule import chunks
from monitoring.states import Known
from websites.models import Website

# Checks that change nothing: state, and what a check says.
_STEADY = {
    (State.UP.value, Outcome.UP.value),
    (State.DOWN.value, Outcome.DOWN.value),
    (State.DOWN.value, Outcome.UNKNOWN.value),
    (State.UNKNOWN.value, Outcome.UNKNOWN.value),
    ("", Outcome.UNKNOWN.value),
    *((State.PAUSED.value, outcome.value) for outcome in Outcome),
}
# So many new checks of one website are judged one after the other.
CHECKS_AT_ONCE = 1_000
# What is needed of a website: it has forty columns.
_COLUMNS = (
    *(field.name for field in WebsiteState._meta.fields),
    *(f"website__{name}" for name in ("website_url", "tags", "monitoring_interval", "is_active", "created_at")),
    *(f"website__{name}" for name in ("failures_before_down", "successes_before_up", "slow_threshold", "slow_checks")),
    *(f"website__{name}" for name in ("alert_on_value_change", "alert_on_value_missing", "value_min", "value_max")),
)
_ENDING = ("ended_at", "ended_after", "ended_before", "closed_at", "end_reason")


class Recheck(NamedTuple):
    """A website to check once more, and after how many seconds."""

    website_id: int
    delay: float


def telling(findings: Iterable[Finding], known: Mapping[int, Known]) -> set[int]:
    """The websites of which these findings say something new, by id: to be held before they are judged."""
    return {finding.row.website_id for finding in findings if _tells(finding, known[finding.row.website_id])}


def judge(findings: Sequence[Finding], known: Mapping[int, Known], telling: Collection[int]) -> list[Recheck]:
    """Follow what these findings, whose rows are stored by now, say of those `telling`; inside their transaction.

    Returns what is to be checked once more as soon as that is over. Raises `django.db.Error`.
    """
    telling = set(telling)
    if telling:
        telling -= first_checks.settle([finding for finding in findings if finding.row.website_id in telling], known)
    if not telling:
        return []
    # When the new checks of each were made, and for how long the website asks to be left alone since then.
    new: dict[int, dict[datetime, float | None]] = {website_id: {} for website_id in sorted(telling)}
    for finding in findings:
        if finding.row.website_id in new:
            new[finding.row.website_id][finding.row.entry_timestamp] = finding.retry_after
    rechecks: list[Recheck] = []
    for website_ids in chunks(list(new)):
        rechecks += _Judgement({website_id: new[website_id] for website_id in website_ids}, known).write()
    return rechecks


def _tells(finding: Finding, known: Known) -> bool:
    """Whether it is something new."""
    row, threshold = finding.row, finding.rules.slow_threshold
    if (known.state, row.outcome) not in _STEADY:
        return True
    if threshold is not None and row.response_time is not None and (row.response_time > threshold) != known.is_slow:
        return True
    return finding.value is not None and finding.value != known.value


def _locked(website_ids: Collection[int], known: Mapping[int, Known]) -> list[WebsiteState]:
    """The states of those of the websites that are checked, each with its website, made where there was none."""
    now = timezone.now()
    made = [WebsiteState(website_id=pk, since=now) for pk in website_ids if not known[pk].state]
    WebsiteState.objects.bulk_create(made, ignore_conflicts=True)
    states = WebsiteState.objects.filter(website__in=id_lists.chosen(website_ids))
    locked = states.select_for_update(of=("self",)).select_related("website").only(*_COLUMNS).order_by("website_id")
    return [state for state in locked if state.website.is_active and state.state != State.PAUSED]


class _Judgement:
    """One pass over a few websites: collects what follows, then writes it."""

    def __init__(self, new: Mapping[int, Mapping[datetime, float | None]], known: Mapping[int, Known]) -> None:
        """`new` are the websites, and when their checks just stored were made, with their Retry-After."""
        self._new = new
        self._states = {state.website_id: state for state in _locked(new.keys(), known)}
        websites = [state.website for state in self._states.values()]
        count = max(map(_checks_needed, websites), default=1)
        # After a time without a database, many of one website come at once.
        count += min(CHECKS_AT_ONCE, max(map(len, new.values())))
        self._checks = histories.newest(list(self._states), count)
        self._open = {
            (incident.website_id, incident.kind): incident
            for incident in Incident.objects.filter(website__in=id_lists.chosen(self._states), ended_at=None)
        }
        self._moved: list[WebsiteState] = []
        self._changes: list[StateChange] = []
        self._begun: list[Incident] = []
        self._ended: list[Incident] = []
        self._values: list[values.Change] = []
        self._rechecks: dict[int, float] = {}

    def write(self) -> list[Recheck]:
        for website_id, state in self._states.items():
            before = _moving(state)
            self._follow_clock(state)
            for checks in self._steps(website_id):
                self._judge_state(state, checks)
                self._judge_speed(state, checks)
                self._judge_value(state, checks)
            if before != _moving(state):
                self._moved.append(state)
        overwrite(self._moved, ["state", "since", "judged_until", "resumed_at", "is_slow", "value"])
        StateChange.objects.bulk_create(self._changes)
        values.write(self._values)
        overwrite([incident for incident in self._ended if incident.pk], _ENDING)
        Incident.objects.bulk_create(self._begun)
        outbox.began(self._begun)
        outbox.ended(self._ended)
        outbox.changed(self._values)
        return [Recheck(website_id, delay) for website_id, delay in self._rechecks.items()]

    def _steps(self, website_id: int) -> Iterator[Sequence[PastCheck]]:
        """The website's checks as they were known after each of the new ones, newest first.

        Late ones, older than what was stored before, are no steps of their own.
        """
        checks, new = self._checks[website_id], self._new[website_id]
        steps = run([check.checked_at in new for check in checks], True)
        for start in range(max(steps, 1) - 1, -1, -1):
            if checks:
                yield checks[start:]

    def _follow_clock(self, state: WebsiteState) -> None:
        """Let the new checks count where the clock was set back to before what is known."""
        latest, first = timezone.now() + histories.AHEAD, min(self._new[state.website_id]) - timedelta.resolution
        if state.judged_until is not None and state.judged_until > latest:
            state.judged_until = first
        if state.resumed_at is not None and state.resumed_at > latest:
            state.resumed_at = first

    def _judge_state(self, state: WebsiteState, checks: Sequence[PastCheck]) -> None:
        website = state.website
        counted = [check for check in checks if state.judged_until is None or check.checked_at > state.judged_until]
        # As far back as for this website alone, whoever else is judged with it.
        counted = counted[: _checks_needed(website)]
        decision = decide(State(state.state), [check.outcome for check in counted], _policy(website))
        # Only what the newest of all says stays.
        self._rechecks.pop(website.pk, None)
        if decision.unconfirmed:
            failure = _failure(counted[0], self._new[website.pk].get(counted[0].checked_at))
            delay = confirm_after(failure, decision.unconfirmed, website.monitoring_interval)
            if delay is not None:
                self._rechecks[website.pk] = delay
        if decision.state == state.state:
            return
        first = _first_to_say(counted, decision.state)
        self._changes.append(_change(state, decision.state, counted[0]))
        if state.state == State.DOWN:
            self._end(website.pk, IncidentKind.DOWN, first, checks)
        if decision.state is State.DOWN:
            self._begin(website, IncidentKind.DOWN, first, checks)
        state.state, state.since, state.judged_until = decision.state, first.checked_at, counted[0].checked_at

    def _judge_speed(self, state: WebsiteState, checks: Sequence[PastCheck]) -> None:
        website = state.website
        if website.slow_threshold is None:
            return
        counted = [check for check in checks if state.resumed_at is None or check.checked_at > state.resumed_at]
        counted = counted[: _checks_needed(website)]
        answered = [(check, check.response_time) for check in counted if check.response_time is not None]
        times = [seconds for _, seconds in answered]
        is_slow = decide_slow(state.is_slow, times, website.slow_threshold, website.slow_checks)
        if is_slow == state.is_slow:
            return
        first = answered[website.slow_checks - 1][0]
        state.is_slow = is_slow
        if is_slow:
            words = slow_words(website.slow_threshold, website.slow_checks)
            self._begin(website, IncidentKind.SLOW, first._replace(error_detail=words), checks)
        else:
            self._end(website.pk, IncidentKind.SLOW, first, checks)

    def _judge_value(self, state: WebsiteState, checks: Sequence[PastCheck]) -> None:
        website, newest = state.website, checks[0]
        if newest.regex_response is None:
            return
        value = values.first_stored(newest.regex_response)
        if value == state.value:
            return
        self._values.append(values.Change(website, state.value, value, newest.checked_at))
        state.value = value
        words = values.problem(website, value)
        if not words:
            self._end(website.pk, IncidentKind.VALUE, newest, checks)
        elif (website.pk, IncidentKind.VALUE) not in self._open:
            self._begin(website, IncidentKind.VALUE, newest._replace(error_detail=words), checks)

    def _begin(self, website: Website, kind: IncidentKind, first: PastCheck, checks: Sequence[PastCheck]) -> None:
        incident = Incident(
            website=website,
            kind=kind,
            started_at=first.checked_at,
            started_after=_last_before(first, checks, kind, website.created_at),
            started_before=first.finished_at,
            **_cause(first),
        )
        self._begun.append(incident)
        self._open[website.pk, kind] = incident

    def _end(self, website_id: int, kind: IncidentKind, first: PastCheck, checks: Sequence[PastCheck]) -> None:
        incident = self._open.pop((website_id, kind), None)
        if incident is None:
            return
        # It may have begun later where the website wants something else by now, or the clock was set back.
        incident.ended_at = max(first.checked_at, incident.started_at)
        incident.ended_before = max(first.finished_at, incident.started_before)
        incident.ended_after = _last_before(first, checks, kind, incident.started_at)
        incident.closed_at, incident.end_reason = timezone.now(), EndReason.RECOVERED
        self._ended.append(incident)


def _moving(state: WebsiteState) -> tuple[object, ...]:
    return state.state, state.is_slow, state.value, state.judged_until, state.resumed_at


def _policy(website: Website) -> Policy:
    return Policy(website.failures_before_down, website.successes_before_up)


def _checks_needed(website: Website) -> int:
    return checks_needed(_policy(website), website.slow_checks)


def _failure(check: PastCheck, retry_after: float | None) -> Failure:
    return Failure(check.http_status, check.error, (check.finished_at - check.checked_at).total_seconds(), retry_after)


def _cause(check: PastCheck) -> dict[str, object]:
    return {name: getattr(check, name) for name in ("http_status", "error", "error_detail", "remote_ip")}


def _change(state: WebsiteState, new: State, check: PastCheck) -> StateChange:
    return StateChange(website=state.website, old=state.state, new=new, changed_at=check.checked_at, **_cause(check))


def _first_to_say(checks: Sequence[PastCheck], state: State) -> PastCheck:
    """Of the newest checks that speak for this state, the first that was made."""
    telling = [check for check in checks if state is State.UNKNOWN or check.outcome != Outcome.UNKNOWN]
    return telling[run([check.outcome for check in telling], state.value) - 1]


def _last_before(first: PastCheck, checks: Sequence[PastCheck], kind: IncidentKind, since: datetime) -> datetime | None:
    """When the last check that found it otherwise was made before the first; None where there is none since then."""
    earlier = [check for check in checks if check.checked_at < first.checked_at]
    if kind is not IncidentKind.DOWN:
        says = "response_time" if kind is IncidentKind.SLOW else "regex_response"
        return next((check.checked_at for check in earlier if getattr(check, says) is not None), None)
    other = Outcome.UP if first.outcome == Outcome.DOWN else Outcome.DOWN
    for check in earlier:
        if check.outcome == other:
            return check.checked_at
    # As clocks are set, a website may have checks from before it was added, of an outage before it began.
    return histories.last_with(first.website_id, other, first.checked_at, min(since, first.checked_at - DAY))
