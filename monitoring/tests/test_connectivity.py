"""Whose fault a failure is: from who is silent, who is heard, and addresses that are trusted to answer."""

import time
from collections.abc import Iterable

import pytest

from monitoring.connectivity import ASK_INTERVAL, Connectivity, Observation, Reason
from monitoring.models import State
from monitoring.probe.types import ErrorKind
from monitoring.references import Look, References
from monitoring.voices import KNOWN_FOR

DNS, TIMEOUT, CONNECT, REFUSED, INTERNAL = (
    kind.value for kind in map(ErrorKind, ("dns", "timeout", "connect", "refused", "internal"))
)
UP, DOWN, UNKNOWN, NEVER = State.UP.value, State.DOWN.value, State.UNKNOWN.value, ""
LINE, NAMES, REFERENCES = Reason.LINE, Reason.NAMES, Reason.REFERENCES
# Unix time of second 0: a minute ago, so that all that follows has happened.
START = time.time() - 60


def far(number: int) -> str:
    """An address in a network of its own."""
    return f"93.{number}.0.1"


def seen(
    error: str, second: float, number: int, *, address: str | None = None, known: str = UP, lasts: float = 4.0
) -> Observation:
    """A check by address, begun in that second: answered at once, or given up after a while."""
    seconds = 0.1 if error in ("", REFUSED) else lasts
    began, is_heard = START + second, error in ("", REFUSED)
    where = far(number) if address is None else address
    return Observation(number, error, known, is_heard, began, began + seconds, f"http://{where}/", where)


def named(
    error: str, second: float, host: str, *, known: str = UP, is_heard: bool = False, lasts: float = 4.0
) -> Observation:
    """A check by name, which was found unless that is the error."""
    answered = error not in (DNS, TIMEOUT)
    began, address = START + second, "" if error == DNS else "94.0.0.1"
    seconds = 0.1 if answered or is_heard else lasts
    return Observation(
        hash(host), error, known, is_heard or answered, began, began + seconds, f"https://{host}/", address
    )


def alone() -> Connectivity:
    return Connectivity(References(()))


def known_networks(connectivity: Connectivity, count: int = 9) -> Connectivity:
    """All answered some time ago."""
    assert connectivity.excused([seen("", -30, number) for number in range(count)]) == {}
    return connectivity


def reasons(checks: Iterable[Observation], connectivity: Connectivity | None = None) -> list[Reason | None]:
    """For each check."""
    checks = list(checks)
    excused = (connectivity or known_networks(alone())).excused(checks)
    return [excused.get(place) for place in range(len(checks))]


# --- The line ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "ours"),
    [
        # Several networks, and nobody is heard.
        ([seen(TIMEOUT, 0, number) for number in range(3)], [LINE] * 3),
        ([seen(CONNECT, 0, number, lasts=0.0) for number in range(3)], [LINE] * 3),
        # A dead line fails names and addresses in different ways.
        ([seen(CONNECT, 0, 1), seen(TIMEOUT, 0, 2), named(DNS, 0, "www.example.org")], [LINE] * 3),
        # Two of many may have failed by themselves.
        ([seen(TIMEOUT, 0, number) for number in range(2)], [None] * 2),
        # One answers, so the line is alive; one that refuses does as well.
        ([*(seen(TIMEOUT, 0, number) for number in range(8)), seen("", 2, 8)], [None] * 9),
        ([*(seen(TIMEOUT, 0, number) for number in range(8)), seen(REFUSED, 2, 8)], [None] * 9),
        # It answered before they could have been heard: the line went just then.
        ([*(seen(TIMEOUT, 0, number) for number in range(3)), seen("", 0, 8)], [LINE] * 3 + [None]),
        # What was never sent says nothing, either way.
        ([*(seen(TIMEOUT, 0, number) for number in range(3)), seen(INTERNAL, 3, 8)], [LINE] * 3 + [None]),
        # What is down already, or was never seen, is no witness.
        ([seen(TIMEOUT, 0, number, known=known) for number, known in enumerate((UP, DOWN, NEVER))], [None] * 3),
        ([seen(TIMEOUT, 0, number, known=known) for number, known in enumerate((UP, UNKNOWN, UP))], [LINE] * 3),
    ],
)
def test_a_dead_line_is_told_from_dead_websites(checks: list[Observation], ours: list[Reason | None]) -> None:
    assert reasons(checks) == ours


def test_a_connection_that_was_made_excuses_no_timeout() -> None:
    connected = [seen(TIMEOUT, 0, number)._replace(is_heard=True) for number in range(9)]
    assert reasons(connected) == [None] * 9
    # Not even while there is no line any more.
    silent = [seen(TIMEOUT, 1, number) for number in range(3)]
    assert reasons([connected[0], *silent]) == [None, LINE, LINE, LINE]


@pytest.mark.parametrize("address", ["93.0.0.{}", "2a00:1450:4001::{}"])
def test_a_shared_network_is_one_witness(address: str) -> None:
    silent = [seen(TIMEOUT, 0, number, address=address.format(number + 1)) for number in range(40)]
    assert reasons(silent) == [None] * 40
    others = [seen(TIMEOUT, 0, 100 + number) for number in range(2)]
    assert reasons([*silent, *others]) == [LINE] * 42


def test_whoever_knows_two_networks_needs_no_third() -> None:
    silent = [seen(TIMEOUT, 0, number) for number in range(2)]
    assert reasons(silent, known_networks(alone(), 2)) == [LINE] * 2
    assert reasons(silent, known_networks(alone(), 3)) == [None] * 2
    # One is no witness for itself.
    assert reasons(silent[:1], known_networks(alone(), 1)) == [None]


@pytest.mark.parametrize(
    ("near", "silent", "ours"),
    [
        # The monitor's own page, or the printer, always answers.
        ("127.0.0.1", far(1), LINE),
        ("192.168.0.9", far(1), LINE),
        ("127.0.0.1", "192.168.1.1", LINE),
        ("192.168.0.9", "192.168.1.1", None),
        (far(9), "192.168.1.1", None),
        (far(9), far(1), None),
    ],
)
def test_what_is_nearer_says_nothing_of_what_is_farther(near: str, silent: str, ours: Reason | None) -> None:
    others = [seen(TIMEOUT, 0, number) for number in (2, 3)]
    others = others if ours else [other._replace(known=DOWN) for other in others]
    checks = [seen(TIMEOUT, 0, 1, address=silent), *others, seen("", 2, 4, address=near)]
    assert reasons(checks)[0] == ours


def test_it_lasts_until_somebody_is_heard() -> None:
    connectivity = known_networks(alone())
    assert reasons([seen(TIMEOUT, 0, number) for number in range(3)], connectivity) == [LINE] * 3
    # One at a time now, and each is unknown by then.
    for second in (4, 8, 12):
        assert reasons([seen(TIMEOUT, second, 1, known=UNKNOWN)], connectivity) == [LINE]
    # Begun in the dark, over afterwards; and begun after it.
    late = [seen("", 20, 5), seen(TIMEOUT, 18, 1, known=UNKNOWN), seen(TIMEOUT, 21, 2, known=UNKNOWN)]
    assert reasons(late, connectivity) == [None, LINE, None]
    assert reasons([seen(TIMEOUT, 26, 2, known=UNKNOWN)], connectivity) == [None]


def test_what_comes_late_and_all_at_once_is_judged_by_its_own_time() -> None:
    """As after a time in which the database was away."""
    dark = [seen(TIMEOUT, 10, number, known=UP) for number in range(3)]
    later = [seen(TIMEOUT, 30, 7), seen("", 32, 8)]
    checks = [*later, *dark, seen("", 5, 8), seen("", 20, 8)]
    assert reasons(checks) == [None, None, LINE, LINE, LINE, None, None]


def test_a_clock_that_was_ahead_excuses_nothing_for_ever() -> None:
    connectivity = known_networks(alone())
    connectivity.excused([seen("", 7_200, 1)])
    connectivity._swept_at = 0.0
    assert reasons([seen(TIMEOUT, 0, number) for number in range(3)], connectivity) == [LINE] * 3


# --- Names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "ours"),
    [
        # The resolver is silent, while addresses answer.
        ([*(named(DNS, 0, f"www.example{n}.org") for n in range(3)), seen("", 2, 1)], [NAMES] * 3 + [None]),
        # The name servers of one domain are.
        ([named(DNS, 0, f"{n}.example.org") for n in range(30)], [None] * 30),
        # Some name is found, so the resolver is alive, whatever becomes of the connection.
        ([*(named(DNS, 0, f"www.example{n}.org") for n in range(3)), named("", 2, "a.test")], [None] * 4),
        ([*(named(DNS, 0, f"www.example{n}.org") for n in range(3)), named(TIMEOUT, 2, "a.test")], [None] * 4),
        # A name that does not exist is a name server's word.
        ([named(DNS, 0, f"www.example{n}.org", is_heard=True) for n in range(9)], [None] * 9),
        (
            [*(named(DNS, 0, f"www.example{n}.org") for n in range(3)), named(DNS, 2, "a.test", is_heard=True)],
            [None] * 4,
        ),
        # A name without a dot was found nearby.
        ([*(named(DNS, 0, f"www.example{n}.org") for n in range(3)), named("", 2, "web")], [NAMES] * 3 + [None]),
    ],
)
def test_a_silent_resolver_is_told_from_silent_name_servers(
    checks: list[Observation], ours: list[Reason | None]
) -> None:
    assert reasons(checks) == ours


def test_names_that_a_cache_still_knows_do_not_hide_a_dead_line() -> None:
    cached = [named(TIMEOUT, 0.5, f"cached{n}.example.org")._replace(address=far(n)) for n in range(3)]
    unknown = [named(DNS, 0, f"www.example{n}.org") for n in range(3)]
    assert reasons([*cached, *unknown]) == [LINE] * 6


# --- Asking others -----------------------------------------------------------------------


def test_while_too_few_are_silent_others_are_asked() -> None:
    connectivity = known_networks(alone())
    assert connectivity.to_ask() == []
    now = time.time() - START
    assert reasons([seen(TIMEOUT, now - 4, 1)], connectivity) == [None]
    asked = connectivity.to_ask()
    assert len(asked) == 3
    assert set(asked) <= set(range(9)) - {1}
    # In a moment they are heard, or not.
    assert connectivity.to_ask() == []


def test_nobody_is_asked_whose_answer_would_say_nothing() -> None:
    connectivity = alone()
    near = [seen("", -30, 1, address="127.0.0.1"), seen("", -30, 2, address="93.2.0.9")]
    long_ago = seen("", -KNOWN_FOR, 3)
    now = time.time() - START
    connectivity.excused([*near, long_ago])
    connectivity._swept_at = 0.0
    # Of its own network, of a nearer one, and of one that is gone.
    assert reasons([seen(TIMEOUT, now - 4, 2)], connectivity) == [None]
    assert connectivity.to_ask() == []


def test_nobody_is_asked_once_somebody_is_heard() -> None:
    connectivity = known_networks(alone())
    now = time.time() - START
    reasons([seen(TIMEOUT, now - 4, 1), seen("", now - 1, 2)], connectivity)
    assert connectivity.to_ask() == []
    connectivity._asked_at -= ASK_INTERVAL
    assert connectivity.to_ask() == []


# --- References --------------------------------------------------------------------------


class Told(References):
    """References whose latest look the test says."""

    def __init__(self, second: float, *, is_answered: bool) -> None:
        super().__init__(())
        self.look_at = Look(START + second, is_answered)

    def latest(self, kind: str) -> Look | None:
        return self.look_at


def test_references_that_answer_put_the_blame_on_the_websites() -> None:
    silent = [seen(TIMEOUT, 0, number) for number in range(9)]
    references = Told(3, is_answered=True)
    connectivity = known_networks(Connectivity(references))
    assert reasons(silent, connectivity) == [None] * 9
    assert connectivity.lasting() == {LINE}
    # What they said long before says nothing of now.
    references.look_at = Look(START - 40, is_answered=True)
    assert reasons(silent, known_networks(Connectivity(references))) == [LINE] * 9


def test_references_that_are_silent_excuse_even_one_website() -> None:
    connectivity = known_networks(Connectivity(Told(2, is_answered=False)))
    assert reasons([seen(TIMEOUT, 0, 1)], connectivity) == [REFERENCES]
    assert connectivity.lasting() == {REFERENCES}
    # But nobody who was heard.
    assert reasons([seen(REFUSED, 2, 1)], connectivity) == [None]
    assert reasons([seen(TIMEOUT, 2, 1)._replace(is_heard=True)], connectivity) == [None]
    assert reasons([seen("", 2, 1)], connectivity) == [None]


def test_references_that_are_silent_outvote_nobody_who_answers() -> None:
    connectivity = known_networks(Connectivity(Told(2, is_answered=False)))
    assert reasons([seen(TIMEOUT, 0, 1), seen("", 2, 2)], connectivity) == [None, None]
    # What is nearer, or was heard before, says nothing; of names, addresses say nothing.
    near = [seen(TIMEOUT, 0, 1), seen("", 5, 2, address="127.0.0.1")]
    assert reasons(near, known_networks(Connectivity(Told(2, is_answered=False)))) == [REFERENCES, None]
    before = [seen(TIMEOUT, 0, 1), seen("", 0.5, 2)]
    assert reasons(before, known_networks(Connectivity(Told(2, is_answered=False)))) == [REFERENCES, None]
    names = [named(DNS, 0, "www.example.org"), seen("", 2, 2)]
    assert reasons(names, known_networks(Connectivity(Told(2, is_answered=False)))) == [REFERENCES, None]
    names = [named(DNS, 0, "www.example.org"), named("", 2, "a.test")]
    assert reasons(names, known_networks(Connectivity(Told(2, is_answered=False)))) == [None, None]


def test_references_that_never_answer_are_said_once_to_be_wrong(caplog: pytest.LogCaptureFixture) -> None:
    references = Told(-40, is_answered=False)
    connectivity = known_networks(Connectivity(references))
    for _ in range(2):
        connectivity._swept_at = 0.0
        connectivity.excused([seen("", 2, 2)])
    assert [record.message[:36] for record in caplog.records] == ["no reference address ever answered, "]
    caplog.clear()
    connectivity = known_networks(Connectivity(Told(1, is_answered=True)))
    connectivity._references = references
    connectivity._swept_at = 0.0
    connectivity.excused([seen("", 2, 2)])
    assert not caplog.records
