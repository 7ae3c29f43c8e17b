"""What the benchmark of the truth makes of outages, incidents and alerts: what is wrong must never look right."""

from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest

from bench.truth import alerts, judge, places
from bench.truth.alerts import BEGAN, ENDED, FLAPPING, Arrival, Event, Fate, Told
from bench.truth.history import FLAP, GAP, LONGEST, SHORTEST, Kind, Span, history, timetable
from bench.truth.judge import Outage, Seen
from bench.truth.places import Group, Place
from bench.truth.report import Figures, Result, broken

SEEDS = range(5)
TEN_MINUTES = 600.0
OUTAGE = Outage(1, Kind.STATUS, 100.0, 130.0)
FOUND = Seen(7, 1, 98.0, 103.0, 103.5, ended_after=128.0, ended_before=133.0)


def test_a_seed_always_makes_the_same_history_and_another_seed_another() -> None:
    assert history(1, 200, TEN_MINUTES) == history(1, 200, TEN_MINUTES)
    assert history(1, 200, TEN_MINUTES) != history(2, 200, TEN_MINUTES)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("seconds", [180.0, TEN_MINUTES])
def test_outages_come_when_they_may_and_end_before_the_next(seed: int, seconds: float) -> None:
    table = timetable(seconds)
    first, *others = history(seed, 200, seconds)
    (spanning,) = first.spells
    assert spanning.start < table.cut.start < table.cut.end < spanning.end
    for number, site in enumerate(others):
        for spell in site.spells:
            assert any(window.start <= spell.start < spell.end <= window.end for window in table.windows)
            assert SHORTEST <= spell.end - spell.start <= LONGEST
            assert spell.kind is not Kind.BODY or site.must_match
        gaps = [later.start - earlier.end for earlier, later in pairwise(site.spells)]
        assert gaps == ([pytest.approx(FLAP)] * len(gaps) if number < 4 else [max(gap, GAP) for gap in gaps])


@pytest.mark.parametrize("seed", SEEDS)
def test_there_are_websites_of_every_sort_and_outages_of_every_kind_and_length(seed: int) -> None:
    sites = history(seed, 200, TEN_MINUTES)
    counts = [len(site.spells) for site in sites]
    lengths = sorted(spell.end - spell.start for site in sites for spell in site.spells)
    assert (counts.count(0), counts.count(9)) == (20, 4)
    assert {spell.kind for site in sites for spell in site.spells} == set(Kind)
    assert lengths[0] < 2
    assert lengths[-1] > 100


@pytest.mark.parametrize("wired", [True, False])
def test_websites_share_what_their_group_says_and_nothing_else(wired: bool) -> None:
    found: dict[Group, list[Place]] = {group: [] for group in Group}
    for number in range(200):
        found[places.group(number, 200)].append(places.place(number, 200, wired=wired))
    assert {group: len(them) for group, them in found.items()} == {
        Group.OWN: 100,
        Group.SERVER: 40,
        Group.NETWORK: 20,
        Group.NAMED: 40,
    }
    assert len({place.address for place in found[Group.SERVER]}) == 1
    addresses = [place.address for place in found[Group.NETWORK]]
    shared = ip_network(places.shared_network(wired=wired))
    assert len(set(addresses)) == 20
    assert all(ip_address(address) in shared for address in addresses)
    alone = [place.address.rpartition(".")[0] for group in (Group.OWN, Group.NAMED) for place in found[group]]
    assert len(set(alone)) == len(alone) == 140
    assert len({place.url for them in found.values() for place in them}) == 200
    names = {place.host for place in found[Group.NAMED] if place.host != place.address}
    assert names == (set(places.names(200)) if wired else set())


@pytest.mark.parametrize("group", [Group.SERVER, Group.NETWORK])
def test_what_is_shared_fails_for_all_at_once(group: Group) -> None:
    kind = {Group.SERVER: Kind.SERVER, Group.NETWORK: Kind.NETWORK}[group]
    spells = [[spell for spell in site.spells if spell.kind is kind] for site in history(1, 200, TEN_MINUTES)]
    of_group = [places.group(number, 200) is group for number in range(200)]
    assert [len(them) for them in spells] == list(map(int, of_group))
    assert len({spell for them in spells for spell in them}) == 1


@pytest.mark.parametrize(
    ("changes", "is_contained"),
    [
        ({}, True),
        ({"started_after": 100.0, "ended_before": 130.0}, True),
        ({"started_after": 100.001}, False),
        ({"started_before": 99.999}, False),
        ({"ended_after": 130.001}, False),
        ({"ended_before": 129.999}, False),
        ({"started_after": None}, False),
        ({"ended_after": None}, False),
        ({"ended_before": None}, False),
    ],
)
def test_bounds_contain_the_true_times_or_not(changes: dict[str, float | None], is_contained: bool) -> None:
    (one,) = judge.match([OUTAGE], [FOUND._replace(**changes)])  # type: ignore[arg-type]
    assert one.outages == (OUTAGE,)
    assert one.is_contained == is_contained


def test_an_incident_without_an_outage_is_false() -> None:
    elsewhere, later = FOUND._replace(site=2), FOUND._replace(started_after=131.0, started_before=135.0)
    assert [one.is_false for one in judge.match([OUTAGE], [FOUND, elsewhere, later])] == [False, True, True]


def test_an_incident_that_is_still_open_is_about_what_began_since() -> None:
    open_one = FOUND._replace(ended_after=None, ended_before=None)
    again = OUTAGE._replace(start=140.0, end=150.0)
    (one,) = judge.match([again, OUTAGE], [open_one])
    assert one.outages == (OUTAGE, again)


def test_outages_that_were_not_seen_apart_are_one_incident_from_the_first_to_the_last() -> None:
    again = OUTAGE._replace(start=131.0, end=132.0)
    (one,) = judge.match([OUTAGE, again], [FOUND])
    assert one.outages == (OUTAGE, again)
    assert one.is_contained
    assert one.delay == 3.5


def test_an_outage_that_was_seen_as_two_is_not_contained() -> None:
    halves = [FOUND._replace(ended_after=110.0, ended_before=115.0), FOUND._replace(started_after=115.0)]
    assert [one.is_contained for one in judge.match([OUTAGE], halves)] == [False, False]


@pytest.mark.parametrize(
    ("length", "blind", "is_missed"),
    [
        (10.0, (), False),
        (10.1, (), True),
        (14.0, (Span(0.0, 104.0),), False),
        (14.1, (Span(0.0, 104.0),), True),
        (14.1, (Span(102.0, 106.2),), False),
    ],
)
def test_what_lasts_long_enough_must_be_found(length: float, blind: tuple[Span, ...], is_missed: bool) -> None:
    outage = OUTAGE._replace(end=100.0 + length)
    assert judge.missed([outage], [], 10.0, blind) == [outage] * is_missed
    assert judge.missed([outage], judge.match([outage], [FOUND]), 10.0, blind) == []


def told(name: str, **facts: bool) -> Told:
    return Told(Event(7, name), 1, **facts)


def arrival(name: str, at: float = 100.0, key: str = "a") -> Arrival:
    return Arrival(Event(7, name), at, key)


@pytest.mark.parametrize(
    ("stored", "arrivals", "began", "ended"),
    [
        ([told(BEGAN), told(ENDED)], [arrival(BEGAN), arrival(ENDED)], Fate.ARRIVED, Fate.ARRIVED),
        ([], [], Fate.LOST, Fate.LOST),
        ([told(BEGAN), told(ENDED)], [arrival(BEGAN)], Fate.ARRIVED, Fate.LOST),
        ([told(BEGAN)], [arrival(BEGAN)], Fate.ARRIVED, Fate.LOST),
        # Arrived just now: its end goes out next.
        ([told(BEGAN), told(ENDED)], [arrival(BEGAN, at=990.0)], Fate.ARRIVED, Fate.TRIED),
        ([told(BEGAN, is_tried=True), told(ENDED)], [], Fate.TRIED, Fate.TRIED),
        ([told(BEGAN, is_held=True), told(FLAPPING)], [arrival(FLAPPING)], Fate.MUTED, Fate.MUTED),
        # Held back, and nobody told why.
        ([told(BEGAN, is_held=True), told(FLAPPING)], [], Fate.LOST, Fate.LOST),
        ([told(BEGAN, is_held=True)], [], Fate.LOST, Fate.LOST),
        ([told(BEGAN), told(FLAPPING)], [arrival(FLAPPING)], Fate.LOST, Fate.LOST),
    ],
)
def test_what_was_to_be_told_has_a_fate(stored: list[Told], arrivals: list[Arrival], began: Fate, ended: Fate) -> None:
    fates = alerts.fates({7: True}, stored, arrivals, now=1000.0)
    assert (fates[Event(7, BEGAN)], fates[Event(7, ENDED)]) == (began, ended)


def test_the_end_of_what_lasts_is_not_waited_for() -> None:
    assert alerts.fates({7: False}, [told(BEGAN)], [arrival(BEGAN)], now=1000.0) == {Event(7, BEGAN): Fate.ARRIVED}


def test_what_comes_again_by_the_same_key_is_repeated_and_by_another_told_twice() -> None:
    assert alerts.repeated_keys(["a", "b", "a", "a"]) == 2
    assert alerts.told_twice([arrival(BEGAN), arrival(BEGAN)]) == []
    assert alerts.told_twice([arrival(BEGAN), arrival(BEGAN, key="b")]) == [Event(7, BEGAN)]


def test_an_end_must_not_come_before_its_beginning() -> None:
    assert alerts.overtaken([arrival(BEGAN, 1.0), arrival(ENDED, 2.0), arrival(BEGAN, 3.0)]) == []
    assert alerts.overtaken([arrival(ENDED, 1.0), arrival(BEGAN, 2.0)]) == [Event(7, ENDED)]
    assert alerts.overtaken([arrival(ENDED, 1.0)]) == [Event(7, ENDED)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"median_delay": 7.0}, None),
        ({"median_delay": 7.1}, "median delay"),
        ({"false": 1}, "without an outage"),
        ({"missed": 1}, "were missed"),
        ({"uncontained": 1}, "do not contain"),
        ({"alerts": {Fate.ARRIVED: 5, Fate.TRIED: 1}}, None),
        ({"alerts": {Fate.ARRIVED: 5, Fate.LOST: 1}}, "were lost"),
        ({"repeated_keys": 1}, None),
        ({"told_twice": 1}, "several keys"),
        ({"overtaken": 1}, "before their beginnings"),
        ({"receiver": {"bad signatures": 1}}, "signed badly"),
        ({"kinds": {}}, "no outage was found"),
    ],
)
def test_each_required_figure_is_judged(changes: dict[str, object], words: str | None) -> None:
    kinds = {Kind.STATUS: Figures(outages=1, found=1)}
    sentences = broken(Result(200, 5, 600.0, 1, **{"kinds": kinds, **changes}))  # type: ignore[arg-type]
    assert len(sentences) == (words is not None)
    assert words is None or words in sentences[0]
