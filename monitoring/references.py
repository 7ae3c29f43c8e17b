"""Addresses that the operator trusts to answer while the monitor's own connection is sound (`REFERENCE_ADDRESSES`)."""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from monitoring.probe.types import ErrorKind

# Seconds between two looks, and that an address gets to answer: what it said is known before the shortest usual timeout
# (4 s) of a website that is asked at the same time.
INTERVAL = 2.0
TIMEOUT = 2.0

Address = tuple[str, int]


class Look(NamedTuple):
    """When the references were asked (Unix time), and whether any of them answered."""

    asked_at: float
    is_answered: bool


class Reference:
    """One address."""

    def __init__(self, address: Address) -> None:
        self._address = address
        # By whether a name server is needed: it can be what fails.
        self.is_named = is_named(address)
        self._latest: Look | None = None
        self._asking_since: float | None = None

    def start(self) -> None:
        """Ask it now and then, in a thread of its own: to look a name up can take far longer than a look may."""
        threading.Thread(target=self._run, name="reference", daemon=True).start()

    @property
    def latest(self) -> Look | None:
        """What it said last; None before that."""
        latest, since = self._latest, self._asking_since
        return Look(since, is_answered=False) if since is not None and time.time() > since + TIMEOUT else latest

    def look(self) -> None:
        asked_at = self._asking_since = time.time()
        self._latest = Look(asked_at, self._answers() and time.time() <= asked_at + 2 * TIMEOUT)
        self._asking_since = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(self._address, TIMEOUT).close()
        except OSError:  # whatever the reason: it was not reached
            return False
        return True

    def _run(self) -> None:
        while True:
            self.look()
            time.sleep(INTERVAL)


class References:
    """All of them; any thread may ask what they said."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._references = [Reference(address) for address in addresses]
        for reference in self._references:
            reference.start()

    def latest(self, kind: str) -> Look | None:
        """The latest look at those references that can tell about failures of this kind; None without any."""
        if kind != ErrorKind.DNS:
            return _together(self._references)
        # Addresses that answer say nothing of names; where none does, there is no way to a name server either.
        numeric = _together(reference for reference in self._references if not reference.is_named)
        named = _together(reference for reference in self._references if reference.is_named)
        return named or (numeric if numeric is not None and not numeric.is_answered else None)


def is_named(address: Address) -> bool:
    """Whether it takes a name server to find it."""
    try:
        ipaddress.ip_address(address[0])
    except ValueError:
        return True
    return False


def _together(references: Iterable[Reference]) -> Look | None:
    """One that answers is enough."""
    looks = [look for reference in references if (look := reference.latest) is not None]
    answered = [look for look in looks if look.is_answered]
    return max(answered or looks, default=None)
