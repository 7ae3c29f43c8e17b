"""HTTP to addresses that users typed: `requests`, held to what the address guard allows.

The guard judges the address that is dialled, after the name was looked up, so that neither a name nor a second answer
of its name server leads inside. Redirects are not followed, and no proxy or password is taken from the environment.
"""

import http.client
import socket
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError

from monitoring.notifications.deadlines import Deadline
from monitoring.notifications.library_logs import silence
from monitoring.notifications.messages import refusal
from monitoring.probe.guard import AddressGuard

silence("urllib3")


class BlockedAddressError(requests.ConnectionError):
    """The host has no address that may be dialled."""


def session(guard: AddressGuard, deadline_seconds: float | None = None) -> "GuardedSession":
    """A session whose connections go only where the guard lets them; close it after use.

    With a deadline, all that it has open is shut down so many seconds from now, whatever it is in the middle of.
    """
    return GuardedSession(guard, None if deadline_seconds is None else Deadline(deadline_seconds))


class GuardedSession(requests.Session):
    """See `session`."""

    def __init__(self, guard: AddressGuard, deadline: Deadline | None) -> None:
        super().__init__()
        self.trust_env = False
        self._deadline = deadline
        adapter = _GuardedAdapter(guard, deadline)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    @property
    def is_late(self) -> bool:
        """Whether the deadline is over: what was read last may then lack its end."""
        return self._deadline is not None and self._deadline.is_over

    def close(self) -> None:
        super().close()
        if self._deadline is not None:
            self._deadline.close()

    def get_redirect_target(self, resp: requests.Response) -> None:
        """A redirect is an answer like any other."""


class _BlockedError(Exception):
    """Passes through urllib3, which makes errors of its own of all that it knows."""


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, guard: AddressGuard, deadline: Deadline | None) -> None:
        self._guard = guard
        self._deadline = deadline
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().send(request, *args, **kwargs)
        except _BlockedError as error:
            raise BlockedAddressError(str(error), request=request) from error

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        guard, end = self._guard, self._deadline

        class Plain(_Guarded, HTTPConnection):
            address_guard, deadline = guard, end

        class Secured(_Guarded, HTTPSConnection):
            address_guard, deadline = guard, end

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecuredPool(HTTPSConnectionPool):
            ConnectionCls = Secured

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecuredPool}


class _Answer(http.client.HTTPResponse):
    """The answer itself, after whatever announces it (RFC 9110, section 15.2).

    The standard library passes over 100 alone, and takes 102 and 103 for the answer.
    """

    def begin(self) -> None:
        super().begin()
        while self.status < HTTPStatus.OK and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _Guarded:
    """Makes urllib3's connections dial allowed addresses only."""

    response_class: Any = _Answer
    address_guard: AddressGuard
    deadline: Deadline | None
    _dns_host: str
    host: str
    port: int
    timeout: float | None
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        blocked, last = "", None
        for family, kind, protocol, _, address in self._addresses():
            host = str(address[0])
            if not self.address_guard.allows(host):
                blocked = host
                continue
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self.timeout)
                for option in self.socket_options or ():
                    connection.setsockopt(*option)
                if self.deadline is not None:
                    self.deadline.watch(connection)
                connection.connect(address)
            except OSError as error:
                connection.close()
                last = error
                continue
            return connection
        if last is None:
            raise _BlockedError(refusal(blocked))
        raise NewConnectionError(self, f"No connection could be made: {last}") from last  # type: ignore[arg-type]

    def _addresses(self) -> list[Any]:
        try:
            return socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, reason) from error  # type: ignore[arg-type]
