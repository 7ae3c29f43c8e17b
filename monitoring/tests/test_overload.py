"""When a process counts as overloaded."""

from collections import Counter

import pytest

from monitoring.overload import LOOKS, OF_LOAD, Missed, Misses, Overload, Reason, Verdict

NONE = Missed(Counter(), frozenset())
LATE = Missed(Counter(), frozenset({1, 2, 3}), 24.6)


def missed(slots: int = 10, website_ids: tuple[int, ...] = (1, 2), reason: Reason = Reason.NO_ROOM) -> Missed:
    return Missed(Counter({reason: slots}), frozenset(website_ids))


def looks(*course: Missed) -> list[bool]:
    overload = Overload()
    return [overload.look(look) is not None for look in course]


@pytest.mark.parametrize(
    ("course", "verdicts"),
    [
        pytest.param([NONE] * 3, "...", id="nothing is missed"),
        pytest.param([missed(), missed(), *[NONE] * 4], "......", id="a stall is none"),
        pytest.param([missed()] * 3, "..o", id="what is missed again and again is one"),
        pytest.param([missed(), NONE, missed(), NONE, missed()], "....o", id="with pauses as well"),
        pytest.param([missed(), NONE, NONE, missed(), NONE, NONE, missed()], ".......", id="seldom is none"),
        pytest.param([missed()] * 3 + [NONE] * LOOKS, "..oooooo.", id="it is over after a minute without a miss"),
        pytest.param(
            [missed()] * 3 + [NONE] * 4 + [missed()] + [NONE] * LOOKS,
            "..ooooooooooo.",
            id="what comes and goes is one",
        ),
        pytest.param([missed(reason=Reason.NO_DATABASE)] * 9, ".........", id="the database is told of otherwise"),
        pytest.param([missed(reason=Reason.STOPPING)] * 9, ".........", id="an end is none"),
        pytest.param([missed(slots=0)] * 9, ".........", id="no slot is no miss"),
        pytest.param([LATE] * 3, "..o", id="what is stored late is as bad as missed"),
    ],
)
def test_a_process_is_overloaded_while_it_misses_slots_again_and_again(course: list[Missed], verdicts: str) -> None:
    assert "".join("o" if found else "." for found in looks(*course)) == verdicts


@pytest.mark.parametrize("reason", sorted(OF_LOAD))
def test_every_reason_of_load_counts(reason: Reason) -> None:
    assert looks(*[missed(reason=reason)] * 3)[-1]


def test_the_verdict_says_what_was_missed_in_the_last_minute_and_why() -> None:
    overload = Overload()
    for number in range(2):
        overload.look(missed(1_000, (number, number + 1)))
    assert overload.look(missed(1_500, (7,), Reason.NO_ROOM_FOR_BODIES)) == Verdict(
        "3,500 checks missed in the last minute: no room for more checks and no room for bodies", 4
    )
    for _ in range(LOOKS - 1):
        last = overload.look(NONE)
    assert last == Verdict("1,500 checks missed in the last minute: no room for bodies", 1)


def test_the_verdict_says_how_late_checks_are_stored() -> None:
    overload = Overload()
    overload.look(LATE)
    overload.look(LATE._replace(late=12.0))
    assert overload.look(LATE) == Verdict("what checks found is stored 25 s late", 3)
    assert overload.look(missed(1, (7,))) == Verdict(
        "1 check missed in the last minute: no room for more checks; what checks found is stored 25 s late", 4
    )


def test_only_what_is_much_too_late_is_noted() -> None:
    misses = Misses()
    misses.note_late(9.9, [1])
    assert misses.take() == NONE
    misses.note_late(30.0, [2])
    misses.note_late(20.0, [3])
    assert misses.take() == Missed(Counter(), frozenset({2, 3}), 30.0)
    assert misses.take() == NONE


def test_misses_are_counted_for_ever_and_handed_out_once() -> None:
    misses = Misses()
    misses.add(Reason.NO_ROOM, [1, 2])
    misses.add(Reason.NO_DATABASE, [3])
    misses.add(Reason.NO_ROOM, [2], slots=5)
    assert misses.take() == Missed(Counter({Reason.NO_ROOM: 7, Reason.NO_DATABASE: 1}), frozenset({1, 2}))
    assert misses.take() == NONE
    misses.add(Reason.NO_ROOM, [])
    assert (misses.total, misses.by_reason()) == (8, {Reason.NO_ROOM: 7, Reason.NO_DATABASE: 1})
