"""When a website is down, up again, or slow: pure functions of its newest checks.

The worker asks them of what it has just stored, `replay_alerts` of what was stored long ago.
"""

from collections.abc import Sequence
from typing import NamedTuple

from monitoring.models import Outcome, State
from monitoring.probe.types import ErrorKind

# The share of its interval after which a website is checked again that failed, but not often enough; and the seconds
# that lie between the beginnings of two checks at least: what restarts is away for a moment, and that is no outage.
CONFIRM_SHARE = 0.25
CONFIRM_AFTER = 2.0
# A website that fails like this has not answered: to wait for the end of such a check was to wait.
SILENT = frozenset((ErrorKind.DNS, ErrorKind.CONNECT, ErrorKind.TIMEOUT, ErrorKind.REFUSED))
# Checks that say nothing may lie between those that do; so many more than needed are looked at.
SPARE_CHECKS = 4


class Policy(NamedTuple):
    """How many checks in a row it takes."""

    failures_before_down: int = 2
    successes_before_up: int = 1


def checks_needed(policy: Policy, slow_checks: int) -> int:
    """How many of its newest checks a website is judged by."""
    return max(*policy, slow_checks) + max(SPARE_CHECKS, policy.failures_before_down)


class Decision(NamedTuple):
    """The state that follows, and after how many failures in a row to check once more to be sure; 0 for not."""

    state: State
    unconfirmed: int = 0


class Failure(NamedTuple):
    """What of a failed check says when to look again; seconds that it took, and those of its Retry-After."""

    http_status: int
    error: str
    seconds: float
    retry_after: float | None = None


def decide(state: State, outcomes: Sequence[str], policy: Policy) -> Decision:
    """The state after these checks, newest first, all made since the state began.

    | state       | the newest checks, those unknown left out      | becomes | to be confirmed |
    |-------------|------------------------------------------------|---------|-----------------|
    | up, unknown | `failures_before_down` are down                | down    |                 |
    | up, unknown | fewer are down                                 | as it is| yes             |
    | unknown     | the newest is up                               | up      |                 |
    | up          | `failures_before_down` unknown, newer than all | unknown |                 |
    | down        | `successes_before_up` are up                   | up      |                 |
    | down        | any others                                     | down    |                 |
    | paused      | any                                            | paused  |                 |

    So what says nothing never ends an outage nor begins one.
    """
    if state is State.PAUSED or not outcomes:
        return Decision(state)
    known = [outcome for outcome in outcomes if outcome != Outcome.UNKNOWN]
    if state is State.DOWN:
        return Decision(State.UP if run(known, Outcome.UP) >= policy.successes_before_up else state)
    failures = run(known, Outcome.DOWN)
    if failures >= policy.failures_before_down:
        return Decision(State.DOWN)
    if outcomes[0] == Outcome.DOWN:
        return Decision(state, failures)
    if outcomes[0] == Outcome.UP:
        return Decision(State.UP)
    is_in_the_dark = run(outcomes, Outcome.UNKNOWN) >= policy.failures_before_down
    return Decision(State.UNKNOWN if is_in_the_dark else state)


def confirm_after(failure: Failure, failures: int, interval: float) -> float | None:
    """Seconds from the end of a failed check, the newest of so many in a row, until the website is checked again.

    | the failed check                     | the next one                                                             |
    |--------------------------------------|--------------------------------------------------------------------------|
    | nothing answered, for the first time | at once, but begun `CONFIRM_AFTER` seconds after it at the earliest      |
    | any other                            | a quarter of the interval later, `CONFIRM_AFTER` seconds at the least    |
    | with a Retry-After                   | not before that; None if the next slot comes first, which checks anyway  |
    """
    if failures == 1 and not failure.http_status and failure.error in SILENT:
        delay = max(0.0, CONFIRM_AFTER - failure.seconds)
    else:
        delay = max(CONFIRM_AFTER, CONFIRM_SHARE * interval)
    delay = max(delay, failure.retry_after or 0.0)
    return delay if failure.seconds + delay < interval else None


def decide_slow(is_slow: bool, response_times: Sequence[float], threshold: float, checks: int) -> bool:
    """Whether a website is slow after these response times (s, newest first): `checks` in a row change that."""
    run_length = 0
    for seconds in response_times:
        if (seconds > threshold) == is_slow:
            break
        run_length += 1
    return not is_slow if run_length >= checks else is_slow


def slow_words(threshold: float, checks: int) -> str:
    """What a slow website's incident says."""
    times = f", {checks} times in a row" if checks > 1 else ""
    return f"Answers took longer than {threshold:g} s{times}."


def run(outcomes: Sequence[object], outcome: object) -> int:
    """How many of the first have this outcome, up to one that has another."""
    for count, other in enumerate(outcomes):
        if other != outcome:
            return count
    return len(outcomes)
