"""Holds code that dials by itself to the address guard and to a deadline.

A library that knows a hundred services connects in as many ways, but all of them end in `socket.connect`, which Python
reports before it happens, in the thread that does it, to hooks that may object (PEP 578).
https://docs.python.org/3/library/audit_events.html

What is dialled must be what was meant: by way of a proxy, any address can be reached, and the guard sees the proxy's
alone. So sessions of `requests` take nothing from the environment meanwhile.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any

import requests

from monitoring.notifications.deadlines import Deadline
from monitoring.notifications.messages import refusal
from monitoring.probe.guard import AddressGuard

DIALLING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class Confinement:
    """What a thread may dial, until when.

    `blocked` is the last address that it was refused, `dialled` how many it was let dial, and `answers` has what its
    `requests` were answered.
    """

    def __init__(self, deadline: Deadline, guard: AddressGuard | None) -> None:
        self.blocked = ""
        self.dialled = 0
        self.answers: list[requests.Response] = []
        self._deadline = deadline
        self._guard = guard

    def admit(self, connection: Any, address: Any) -> None:
        """Raises `OSError`, which is what code that dials is ready for."""
        if address is None:  # connected before
            return
        # The guard allows neither paths, the addresses of sockets within this machine, nor names: what the system looks
        # up by itself cannot be judged.
        host = str(address[0]) if isinstance(address, tuple) else str(address)
        if self._guard is not None and not self._guard.allows(host):
            self.blocked = host
            raise PermissionError(refusal(host))
        self._deadline.watch(connection)
        self.dialled += 1

    def hear(self, answer: requests.Response, **_: Any) -> None:
        self.answers.append(answer)


class _Thread(threading.local):
    confinement: Confinement | None = None


_thread = _Thread()


@contextlib.contextmanager
def confined(deadline: Deadline, guard: AddressGuard | None = None) -> Iterator[Confinement]:
    """Hold what this thread dials meanwhile to the deadline and, where there is one, to the guard."""
    _listen()
    _thread.confinement = confinement = Confinement(deadline, guard)
    try:
        yield confinement
    finally:
        _thread.confinement = None


@functools.cache
def _listen() -> None:
    # Once, as a hook stays for as long as the process does; twice, where two threads come first, does no harm.
    sys.addaudithook(_on_event)
    open_session = requests.Session.__init__

    @functools.wraps(open_session)
    def opened(self: requests.Session) -> None:
        open_session(self)
        if _thread.confinement is not None:
            self.trust_env = False
            self.hooks["response"].append(_thread.confinement.hear)

    requests.Session.__init__ = opened  # type: ignore[method-assign]


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event in DIALLING and _thread.confinement is not None:
        _thread.confinement.admit(*arguments)
