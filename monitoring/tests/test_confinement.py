"""What a thread may dial, whatever library does it."""

import smtplib
import socket
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from monitoring.notifications.confinement import confined
from monitoring.notifications.deadlines import Deadline
from monitoring.probe import AddressGuard
from monitoring.tests.receivers import LOOPBACK
from monitoring.tests.servers import Peer, Server, answering, response

CLOSED, OPEN = AddressGuard(), AddressGuard(LOOPBACK)


def by_socket(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def by_name(port: int) -> None:
    with socket.socket() as connection:
        connection.connect(("localhost", port))


def without_errors(port: int) -> None:
    with socket.socket() as connection:
        connection.connect_ex(("127.0.0.1", port))


def by_datagram(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", port))


def by_datagram_in_parts(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendmsg([b"x"], [], 0, ("127.0.0.1", port))


def by_requests(port: int) -> None:
    requests.post(f"http://127.0.0.1:{port}/", timeout=5)


def by_urllib(port: int) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()


def by_smtp(port: int) -> None:
    smtplib.SMTP("127.0.0.1", port, timeout=5)


DIALLERS = [
    by_socket,
    by_name,
    without_errors,
    by_datagram,
    by_datagram_in_parts,
    by_requests,
    by_urllib,
    by_smtp,
]


@pytest.mark.parametrize("dial", DIALLERS)
def test_s5_no_library_dials_what_the_guard_refuses(dial: Callable[[int], None]) -> None:
    with Server(answering(response())) as inner:
        with Deadline(60) as deadline, confined(deadline, CLOSED) as confinement:
            # An `OSError` is what code that dials is ready for.
            with pytest.raises(OSError, match=r"not in a network that may be reached|Errno"):
                dial(inner.port)
            assert confinement.blocked in ("127.0.0.1", "localhost")
        assert inner.accepted == 0


def test_s5_the_sockets_of_this_machine_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as connection:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with Deadline(60) as deadline, confined(deadline, CLOSED), pytest.raises(PermissionError):
            connection.connect(str(tmp_path / "s"))


def test_what_is_allowed_is_dialled_and_ends_with_the_deadline() -> None:
    with Server(Peer.hold) as server, Deadline(0.2) as deadline, confined(deadline, OPEN) as confinement:
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url(), timeout=60)
        assert deadline.is_over
        assert confinement.blocked == ""


def test_other_threads_and_what_comes_after_are_free() -> None:
    with Server(answering(response())) as server:
        with Deadline(60) as deadline, confined(deadline, CLOSED):
            other = threading.Thread(target=by_socket, args=(server.port,))
            other.start()
            other.join()
        by_socket(server.port)
        by_requests(server.port)
        assert server.accepted == 3


def test_what_sends_on_a_connected_socket_is_judged_once() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as receiver,
        socket.socket(type=socket.SOCK_DGRAM) as sender,
        Deadline(60) as deadline,
        confined(deadline, OPEN),
    ):
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        sender.sendmsg([b"one"])
        assert receiver.recv(10) == b"one"
