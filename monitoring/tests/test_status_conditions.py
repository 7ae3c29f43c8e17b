import pytest

from monitoring.models import State
from monitoring.status_page.conditions import Condition, condition, headline

UP, DEGRADED, DOWN = Condition.OPERATIONAL, Condition.DEGRADED, Condition.DOWN
UNKNOWN, MAINTENANCE, PAUSED = Condition.UNKNOWN, Condition.MAINTENANCE, Condition.PAUSED


@pytest.mark.parametrize(
    ("state", "facts", "found"),
    [
        (State.UP, {}, UP),
        (State.DOWN, {}, DOWN),
        (State.UNKNOWN, {}, UNKNOWN),
        (State.PAUSED, {}, PAUSED),
        (State.UP, {"is_degraded": True}, DEGRADED),
        (State.DOWN, {"is_degraded": True}, DOWN),
        # What was seen long ago says nothing of now.
        (State.UP, {"is_fresh": False}, UNKNOWN),
        (State.DOWN, {"is_fresh": False}, UNKNOWN),
        (State.UP, {"is_fresh": False, "is_degraded": True}, UNKNOWN),
        (State.PAUSED, {"is_fresh": False}, PAUSED),
        *((state, {"in_maintenance": True}, MAINTENANCE) for state in State),
    ],
)
def test_a_website_has_a_condition(state: State, facts: dict[str, bool], found: Condition) -> None:
    assert condition(state, **facts) is found


@pytest.mark.parametrize(
    ("conditions", "words", "details"),
    [
        ([], "Nothing is shown here yet", ""),
        ([UP, UP], "All systems operational", "2 operational"),
        ([UP, PAUSED], "All monitored systems operational", "1 operational, 1 not monitored"),
        ([PAUSED, PAUSED], "Not monitored at present", "2 not monitored"),
        ([UNKNOWN], "Status unknown", "1 unknown"),
        ([UNKNOWN, PAUSED], "Status unknown", "1 unknown, 1 not monitored"),
        ([UP, UNKNOWN], "The status of some systems is unknown", "1 unknown, 1 operational"),
        ([UP, MAINTENANCE], "Some systems are under maintenance", "1 under maintenance, 1 operational"),
        ([MAINTENANCE, UNKNOWN], "Some systems are under maintenance", "1 under maintenance, 1 unknown"),
        ([MAINTENANCE], "Under maintenance", "1 under maintenance"),
        ([UP, DEGRADED], "Some systems are degraded", "1 degraded, 1 operational"),
        ([DEGRADED], "Degraded service", "1 degraded"),
        ([DEGRADED, MAINTENANCE, DOWN], "Partial outage", "1 with an outage, 1 degraded, 1 under maintenance"),
        ([DOWN, DOWN, UP], "Partial outage", "2 with an outage, 1 operational"),
        ([DOWN, UNKNOWN], "Partial outage", "1 with an outage, 1 unknown"),
        ([DOWN, DOWN], "Major outage", "2 with an outage"),
        ([DOWN, PAUSED], "Major outage", "1 with an outage, 1 not monitored"),
    ],
)
def test_the_headline_says_the_worst_and_how_much_of_it_there_is(
    conditions: list[Condition], words: str, details: str
) -> None:
    found = headline(conditions)
    assert (found.words, found.details) == (words, details)


@pytest.mark.parametrize("other", [one for one in Condition if one not in (UP, PAUSED)])
def test_only_what_is_operational_is_called_so(other: Condition) -> None:
    assert "operational" not in headline([UP, UP, other]).words
