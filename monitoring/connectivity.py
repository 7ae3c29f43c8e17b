"""Whether the monitor itself is cut off: a fault on our side never becomes an outage of theirs.

Who sits behind a dead line sees every website fail in the same way. So where most of the checks that end together
fail like that although their websites were up, they are kept as *unknown* instead of down, until checks pass again.
Addresses that the operator trusts to answer (`REFERENCE_ADDRESSES`) know better than that share, both ways: while
one of them answers the websites are to blame, and while none does the monitor is.
"""

import ipaddress
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from monitoring.models import State
from monitoring.probe.types import ErrorKind

logger = logging.getLogger(__name__)

# How a website looks to a monitor without a connection.
KINDS = frozenset((ErrorKind.DNS, ErrorKind.CONNECT, ErrorKind.TIMEOUT))
# So many websites must fail alike; and where fewer end together, the latest of so many are looked at.
FEWEST = 3
LATEST = 5
# Seconds between two looks at the references, and that one gets to answer.
REFERENCE_INTERVAL = 5.0
REFERENCE_TIMEOUT = 3.0

Address = tuple[str, int]


class Observation(NamedTuple):
    """A check as it is judged here: which website, its error (blank for none), what is known of the website."""

    website_id: int
    error: str
    known: str


class Look(NamedTuple):
    """When the references were asked (monotonic), and whether any of them answered."""

    asked_at: float
    is_answered: bool


class References:
    """Asks the reference addresses now and then, in a thread of its own."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._is_wanted = threading.Event()
        # By whether a name server was needed: it can be what fails.
        self._looks: dict[bool, Look] = {}
        if addresses:
            threading.Thread(target=self._run, name="references", daemon=True).start()

    def latest(self, kind: str) -> Look | None:
        """The latest look at those references that can tell about failures of this kind; None without any."""
        looks = [self._looks.get(True)] if kind == ErrorKind.DNS else list(self._looks.values())
        known = [look for look in looks if look is not None]
        if not known:
            return None
        return Look(min(look.asked_at for look in known), any(look.is_answered for look in known))

    def ask_now(self) -> None:
        self._is_wanted.set()

    def look(self) -> None:
        for named in (False, True):
            addresses = [address for address in self._addresses if is_named(address) == named]
            if addresses:
                asked_at = time.monotonic()
                self._looks[named] = Look(asked_at, any(map(_answers, addresses)))

    def _run(self) -> None:
        while True:
            self.look()
            self._is_wanted.wait(REFERENCE_INTERVAL)
            self._is_wanted.clear()


class Connectivity:
    """Used by the one thread that writes checks."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._latest: dict[int, str] = {}
        self._cut_off_since: float | None = None

    def excused(self, checks: Sequence[Observation]) -> frozenset[str]:
        """The kinds of errors that, among these checks, are our own fault; they excuse websites that are not down."""
        window = self._window(checks)
        self._follow(window)
        failing = {check.error for check in checks if check.error in KINDS}
        return frozenset(kind for kind in failing if self._is_ours(kind))

    def _window(self, checks: Sequence[Observation]) -> dict[int, str]:
        """The kind of failure, or blank, by website: of those that end together, or else of the latest few."""
        window = {
            check.website_id: check.error if check.error in KINDS else ""
            for check in checks
            # What never went out, or was not up before, says nothing about the line.
            if check.error != ErrorKind.INTERNAL
            and (check.error not in KINDS or check.known in (State.UP, State.UNKNOWN))
        }
        if len(window) < LATEST:
            for website_id in window:
                self._latest.pop(website_id, None)
            self._latest |= window
            window = dict(list(self._latest.items())[-LATEST:])
        self._latest = dict(list(window.items())[-LATEST:])
        return window

    def _follow(self, window: Mapping[int, str]) -> None:
        """Note where most begin to fail alike, and where they pass again."""
        counts = Counter(window.values())
        passed = counts.pop("", 0)
        most = max(counts.values(), default=0)
        if self._cut_off_since is None and most >= FEWEST and 2 * most > len(window):
            self._cut_off_since = time.monotonic()
            self._references.ask_now()
            logger.warning("most websites fail alike, the monitor may be cut off", extra={"errors": dict(counts)})
        elif self._cut_off_since is not None and 2 * passed > len(window):
            self._cut_off_since = None
            logger.warning("websites answer again")

    def _is_ours(self, kind: str) -> bool:
        look = self._references.latest(kind)
        if look is not None and not look.is_answered:
            return True
        if self._cut_off_since is None:
            return False
        return look is None or look.asked_at < self._cut_off_since


def is_named(address: Address) -> bool:
    """Whether it takes a name server to find it."""
    try:
        ipaddress.ip_address(address[0])
    except ValueError:
        return True
    return False


def _answers(address: Address) -> bool:
    try:
        socket.create_connection(address, REFERENCE_TIMEOUT).close()
    except OSError:  # whatever the reason: it was not reached
        return False
    return True
