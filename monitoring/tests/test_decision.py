import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.decision import Decision, Failure, Policy, confirm_after, decide, decide_slow, run
from monitoring.models import Outcome, State

WORDS = {"u": Outcome.UP.value, "d": Outcome.DOWN.value, "?": Outcome.UNKNOWN.value}
UP, DOWN, UNKNOWN, PAUSED = State.UP, State.DOWN, State.UNKNOWN, State.PAUSED
letters = st.text(alphabet="ud?", max_size=12)
policies = st.builds(Policy, st.integers(1, 10), st.integers(1, 10))


def outcomes(text: str) -> list[str]:
    return [WORDS[letter] for letter in text]


@pytest.mark.parametrize(
    ("state", "newest_first", "policy", "becomes", "unconfirmed"),
    [
        (UNKNOWN, "u", (2, 1), UP, 0),
        (UNKNOWN, "d", (2, 1), UNKNOWN, 1),
        (UNKNOWN, "dd", (2, 1), DOWN, 0),
        (UNKNOWN, "?", (2, 1), UNKNOWN, 0),
        # Once known to be reachable again, one check is enough, whatever was before.
        (UNKNOWN, "u??d", (2, 3), UP, 0),
        (UP, "d", (1, 1), DOWN, 0),
        (UP, "du", (2, 1), UP, 1),
        (UP, "dud", (2, 1), UP, 1),
        (UP, "ddu", (2, 1), DOWN, 0),
        (UP, "d", (3, 1), UP, 1),
        (UP, "dd", (3, 1), UP, 2),
        (UP, "ddd", (3, 1), DOWN, 0),
        # What says nothing neither counts nor interrupts.
        (UP, "d?du", (2, 1), DOWN, 0),
        (UP, "?du", (2, 1), UP, 0),
        (UP, "?", (2, 1), UP, 0),
        (UP, "??u", (2, 1), UNKNOWN, 0),
        (UP, "??d", (2, 1), UNKNOWN, 0),
        (DOWN, "d", (2, 1), DOWN, 0),
        (DOWN, "u", (2, 1), UP, 0),
        (DOWN, "u", (2, 2), DOWN, 0),
        (DOWN, "u?u", (2, 2), UP, 0),
        (DOWN, "udu", (2, 2), DOWN, 0),
        (DOWN, "?????", (2, 1), DOWN, 0),
        (PAUSED, "ddd", (1, 1), PAUSED, 0),
        (PAUSED, "u", (1, 1), PAUSED, 0),
        (UP, "", (1, 1), UP, 0),
    ],
)
def test_the_table_holds(
    state: State, newest_first: str, policy: tuple[int, int], becomes: State, unconfirmed: int
) -> None:
    decision = decide(state, outcomes(newest_first), Policy(*policy))
    assert decision == Decision(becomes, unconfirmed)


@given(st.sampled_from([UP, DOWN, UNKNOWN]), letters, policies)
def test_no_outage_begins_or_ends_without_enough_checks_that_say_so(state: State, text: str, policy: Policy) -> None:
    becomes = decide(state, outcomes(text), policy).state
    known = text.replace("?", "")
    if becomes is DOWN and state is not DOWN:
        assert known.startswith("d" * policy.failures_before_down)
    if becomes is UP and state is DOWN:
        assert known.startswith("u" * policy.successes_before_up)
    if becomes is UNKNOWN and state is not UNKNOWN:
        assert state is UP
        assert text.startswith("?" * policy.failures_before_down)


@given(st.sampled_from(list(State)), letters, policies)
def test_only_a_failure_that_is_not_yet_an_outage_is_checked_again(state: State, text: str, policy: Policy) -> None:
    decision = decide(state, outcomes(text), policy)
    if decision.unconfirmed:
        assert decision.unconfirmed < policy.failures_before_down
        assert text.startswith("d")
        assert decision.state is state
        assert state in (UP, UNKNOWN)


@pytest.mark.parametrize(
    ("failure", "failures", "interval", "delay"),
    [
        # Whoever waited for an answer in vain has waited long enough.
        (Failure(0, "timeout", 10.0), 1, 60, 0.0),
        (Failure(0, "dns", 4.0), 1, 5, 0.0),
        # What fails at once may be back in a moment.
        (Failure(0, "refused", 0.0), 1, 60, 2.0),
        (Failure(0, "connect", 0.5), 1, 300, 1.5),
        (Failure(0, "dns", 0.0), 1, 5, 2.0),
        # An answer is no silence, not even one that never ends.
        (Failure(502, "", 0.1), 1, 60, 15.0),
        (Failure(200, "", 0.1), 1, 20, 5.0),
        (Failure(200, "timeout", 10.0), 1, 60, 15.0),
        (Failure(0, "invalid_response", 0.1), 1, 60, 15.0),
        (Failure(0, "tls", 0.1), 1, 300, 75.0),
        (Failure(503, "", 0.1), 1, 5, 2.0),
        # Once more each time, in no hurry.
        (Failure(0, "timeout", 10.0), 2, 60, 15.0),
        (Failure(503, "", 0.1), 3, 5, 2.0),
        # Not before it may, and never later than the next slot.
        (Failure(429, "", 0.1, 2.0), 1, 20, 5.0),
        (Failure(429, "", 0.1, 12.5), 1, 20, 12.5),
        (Failure(503, "", 0.1, 0.0), 1, 20, 5.0),
        (Failure(429, "", 0.1, 120.0), 1, 20, None),
        (Failure(429, "", 0.1, 20.0), 1, 20, None),
        (Failure(503, "", 0.1, 1e9), 1, 300, None),
        # What took as long as the interval is looked at again by the next slot.
        (Failure(0, "timeout", 60.0), 1, 60, None),
        (Failure(0, "timeout", 8.0), 1, 10, 0.0),
        (Failure(200, "timeout", 10.0), 1, 12, None),
    ],
)
def test_a_failure_is_confirmed_in_time_and_not_too_soon(
    failure: Failure, failures: int, interval: float, delay: float | None
) -> None:
    assert confirm_after(failure, failures, interval) == delay


@pytest.mark.parametrize(
    ("is_slow", "newest_first", "checks", "becomes"),
    [
        (False, [2.0], 1, True),
        (False, [2.0, 2.0], 3, False),
        (False, [2.0, 2.0, 2.0, 0.1], 3, True),
        (False, [2.0, 0.1, 2.0, 2.0], 3, False),
        # At the threshold is not above it.
        (False, [1.0], 1, False),
        (True, [0.1, 2.0], 2, True),
        (True, [0.1, 1.0], 2, False),
        (True, [], 1, True),
        (False, [], 1, False),
    ],
)
def test_so_many_in_a_row_make_slow_and_fast(
    is_slow: bool, newest_first: list[float], checks: int, becomes: bool
) -> None:
    assert decide_slow(is_slow, newest_first, 1.0, checks) is becomes


@pytest.mark.parametrize(("text", "count"), [("", 0), ("d", 1), ("ddu", 2), ("udd", 0), ("ddd", 3)])
def test_a_run_ends_at_the_first_that_differs(text: str, count: int) -> None:
    assert run(outcomes(text), Outcome.DOWN) == count
