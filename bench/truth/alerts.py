"""What became of each thing that was to be told, and what arrived more than once. All pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

BEGAN, ENDED, FLAPPING = "began", "ended", "flapping"
# Seconds that an alert which could go out may wait, and a delivery that is due: beyond, nobody cares for it.
GRACE = 90.0


class Fate(StrEnum):
    ARRIVED = "arrived"
    # Not told by design: its website flaps, and that was told.
    MUTED = "muted"
    # The receiver failed again and again, and the next attempt is still to come.
    TRIED = "still tried"
    LOST = "lost"


class Event(NamedTuple):
    """Something that is told once."""

    incident: int
    name: str


class Told(NamedTuple):
    """An alert as it is stored.

    `is_tried`: it, or its delivery, is on its way, and not overdue. `is_held`: it is not due yet, or was dropped since
    its incident was over before that.
    """

    event: Event
    site: int
    is_tried: bool = False
    is_held: bool = False


class Arrival(NamedTuple):
    """What the receiver accepted: when (Unix time), by which key."""

    event: Event
    at: float
    key: str


def fates(
    incidents: Mapping[int, bool], alerts: Collection[Told], arrivals: Iterable[Arrival], now: float
) -> dict[Event, Fate]:
    """What became of the beginning and the end of every incident, and of every alert that a website flaps.

    `incidents` has for each id whether it is over.
    """
    arrived = {arrival.event: arrival.at for arrival in arrivals}
    stored = {alert.event: alert for alert in alerts}
    found: dict[Event, Fate] = {}
    for event in stored:
        if event.name == FLAPPING:
            found[event] = _fate(event, stored, arrived)
    flapping = {stored[event].site for event, fate in found.items() if fate is not Fate.LOST}
    for incident, is_over in incidents.items():
        began, ended = Event(incident, BEGAN), Event(incident, ENDED)
        found[began] = _fate(began, stored, arrived)
        alert = stored.get(began)
        if found[began] is Fate.LOST and alert is not None and alert.is_held and alert.site in flapping:
            found[began] = Fate.MUTED
        if is_over:
            found[ended] = _fate(ended, stored, arrived)
            if found[ended] is Fate.LOST and _may_wait(found[began], arrived.get(began), now):
                found[ended] = Fate.MUTED if found[began] is Fate.MUTED else Fate.TRIED
    return found


def _fate(event: Event, stored: Mapping[Event, Told], arrived: Mapping[Event, float]) -> Fate:
    if event in arrived:
        return Fate.ARRIVED
    return Fate.TRIED if event in stored and stored[event].is_tried else Fate.LOST


def _may_wait(began: Fate, arrived_at: float | None, now: float) -> bool:
    """Whether an end is rightly untold: its beginning is, or only just arrived."""
    return began in (Fate.MUTED, Fate.TRIED) or (arrived_at is not None and now - arrived_at < GRACE)


def repeated_keys(deliveries: Iterable[str]) -> int:
    """How many deliveries, by their keys, were accepted once more: receivers can tell by the key."""
    return sum(count - 1 for count in Counter(deliveries).values())


def told_twice(arrivals: Iterable[Arrival]) -> list[Event]:
    """What came under several keys, which no receiver can tell from news."""
    keys: dict[Event, set[str]] = defaultdict(set)
    for arrival in arrivals:
        keys[arrival.event].add(arrival.key)
    return [event for event, used in keys.items() if len(used) > 1]


def overtaken(arrivals: Sequence[Arrival]) -> list[Event]:
    """Ends that came before their beginnings."""
    first: dict[Event, float] = {}
    for arrival in arrivals:
        first.setdefault(arrival.event, arrival.at)
    return [
        event
        for event, at in first.items()
        if event.name == ENDED and at < first.get(Event(event.incident, BEGAN), float("inf"))
    ]
