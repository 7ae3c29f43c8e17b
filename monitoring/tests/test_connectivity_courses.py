"""Minutes of dead websites, dead lines and silent resolvers, as a worker sees them, on a clock of the test's own."""

import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from monitoring.connectivity import Connectivity, Observation
from monitoring.decision import Failure, Policy, confirm_after, decide
from monitoring.models import Outcome, State
from monitoring.probe.types import ErrorKind
from monitoring.references import References

BEGIN, FAULT, SECONDS = 1_800_000_000.0, 120.0, 420.0
# Seconds: a check that gets no answer, one that does, and between two writes.
TIMEOUT, ANSWER, FLUSH = 4.0, 0.1, 0.25


@dataclass
class Site:
    """A website in a network, or with a domain, of its own; the seconds at which it cannot be reached."""

    number: int
    interval: float
    is_away: Callable[[float], bool]
    is_named: bool = False
    state: State = State.UNKNOWN
    outcomes: list[str] = field(default_factory=list)
    down_at: float | None = None

    def check(self, second: float) -> tuple[float, "Site", Observation]:
        """When it is over, and what is seen."""
        is_away = self.is_away(second)
        ended = second + (TIMEOUT if is_away else ANSWER)
        kind = ErrorKind.DNS if self.is_named else ErrorKind.TIMEOUT
        host = f"www.example{self.number}.org" if self.is_named else f"93.{self.number}.0.1"
        address = "" if is_away and self.is_named else f"93.{self.number}.0.1"
        began, error = BEGIN + second, kind.value if is_away else ""
        seen = Observation(
            self.number, error, self.state, not is_away, began, BEGIN + ended, f"http://{host}/", address
        )
        return ended, self, seen

    def judge(self, seen: Observation, *, is_excused: bool, second: float) -> float | None:
        """Keep what the check says; returns when the website is to be checked again."""
        is_unknown = is_excused and self.state is not State.DOWN
        outcome = Outcome.UNKNOWN if is_unknown else Outcome.DOWN if seen.error else Outcome.UP
        self.outcomes = [outcome.value, *self.outcomes[:5]]
        decision = decide(self.state, self.outcomes, Policy())
        if decision.state is State.DOWN and self.down_at is None:
            self.down_at = second
        self.state = decision.state
        failed = Failure(0, seen.error, TIMEOUT)
        after = confirm_after(failed, decision.unconfirmed, self.interval) if decision.unconfirmed else None
        return None if after is None else second + after


class Course:
    """Plays the checks of some websites, those out of turn too."""

    def __init__(self, sites: Iterable[Site], clock: pytest.MonkeyPatch) -> None:
        self._sites = {site.number: site for site in sites}
        self._now = 0.0
        clock.setattr("monitoring.connectivity.time.time", lambda: BEGIN + self._now)
        self._connectivity = Connectivity(References(()))
        self._running: list[tuple[float, int, float]] = []
        self.asked: list[int] = []

    def play(self) -> None:
        slots = sorted(self._slots())
        while self._now < SECONDS:
            self._now += FLUSH
            while slots and slots[0][0] <= self._now:
                second, number = slots.pop(0)
                self._begin(number, second)
            self._write()

    def _slots(self) -> Iterator[tuple[float, int]]:
        phases = random.Random(1)
        for site in self._sites.values():
            second = phases.random() * site.interval
            while second < SECONDS:
                yield second, site.number
                second += site.interval

    def _begin(self, number: int, second: float) -> None:
        ended, _, _ = self._sites[number].check(second)
        heapq.heappush(self._running, (ended, number, second))

    def _write(self) -> None:
        over: list[tuple[Site, Observation]] = []
        while self._running and self._running[0][0] <= self._now:
            _, number, second = heapq.heappop(self._running)
            site = self._sites[number]
            over.append((site, site.check(second)[2]))
        excused = self._connectivity.excused([seen for _, seen in over])
        for place, (site, seen) in enumerate(over):
            again = site.judge(seen, is_excused=place in excused, second=self._now)
            if again is not None:
                self._begin(site.number, again)
        for number in self._connectivity.to_ask():
            self.asked.append(number)
            self._begin(number, self._now)


def from_fault_on(second: float) -> bool:
    return second >= FAULT


def never(_: float) -> bool:
    return False


def sites(count: int, interval: float, is_away: Callable[[float], bool], *, first: int = 0, named: bool) -> list[Site]:
    return [Site(first + number, interval, is_away, named) for number in range(count)]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    ("interval", "dead", "well", "told_within"),
    [(10.0, 40, 1, 60.0), (10.0, 12, 1, 60.0), (5.0, 100, 5, 60.0), (30.0, 30, 2, 90.0), (60.0, 3, 5, 130.0)],
)
def test_however_many_are_dead_they_are_down_as_long_as_another_answers(
    monkeypatch: pytest.MonkeyPatch, interval: float, dead: int, well: int, told_within: float, *, named: bool
) -> None:
    gone = sites(dead, interval, from_fault_on, named=named)
    others = sites(well, 60.0, never, first=dead, named=named)
    course = Course([*gone, *others], monkeypatch)
    course.play()
    assert [site.number for site in gone if not site.down_at or site.down_at > FAULT + told_within] == []
    assert {site.down_at for site in others} == {None}
    # Whoever is well is not asked for ever.
    assert sum(number >= dead for number in course.asked) < 40


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("count", "interval"), [(40, 10.0), (12, 60.0), (2, 30.0)])
def test_a_cut_of_our_own_is_nobodys_outage_however_often_it_comes(
    monkeypatch: pytest.MonkeyPatch, count: int, interval: float, *, named: bool
) -> None:
    def in_the_dark(second: float) -> bool:
        return FAULT <= second < FAULT + 100 or FAULT + 170 <= second < FAULT + 220

    well = sites(count, interval, in_the_dark, named=named)
    Course(well, monkeypatch).play()
    assert [(site.number, site.down_at) for site in well if site.down_at] == []
    assert {site.state for site in well} == {State.UP}


def test_those_that_are_dead_hide_no_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_the_dark(second: float) -> bool:
        return FAULT + 120 <= second < FAULT + 200

    dead = sites(20, 10.0, from_fault_on, named=False)
    well = sites(4, 30.0, in_the_dark, first=20, named=False)
    Course([*dead, *well], monkeypatch).play()
    assert all(site.down_at and site.down_at < FAULT + 60 for site in dead)
    assert [site.down_at for site in well] == [None] * 4
