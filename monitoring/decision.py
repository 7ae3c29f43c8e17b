"""When a website is down, up again, or slow: pure functions of its newest checks.

The worker asks them of what it has just stored, `replay_alerts` of what was stored long ago.
"""

from collections.abc import Sequence
from typing import NamedTuple

from monitoring.models import Outcome, State

# The share of its interval after which a website is checked again that failed once more, but not often enough.
RECHECK_SHARE = 0.25
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
    """The state that follows, and when to check once more to be sure: a share of the interval; None for not."""

    state: State
    recheck: float | None = None


def decide(state: State, outcomes: Sequence[str], policy: Policy) -> Decision:
    """The state after these checks, newest first, all made since the state began.

    | state       | the newest checks, those unknown left out      | becomes | checked again       |
    |-------------|------------------------------------------------|---------|---------------------|
    | up, unknown | `failures_before_down` are down                | down    |                     |
    | up, unknown | fewer are down: the first                      | as it is| at once             |
    | up, unknown | fewer are down: any further one                | as it is| after 1/4 interval  |
    | unknown     | the newest is up                               | up      |                     |
    | up          | `failures_before_down` unknown, newer than all | unknown |                     |
    | down        | `successes_before_up` are up                   | up      |                     |
    | down        | any others                                     | down    |                     |
    | paused      | any                                            | paused  |                     |

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
        return Decision(state, 0.0 if failures == 1 else RECHECK_SHARE)
    if outcomes[0] == Outcome.UP:
        return Decision(State.UP)
    is_in_the_dark = run(outcomes, Outcome.UNKNOWN) >= policy.failures_before_down
    return Decision(State.UNKNOWN if is_in_the_dark else state)


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
