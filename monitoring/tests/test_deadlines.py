"""Connections end when time is up, and nothing is left of those that end before."""

import contextlib
import socket
import threading

import pytest

from monitoring.notifications.deadlines import Deadline
from monitoring.tests.servers import Peer, Server


def test_whoever_waits_on_a_watched_connection_finds_it_gone_when_time_is_up() -> None:
    with (
        Server(Peer.hold) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection,
        Deadline(0.2) as deadline,
    ):
        deadline.watch(connection)
        assert connection.recv(1) == b""
        assert deadline.is_over


def test_a_connection_that_is_still_being_made_is_given_up() -> None:
    with contextlib.ExitStack() as stack:
        # Nobody accepts, so that the queue is full after a few.
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        connection = stack.enter_context(socket.socket())
        connection.settimeout(60)
        deadline = stack.enter_context(Deadline(0.2))
        deadline.watch(connection)
        with pytest.raises(OSError, match=r"reset|refused|abort"):
            connection.connect(listener.getsockname())


def test_nothing_new_is_watched_when_time_is_up() -> None:
    with Server(Peer.hold) as server, Deadline(0.01) as deadline:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as first:
            deadline.watch(first)
            first.recv(1)
        with socket.socket() as second, pytest.raises(TimeoutError):
            deadline.watch(second)


def test_what_ends_in_time_leaves_nothing_behind() -> None:
    ended = threading.Event()

    def until_closed(peer: Peer) -> None:
        while peer.first_bytes():
            pass
        ended.set()

    before = timers()
    with Server(until_closed) as server, Deadline(60) as deadline:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        deadline.watch(connection)
        connection.close()
        deadline.close()
        # No copy is open any more.
        assert ended.wait(10)
        assert timers() == before


def timers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)}
