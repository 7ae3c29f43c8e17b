"""The web server's connections: whoever is slow holds one of them, and never a thread.

Waitress reads whole requests and sends answers in one loop, and gives threads only what they can compute on. What it
leaves open is here: a connection waits for its client for a bounded time, and the longest waiting ones make room for
new ones. https://docs.pylonsproject.org/projects/waitress/
"""

import contextlib
import errno
import socket
import sys
import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

THREADS = 8
# What asks whether the process is alive, and has a thread of its own: all others may wait for the database.
ALIVE_PATHS = frozenset({"/healthz", "/healthz/"})
# Seconds that a client may leave a request unfinished, an answer untouched or a connection unused. Reverse proxies keep
# unused ones for a minute at most: so it is they who close them, and never while a request is on its way.
WAIT_MAX = 65.0
# Bytes of bodies that are coming and answers that are going, of all connections of a process together.
HELD_MAX = 128 * 1024 * 1024
ACCEPTED_AT_ONCE = 64
BACKLOG = 1024
# Larger than what any form or resource takes, so that it is the product that says so.
BODY_MAX = 4 * 1024 * 1024
HEAD_MAX = 32 * 1024
# Seconds that running requests get to end when the server is told to; the whole must be down within 15.
GRACE = 10.0
# And within which an answer must move on then.
LAST_MOVES = 1.0
ADJUSTMENTS: dict[str, Any] = {
    "threads": THREADS,
    "backlog": BACKLOG,
    # What is above is kept in a file.
    "inbuf_overflow": 64 * 1024,
    "outbuf_overflow": 64 * 1024,
    "max_request_body_size": BODY_MAX,
    "max_request_header_size": HEAD_MAX,
    # `Server.handle_accept` makes room instead.
    "connection_limit": sys.maxsize,
    "cleanup_interval": 1,
    "log_socket_errors": False,
    "ident": None,
    # From whom a request came, and whether over TLS, is judged by Django alone (TRUSTED_PROXIES).
    "clear_untrusted_proxy_headers": False,
}


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client, and since when it keeps the server waiting. Times are those of `time.time`, as Waitress has them."""

    # When the request that is being read began, and when the last whole one was here.
    begun = asked = 0.0
    # Whether the next request waits until the answer before it is sent: who never reads gets no more threads.
    postponed = False

    @property
    def waits_since(self) -> float | None:
        """Since when it waits for its client; None while the client waits for an answer."""
        if self.total_outbufs_len:
            return self.asked
        if self.requests:
            return None
        return float(self.last_activity if self.request is None else self.begun)

    def is_overdue(self, now: float) -> bool:
        # An answer may take any time as long as it moves.
        since = self.last_activity if self.total_outbufs_len else self.waits_since
        return since is not None and now - since > WAIT_MAX

    @property
    def asks_whether_alive(self) -> bool:
        """Whether its next request does."""
        first = self.requests[0] if self.requests else None
        # One that could not be read has no path.
        if first is None or first.error is not None:
            return False
        return first.command in ("GET", "HEAD") and first.path in ALIVE_PATHS

    @property
    def held(self) -> int:
        """Bytes that are kept for this client."""
        unfinished = self.request
        return int(self.total_outbufs_len) + (unfinished.body_bytes_received if unfinished is not None else 0)

    def received(self, data: bytes) -> bool:
        before = self.request
        taken = bool(super().received(data))
        if self.request is not before:
            self.begun = time.time()
        return taken

    def writable(self) -> bool:
        return bool(super().writable() or self.postponed)

    def handle_write(self) -> None:
        super().handle_write()
        if self.postponed and self.connected and not self.total_outbufs_len:
            self.postponed = False
            self.server.add_task(self)

    def handle_close(self) -> None:
        super().handle_close()
        # A body that is not all here may lie in a file.
        if self.request is not None:
            self.request.close()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """One process's share of a listening socket, with at most so many connections."""

    channel_class = Connection

    def __init__(self, application: Any, listener: socket.socket, connections_max: int) -> None:
        self._connections_max = connections_max
        super().__init__(
            application,
            _sock=listener,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            adj=Adjustments(**ADJUSTMENTS),
        )
        self.alive_dispatcher = ThreadedTaskDispatcher()
        self.alive_dispatcher.set_thread_count(1)

    def serve(self, is_stopping: Callable[[], bool]) -> None:
        """Until told to stop (`pull_trigger` wakes it), and then until what runs has ended, at most for `GRACE`."""
        while not is_stopping():
            self._turn(1.0)
        # The loop goes on without the listening socket.
        wasyncore.dispatcher.close(self)
        deadline = time.monotonic() + GRACE
        while self._is_at_work() and time.monotonic() < deadline:
            self._turn(0.1)

    def add_task(self, task: Connection) -> None:
        if task.total_outbufs_len:
            task.postponed = True
            return
        task.asked = time.time()
        if task.asks_whether_alive:
            self.alive_dispatcher.add_task(task)
        else:
            super().add_task(task)

    def handle_accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted = self.accept()
            except OSError as error:
                # Usually a client that is gone again; but descriptors may be used up.
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._close_longest_waiting(1)
                return
            if accepted is None:
                break
            client, address = accepted
            with contextlib.suppress(OSError):
                self.set_socket_options(client)
            self.channel_class(self, client, address, self.adj, map=self._map)
        self._close_longest_waiting(len(self._open()) - self._connections_max)

    def maintenance(self, now: float) -> None:
        """Once a second: close who keeps the server waiting for too long, or has it keep too much."""
        for connection in self._open():
            connection.will_close = connection.is_overdue(now)
        held = sum(connection.held for connection in self._open())
        for connection in self._longest_waiting():
            if held <= HELD_MAX:
                return
            held -= connection.held
            connection.will_close = connection.held > 0

    def _turn(self, timeout: float) -> None:
        # Waitress would wait until it can write to them, and to who does not read it never can.
        for connection in list(self.active_channels.values()):
            if connection.will_close:
                connection.handle_close()
        wasyncore.loop(timeout=timeout, map=self._map, use_poll=True, count=1)

    def _open(self) -> list[Connection]:
        """Connections that are not about to be closed."""
        return [connection for connection in self.active_channels.values() if not connection.will_close]

    def _longest_waiting(self) -> list[Connection]:
        """Connections that wait for their clients, the longest waiting first."""
        waiting = [(connection.waits_since, connection) for connection in self._open()]
        found = [(since, connection) for since, connection in waiting if since is not None]
        return [connection for _, connection in sorted(found, key=itemgetter(0))]

    def _close_longest_waiting(self, number: int) -> None:
        """Close so many, in the loop's next turn: in this one, new clients would get what was meant for old ones."""
        if number > 0:
            for connection in self._longest_waiting()[:number]:
                connection.will_close = True

    def _is_at_work(self) -> bool:
        """Close the connections that nothing happens on; returns whether others are left."""
        for connection in self._open():
            moves = connection.total_outbufs_len and time.time() - connection.last_activity < LAST_MOVES
            connection.will_close = connection.waits_since is not None and not moves
        return bool(self.active_channels)
