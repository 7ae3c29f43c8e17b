"""Which checks begin: a table's worth of websites that are quick, slow or silent, with a clock that the test sets."""

import pytest

from monitoring.probe import ProbeRequest
from monitoring.probe.admission import (
    CONNECTION_BYTES,
    QUICK_SHARE,
    SWEEP_INTERVAL,
    TLS_BYTES,
    Admission,
    NotBegun,
    Order,
    Run,
)

PLENTY = 1 << 40
TIMEOUT = 10.0


class Desk:
    """Asks for checks of websites by name, and notes what becomes of them."""

    def __init__(self, clock: list[float], at_once: int, memory: int = PLENTY) -> None:
        self._clock = clock
        self.admission = Admission(at_once, memory)
        self.missed: list[tuple[str, int, NotBegun]] = []
        self.running: dict[str, Run] = {}

    def ask(
        self, *websites: str, slot: int = 0, within: float = 60.0, yields: bool = False, scheme: str = "http"
    ) -> None:
        for website in websites:

            def missed(number: int, why: NotBegun, website: str = website) -> None:
                self.missed.append((website, number, why))

            request = ProbeRequest(f"{scheme}://{website}/", TIMEOUT)
            begin_by = self._clock[0] + within
            self.admission.add(Order(request, slot, lambda *_: None, missed, website, begin_by, yields))

    def begin(self, most: int = 1000) -> list[str]:
        runs = list(self.admission.begin(most))
        self.running |= {str(run.key): run for run in runs}
        return [str(run.key) for run in runs]

    def end(self, *websites: str, is_well: bool = True) -> None:
        for website in websites:
            self.admission.end(self.running.pop(website), is_well=is_well)

    def make_quick(self, *websites: str) -> None:
        for website in websites:
            self.ask(website)
            assert self.begin() == [website]
            self.end(website)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("monitoring.probe.admission.time.monotonic", lambda: now[0])
    return now


def test_those_that_were_quick_go_first_and_the_rest_in_the_order_in_which_they_came(clock: list[float]) -> None:
    desk = Desk(clock, 8)
    desk.make_quick("a", "b")
    desk.ask("x", "y", "a", "z", "b")
    assert desk.begin() == ["a", "b", "x", "y", "z"]


def test_those_that_were_not_quick_leave_a_quarter_of_the_room_to_those_that_were(clock: list[float]) -> None:
    desk = Desk(clock, 8)
    desk.make_quick("a", "b", "c")
    desk.ask(*(f"silent {n}" for n in range(20)))
    assert len(desk.begin()) == 6
    assert desk.begin() == []
    assert not desk.admission.may_begin
    desk.ask("a", "b", "c")
    assert desk.begin() == ["a", "b"]
    desk.end("a")
    assert desk.begin() == ["c"]


def test_one_that_becomes_slow_takes_the_room_of_the_slow_from_then_on(clock: list[float]) -> None:
    desk = Desk(clock, 8)
    quick = [f"quick {n}" for n in range(8)]
    desk.make_quick(*quick)
    desk.ask(*quick[:6])
    assert desk.begin() == quick[:6]
    clock[0] += QUICK_SHARE * TIMEOUT
    desk.admission.sweep()
    desk.ask("new")
    # All six are slow by now, and so there is no room for another that may be; but for the quick there is.
    assert desk.begin() == []
    desk.ask(*quick[6:])
    assert desk.begin() == quick[6:]
    desk.end(*quick[:2])
    assert desk.begin() == ["new"]


@pytest.mark.parametrize(
    ("seconds", "is_well", "is_quick"),
    [(0.0, True, True), (1.2, True, True), (QUICK_SHARE * TIMEOUT, True, False), (0.0, False, False)],
)
def test_a_website_is_quick_if_its_last_check_was(
    clock: list[float], *, seconds: float, is_well: bool, is_quick: bool
) -> None:
    desk = Desk(clock, 8)
    desk.make_quick("a")
    desk.ask("a")
    desk.begin()
    clock[0] += seconds
    desk.end("a", is_well=is_well)
    desk.ask("new", "a")
    assert desk.begin() == (["a", "new"] if is_quick else ["new", "a"])


def test_of_a_website_one_check_is_under_way_and_the_newest_waits(clock: list[float]) -> None:
    desk = Desk(clock, 8)
    desk.ask("a", slot=1)
    assert desk.begin() == ["a"]
    desk.ask("a", slot=2)
    desk.ask("a", slot=3)
    assert desk.begin() == []
    # Not for want of room.
    assert desk.missed == [("a", 2, NotBegun.UNDER_WAY)]
    assert desk.admission.waiting == 1
    desk.end("a")
    assert desk.begin() == ["a"]
    assert desk.running["a"].order.number == 3


def test_a_check_beside_the_slots_gives_way_to_one_that_waits_already(clock: list[float]) -> None:
    desk = Desk(clock, 1)
    desk.ask("other", "a", slot=1)
    assert desk.begin() == ["other"]
    desk.ask("a", slot=2, yields=True)
    assert desk.missed == [("a", 2, NotBegun.NO_ROOM)]
    desk.ask("a", slot=3)
    assert desk.missed[1:] == [("a", 1, NotBegun.NO_ROOM)]


def test_a_website_that_waits_keeps_its_place_from_slot_to_slot(clock: list[float]) -> None:
    desk = Desk(clock, 1)
    desk.ask("other", "a", "b", "c", slot=1, within=5.0)
    assert desk.begin() == ["other"]
    clock[0] += 5.0
    desk.admission.sweep()
    assert {(website, why) for website, _, why in desk.missed} == {(name, NotBegun.NO_ROOM) for name in "abc"}
    desk.ask("c", "b", slot=2)
    desk.ask("a", "d", slot=2)
    order = []
    for _ in range(4):
        desk.end(*desk.running)
        order += desk.begin()
    assert order == ["a", "b", "c", "d"]


def test_what_is_too_late_is_missed_soon_after_and_never_begun(clock: list[float]) -> None:
    desk = Desk(clock, 1)
    desk.ask("other")
    desk.begin()
    desk.ask("a", within=1.0)
    desk.ask("b", within=60.0)
    clock[0] += 0.9
    again = desk.admission.sweep()
    assert desk.missed == []
    assert clock[0] < again <= clock[0] + SWEEP_INTERVAL
    clock[0] = again
    desk.admission.sweep()
    assert desk.missed == [("a", 0, NotBegun.NO_ROOM)]
    desk.end("other")
    assert desk.begin() == ["b"]


def test_connections_with_tls_take_more_of_the_memory(clock: list[float]) -> None:
    desk = Desk(clock, 1000, memory=4 * TLS_BYTES)
    desk.make_quick("quick")
    desk.ask(*(f"tls {n}" for n in range(8)), scheme="https")
    assert len(desk.begin()) == 3
    desk.ask("quick", *(f"plain {n}" for n in range(8)))
    # A quarter is left: what waits with TLS keeps others of its kind from passing it.
    assert desk.begin() == ["quick"]
    desk.end("tls 0", "tls 1", "tls 2")
    assert len(desk.begin()) == 3
    assert Admission(1, memory=0).may_begin is False


def test_one_check_is_always_possible_however_little_room_there_is(clock: list[float]) -> None:
    desk = Desk(clock, 1, memory=CONNECTION_BYTES // 2)
    desk.ask("a", "b")
    assert desk.begin() == ["a"]
    desk.end("a")
    assert desk.begin() == ["b"]


def test_at_the_end_all_that_waits_is_missed(clock: list[float]) -> None:
    desk = Desk(clock, 1)
    desk.ask("a", "b")
    desk.begin()
    desk.ask("a", slot=1)
    desk.admission.give_up()
    assert sorted(desk.missed) == [("a", 1, NotBegun.STOPPED), ("b", 0, NotBegun.STOPPED)]
    assert desk.admission.waiting == 0


def test_nobody_in_particular_may_be_checked_many_times_at_once(clock: list[float]) -> None:
    admission = Admission(100)
    for number in range(5):
        admission.add(Order(ProbeRequest("http://a/", 1.0), number, lambda *_: None, lambda *_: None))
    assert len(list(admission.begin(10))) == 5


def test_a_fault_of_the_one_who_asked_ends_no_other_check(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    def failing(_number: int, _why: NotBegun) -> None:
        raise ValueError("of the receiver")

    admission = Admission(1)
    admission.add(Order(ProbeRequest("http://a/", 1.0), 0, lambda *_: None, failing))
    admission.give_up()
    assert "The receiver of a finished check failed." in caplog.text


def test_a_check_that_goes_on_with_tls_is_counted_anew(clock: list[float]) -> None:
    desk = Desk(clock, 1000, memory=8 * TLS_BYTES)
    desk.ask("a", "b", "c", "d", "e", "f")
    desk.begin()
    for run in desk.admission.running:
        desk.admission.resize(run, "HTTPS://elsewhere/")
    desk.ask("late")
    assert desk.begin() == []
    desk.admission.resize(desk.running["a"], "http://elsewhere/")
    assert desk.begin() == ["late"]
    desk.end("a", "b", "c", "d", "e", "f", "late")
    desk.ask(*(f"tls {n}" for n in range(8)), scheme="https")
    assert len(desk.begin()) == 6
