"""A web server that costs as little as Python allows: what the benchmark's websites are.

`python -m bench.target --addresses 64 [--tls FILE] [--report FILE]` listens on 127.1.0.1 … 127.1.0.64, port 8000 each,
prints one line when it is ready, and serves until it is ended. Every path is answered with the same small JSON
document; `/hole/…` is never answered; `/fail/N` is answered 503 from a moment on: the file given by `--outage` may
come to have that of N = 0 (Unix time), and the seconds between two of them. The file given by `--storm` may come to
have when a storm begins and ends: from then till then `/hush/…` is not answered, and `/drip/…` with 1 MiB whose last
byte comes after 7 seconds. The report is JSON: `holes`, when each request that was never answered came (Unix time) and
the seconds until the other side gave up; `edits`, by path below `/edit/`, when it was asked for first and last.
"""

import argparse
import contextlib
import heapq
import json
import select
import signal
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PORT = 8000
BACKLOG = 4096
BODY = b'{"status": "ok", "temperature": "21.5", "version": "1.2.3"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
FAILURE = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
HOLE = b"GET /hole/"
FAIL = b"GET /fail/"
HUSH = b"GET /hush/"
DRIP = b"GET /drip/"
EDIT = b"GET /edit/"
# Seconds between two looks at a file.
LOOK_INTERVAL = 0.1
DRIP_BODY = (BODY + b"\n") * ((1 << 20) // (len(BODY) + 1))
DRIP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
    len(DRIP_BODY),
    DRIP_BODY,
)
# Seconds from the request to the last byte.
DRIP_TIME = 7.0


def addresses(count: int) -> list[str]:
    """Loopback addresses, so that no pair of them runs out of ports."""
    return [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(count)]


def listen(count: int) -> list[socket.socket]:
    listeners = []
    for address in addresses(count):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((address, PORT))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        listeners.append(listener)
    return listeners


class Course:
    """Two numbers that a file may come to have."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._numbers: tuple[float, float] | None = None
        self._next_look = 0.0

    def at(self, now: float) -> tuple[float, float] | None:
        if self._numbers is None and self._file is not None and now > self._next_look:
            self._next_look = now + LOOK_INTERVAL
            with contextlib.suppress(FileNotFoundError):
                words = self._file.read_text().split()
                self._numbers = float(words[0]), float(words[1])
        return self._numbers


@dataclass(eq=False)
class Drip:
    """What is left of an answer, but its last byte, which is sent at a moment."""

    left: memoryview
    last_at: float


class Target:
    """One process's share of the connections."""

    def __init__(
        self,
        listeners: list[socket.socket],
        tls: ssl.SSLContext | None = None,
        outage: Path | None = None,
        storm: Path | None = None,
    ) -> None:
        self._tls = tls
        self._outage = Course(outage)
        self._storm = Course(storm)
        self._drips: dict[int, Drip] = {}
        self._last_bytes: list[tuple[float, int, Drip]] = []
        self._poll = select.epoll()
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._open: dict[int, socket.socket] = {}
        self._shaking_hands: set[int] = set()
        # When each connection that is never answered was asked for something.
        self._holes: dict[int, float] = {}
        self._ended_holes: list[tuple[float, float]] = []
        self._edits: dict[str, tuple[float, float]] = {}
        for descriptor in self._listeners:
            self._poll.register(descriptor, select.EPOLLIN)

    def run(self) -> None:
        while True:
            for descriptor, events in self._poll.poll(self._pause()):
                listener = self._listeners.get(descriptor)
                if listener is not None:
                    self._accept(listener)
                elif events == select.EPOLLOUT:
                    self._drip(descriptor)
                else:
                    self._serve(descriptor)
            self._send_last_bytes(time.time())

    def _pause(self) -> float | None:
        return max(0.0, self._last_bytes[0][0] - time.time()) if self._last_bytes else None

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                connection, _ = listener.accept()
                connection.setblocking(False)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                    self._shaking_hands.add(connection.fileno())
                self._open[connection.fileno()] = connection
                self._poll.register(connection.fileno(), select.EPOLLIN)

    def _serve(self, descriptor: int) -> None:
        """Take what has come: a piece of the handshake, or the request, which is answered."""
        connection = self._open[descriptor]
        try:
            if descriptor in self._shaking_hands and isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
                self._shaking_hands.remove(descriptor)
            request = connection.recv(4096)
            if request.startswith(HOLE) or (request.startswith(HUSH) and self._storms()):
                self._holes[descriptor] = time.time()
                return
            if request.startswith(DRIP) and self._storms():
                self._drips[descriptor] = Drip(memoryview(DRIP_ANSWER)[:-1], time.time() + DRIP_TIME)
                self._poll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)
                return
            if request:
                if request.startswith(EDIT):
                    self._note_edit(request)
                connection.send(FAILURE if request.startswith(FAIL) and self._is_out(request) else ANSWER)
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except OSError:
            # The probe has left.
            self._shaking_hands.discard(descriptor)
        self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        began = self._holes.pop(descriptor, None)
        if began is not None:
            self._ended_holes.append((began, time.time() - began))
        self._drips.pop(descriptor, None)
        self._poll.unregister(descriptor)
        self._open.pop(descriptor).close()

    def _storms(self) -> bool:
        now = time.time()
        course = self._storm.at(now)
        return course is not None and course[0] <= now < course[1]

    def _drip(self, descriptor: int) -> None:
        """Send what the other side takes, up to the last byte, which waits for its moment."""
        drip = self._drips[descriptor]
        try:
            drip.left = drip.left[self._open[descriptor].send(drip.left) :]
        except BlockingIOError:
            return
        except OSError:  # the probe has left
            self._close(descriptor)
            return
        if not drip.left:
            self._poll.modify(descriptor, select.EPOLLIN)
            heapq.heappush(self._last_bytes, (drip.last_at, descriptor, drip))

    def _send_last_bytes(self, now: float) -> None:
        while self._last_bytes and self._last_bytes[0][0] <= now:
            _, descriptor, drip = heapq.heappop(self._last_bytes)
            # Another one may have its number by now.
            if self._drips.get(descriptor) is drip:
                with contextlib.suppress(OSError):
                    self._open[descriptor].send(DRIP_ANSWER[-1:])
                self._close(descriptor)

    def _is_out(self, request: bytes) -> bool:
        now = time.time()
        course = self._outage.at(now)
        if course is None:
            return False
        begin, step = course
        return now >= begin + step * int(request.split(b" ", 2)[1].rpartition(b"/")[2])

    def _note_edit(self, request: bytes) -> None:
        path = request.split(b" ", 2)[1].decode("ascii")
        now = time.time()
        self._edits[path] = (self._edits.get(path, (now, now))[0], now)

    def report(self) -> str:
        return json.dumps({"holes": self._ended_holes, "edits": self._edits})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.target", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--addresses", type=int, default=64)
    parser.add_argument("--tls", type=Path, help="a PEM file with a certificate and its key: serve HTTPS")
    parser.add_argument("--report", type=Path, help="where to write what was seen, at the end")
    parser.add_argument("--outage", type=Path, help="a file that may come to have a moment")
    parser.add_argument("--storm", type=Path, help="a file that may come to have two moments")
    options = parser.parse_args()
    tls = None
    if options.tls is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls)
    listeners = listen(options.addresses)
    print("ready", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    target = Target(listeners, tls, options.outage, options.storm)
    try:
        target.run()
    finally:
        if options.report is not None:
            options.report.write_text(target.report())


if __name__ == "__main__":
    main()
