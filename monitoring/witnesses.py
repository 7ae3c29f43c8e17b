"""Who can testify that the monitor itself is cut off: pure functions and what one kind of witness has said.

Websites that share an address, its /24 (IPv4) or /48 (IPv6), or the domain that a name server is asked for, fail
together whenever what they share does: they are one witness.
"""

import functools
import ipaddress
from enum import IntEnum
from typing import NamedTuple

# A first packet that is lost is sent again a second later: from then on, an answer of somebody else contradicts.
RETRY = 1.0
# Seconds after which a silence says nothing of now.
STALE = 60.0
# Second labels that many owners of domains share, below a country's own: `example.co.uk`, not `co.uk`.
SHARED_LABELS = frozenset(("ac", "co", "com", "edu", "gob", "gov", "ltd", "me", "ne", "net", "nom", "or", "org", "plc"))


class Reach(IntEnum):
    """How far away an address is: what is nearer may well answer while the line to what is farther is dead."""

    LOOPBACK = 0
    PRIVATE = 1
    GLOBAL = 2


class Place(NamedTuple):
    """What an address shares with its neighbours, as text, and how far away it is."""

    network: str
    reach: Reach


@functools.lru_cache(maxsize=65_536)
def place_of(address: str) -> Place:
    """Of an IPv4 address its /24, of an IPv6 address its /48. Raises `ValueError` for what is no address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if found.version == 6 and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    network = ipaddress.ip_network((int(found), 24 if found.version == 4 else 48), strict=False)
    if found.is_loopback:
        return Place(str(network), Reach.LOOPBACK)
    return Place(str(network), Reach.GLOBAL if found.is_global else Reach.PRIVATE)


def domain_of(host: str) -> str:
    """The part of a host name that somebody registered, or at least what it shares with its neighbours.

    Without a list of all registries, so rather too short than too long.
    """
    labels = host.lower().rstrip(".").split(".")
    is_below_shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SHARED_LABELS
    return ".".join(labels[-3 if is_below_shared else -2 :])


class Silence:
    """What was heard lately in one way, and who was not; moments are Unix times.

    A witness is contradicted by what was heard from `mark` on: a second after its check was begun, or at its end.
    """

    def __init__(self) -> None:
        self.heard_at = float("-inf")
        # The newest mark of each that was silent, and that nothing contradicts; the same of each website.
        self.marks: dict[str, float] = {}
        self._websites: dict[int, float] = {}
        # The newest mark of any website, whether it counts as a witness or not.
        self._doubted_at = float("-inf")
        # The latest time in which nothing could be heard.
        self.since: float | None = None
        self.until: float | None = None
        self._first_mark = 0.0

    @property
    def lasts(self) -> bool:
        return self.since is not None and self.until is None

    def is_open(self, now: float) -> bool:
        """Whether it is in doubt whose fault the latest failures are."""
        return self.lasts or self._doubted_at > max(self.heard_at, now - STALE)

    def hear(self, moment: float) -> list[int]:
        """Somebody answered; returns the websites whose silence that contradicts."""
        if self.lasts and moment >= self._first_mark:
            self.until = moment
        self.heard_at = max(self.heard_at, moment)
        if not self.marks:
            return []
        contradicted = [website_id for website_id, mark in self._websites.items() if mark <= moment]
        self._websites = {website_id: mark for website_id, mark in self._websites.items() if mark > moment}
        self.marks = {who: mark for who, mark in self.marks.items() if mark > moment}
        return contradicted

    def doubt(self, mark: float) -> None:
        """Somebody was silent whose word proves nothing."""
        self._doubted_at = max(mark, self._doubted_at)

    def testify(self, who: str, website_id: int, mark: float) -> None:
        """A witness was silent: one of its websites."""
        if mark <= self.heard_at:
            return
        self.doubt(mark)
        if self.marks and not self.lasts:
            self.marks = {other: at for other, at in self.marks.items() if at > mark - STALE}
        self.marks[who] = max(mark, self.marks.get(who, mark))
        self._websites[website_id] = max(mark, self._websites.get(website_id, mark))

    def begin(self) -> None:
        """Nothing could be heard since the last answer; unless that is known already."""
        if not self.lasts:
            self.since, self.until = self.heard_at, None
            self._first_mark = min(self.marks.values())

    def covers(self, began: float, mark: float) -> bool:
        """Whether a check was begun, or could first be contradicted, while nothing could be heard."""
        if self.since is None or mark <= self.since:
            return False
        return self.until is None or began < self.until
