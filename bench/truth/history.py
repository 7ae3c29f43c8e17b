"""What really happens: outages and slow spells of websites, and faults on the monitor's side, made up from a seed."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import NamedTuple

from bench.truth import places
from bench.truth.places import Group


class Kind(StrEnum):
    """What a website does instead of answering well."""

    REFUSED = "refused"
    # Takes connections and says nothing.
    SILENT = "silent"
    # Answers 503.
    STATUS = "status"
    # Reads the request and resets the connection.
    RESET = "reset"
    # Answers 200 with something that its regex does not match.
    BODY = "body"
    # Answers well, late, and within the timeout: no outage.
    SLOW = "slow"
    # As silent, all websites of one server at once.
    SERVER = "shared server"
    # Nothing that is sent to one network arrives there.
    NETWORK = "shared network"


class Span(NamedTuple):
    """Seconds, or Unix times."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


class Spell(NamedTuple):
    """One time in which a website does something else, in seconds from the beginning."""

    kind: Kind
    start: float
    end: float


@dataclass(frozen=True)
class Site:
    """A website: how it is watched, and what happens to it, in order."""

    must_match: bool
    slow_threshold: float | None
    group: Group = Group.OWN
    spells: tuple[Spell, ...] = ()


@dataclass(frozen=True)
class Timetable:
    """Faults on the monitor's side, what befalls many websites at once, and when outages may be planned.

    Seconds from the beginning.
    """

    seconds: float
    worker_killed: float
    cut: Span
    resolver_away: Span
    receiver_away: Span
    server_hangs: Span
    network_gone: Span
    windows: tuple[Span, ...]
    # Of websites that have names.
    named_windows: tuple[Span, ...]


# Seconds: without any outage at the beginning and at the end, around the cut, and between two of one website.
LEAD, TAIL, MARGIN, GAP = 10.0, 60.0, 30.0, 30.0
SHORTEST_RUN = 180.0
SHORTEST, LONGEST = 1.0, 180.0
CUT = 15.0
RESOLVER_AWAY, AFTER_CUT = 15.0, 20.0
# What is shared fails for so long, beginning at these parts of the time.
SHARED_AWAY, SERVER_HANGS_AT, NETWORK_GONE_AT = 20.0, 0.09, 0.2
RECEIVER_AWAY = 60.0
# How long a website that flaps is up and down in turns, and for how long it does.
FLAP, FLAPPING = 10.0, 180.0
FLAPPING_SHARE, HEALTHY_SHARE = 0.02, 0.1
TOGETHER = (Kind.SERVER, Kind.NETWORK)
FLAPPING_KINDS = (Kind.REFUSED, Kind.STATUS, Kind.SILENT, Kind.RESET)
# Seconds: how long an answer takes, so that outages begin and end in the middle of checks; what is slow, and how long a
# slow answer takes. The shortest timeout is 4 s.
ANSWER, SLOW_THRESHOLD, SLOW_ANSWER = 0.3, 1.0, 2.0
# Attempts to find a place for an outage before it is left out.
TRIES = 50


def timetable(seconds: float) -> Timetable:
    """For a run of so many seconds, at least `SHORTEST_RUN`."""
    cut = Span(seconds / 2, seconds / 2 + CUT)
    unresolved = Span(cut.end + AFTER_CUT, cut.end + AFTER_CUT + RESOLVER_AWAY)
    away = Span(0.7 * seconds, 0.7 * seconds + min(RECEIVER_AWAY, seconds / 6))
    hangs, gone = (Span(at * seconds, at * seconds + SHARED_AWAY) for at in (SERVER_HANGS_AT, NETWORK_GONE_AT))
    windows, named = (_windows(seconds, cut.start, end) for end in (cut.end, unresolved.end))
    return Timetable(seconds, 0.25 * seconds, cut, unresolved, away, hangs, gone, windows, named)


def _windows(seconds: float, begin: float, end: float) -> tuple[Span, ...]:
    """When outages may be planned, where faults last from one moment to another."""
    free = (Span(LEAD, begin - MARGIN), Span(end + MARGIN, seconds - TAIL))
    return tuple(window for window in free if window.length > 2 * FLAP)


def history(seed: int, websites: int, seconds: float) -> list[Site]:
    """What happens to each website; the same for the same arguments.

    One outage spans the cut, some websites flap, some are well all the time, the others fail up to three times, for
    `SHORTEST` to `LONGEST` seconds, their logarithms evenly spread; those that share something also do so together.
    """
    dice, table = Random(seed), timetable(seconds)
    flapping = max(1, round(FLAPPING_SHARE * websites))
    healthy = max(1, round(HEALTHY_SHARE * websites))
    sites: list[Site] = []
    for number in range(websites):
        slow_threshold = SLOW_THRESHOLD if number % 4 == 0 else None
        site = Site(number % 3 == 0, slow_threshold, places.group(number, websites))
        if number == 0:
            spells: tuple[Spell, ...] = (_spanning(table.cut),)
        elif number <= flapping:
            spells = _flaps(dice, table.windows, FLAPPING_KINDS[number % len(FLAPPING_KINDS)])
        elif number <= flapping + healthy:
            spells = ()
        else:
            spells = _outages(dice, table, site)
        sites.append(replace(site, spells=spells))
    return sites


def _spanning(cut: Span) -> Spell:
    return Spell(Kind.STATUS, cut.start - MARGIN - FLAP, cut.end + MARGIN + FLAP)


def _flaps(dice: Random, windows: Sequence[Span], kind: Kind) -> tuple[Spell, ...]:
    window = max(windows, key=lambda window: window.length)
    length = min(FLAPPING, window.length)
    begin = dice.uniform(window.start, window.end - length)
    starts = itertools.takewhile(lambda start: start + FLAP <= begin + length, itertools.count(begin, 2 * FLAP))
    return tuple(Spell(kind, start, start + FLAP) for start in starts)


def _outages(dice: Random, table: Timetable, site: Site) -> tuple[Spell, ...]:
    kinds = [kind for kind in Kind if kind not in TOGETHER and (kind is not Kind.BODY or site.must_match)]
    windows = table.named_windows if site.group is Group.NAMED else table.windows
    spells: list[Spell] = []
    if site.group is Group.SERVER:
        spells.append(Spell(Kind.SERVER, *table.server_hangs))
    if site.group is Group.NETWORK:
        spells.append(Spell(Kind.NETWORK, *table.network_gone))
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice(kinds)
        for _ in range(TRIES):
            start, end = _place(dice, windows)
            if all(end + GAP < other.start or other.end + GAP < start for other in spells):
                spells.append(Spell(kind, start, end))
                break
    return tuple(sorted(spells, key=lambda spell: spell.start))


def _place(dice: Random, windows: Sequence[Span]) -> Span:
    window = dice.choices(windows, [window.length for window in windows])[0]
    length = min(math.exp(dice.uniform(math.log(SHORTEST), math.log(LONGEST))), window.length)
    start = dice.uniform(window.start, window.end - length)
    return Span(start, start + length)
