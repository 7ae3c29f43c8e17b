import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.decision import RECHECK_SHARE, Decision, Policy, decide, decide_slow, run
from monitoring.models import Outcome, State

WORDS = {"u": Outcome.UP.value, "d": Outcome.DOWN.value, "?": Outcome.UNKNOWN.value}
UP, DOWN, UNKNOWN, PAUSED = State.UP, State.DOWN, State.UNKNOWN, State.PAUSED
letters = st.text(alphabet="ud?", max_size=12)
policies = st.builds(Policy, st.integers(1, 10), st.integers(1, 10))


def outcomes(text: str) -> list[str]:
    return [WORDS[letter] for letter in text]


@pytest.mark.parametrize(
    ("state", "newest_first", "policy", "becomes", "recheck"),
    [
        (UNKNOWN, "u", (2, 1), UP, None),
        (UNKNOWN, "d", (2, 1), UNKNOWN, 0.0),
        (UNKNOWN, "dd", (2, 1), DOWN, None),
        (UNKNOWN, "?", (2, 1), UNKNOWN, None),
        # Once known to be reachable again, one check is enough, whatever was before.
        (UNKNOWN, "u??d", (2, 3), UP, None),
        (UP, "d", (1, 1), DOWN, None),
        (UP, "du", (2, 1), UP, 0.0),
        (UP, "dud", (2, 1), UP, 0.0),
        (UP, "ddu", (2, 1), DOWN, None),
        (UP, "d", (3, 1), UP, 0.0),
        (UP, "dd", (3, 1), UP, RECHECK_SHARE),
        (UP, "ddd", (3, 1), DOWN, None),
        # What says nothing neither counts nor interrupts.
        (UP, "d?du", (2, 1), DOWN, None),
        (UP, "?du", (2, 1), UP, None),
        (UP, "?", (2, 1), UP, None),
        (UP, "??u", (2, 1), UNKNOWN, None),
        (UP, "??d", (2, 1), UNKNOWN, None),
        (DOWN, "d", (2, 1), DOWN, None),
        (DOWN, "u", (2, 1), UP, None),
        (DOWN, "u", (2, 2), DOWN, None),
        (DOWN, "u?u", (2, 2), UP, None),
        (DOWN, "udu", (2, 2), DOWN, None),
        (DOWN, "?????", (2, 1), DOWN, None),
        (PAUSED, "ddd", (1, 1), PAUSED, None),
        (PAUSED, "u", (1, 1), PAUSED, None),
        (UP, "", (1, 1), UP, None),
    ],
)
def test_the_table_holds(
    state: State, newest_first: str, policy: tuple[int, int], becomes: State, recheck: float | None
) -> None:
    decision = decide(state, outcomes(newest_first), Policy(*policy))
    assert decision == Decision(becomes, recheck)


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
    if decision.recheck is not None:
        assert text.startswith("d")
        assert decision.state is state
        assert state in (UP, UNKNOWN)


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
