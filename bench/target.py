"""A web server that costs as little as Python allows: what the benchmark's websites are.

`python -m bench.target --addresses 64 [--tls FILE] [--report FILE]` listens on 127.1.0.1 … 127.1.0.64, port 8000 each,
prints one line when it is ready, and serves until it is ended. Every path is answered with the same small JSON
document; `/hole/…` is never answered; `/fail/N` is answered 503 from a moment on: the file given by `--outage` may
come to have that of N = 0 (Unix time), and the seconds between two of them. The report is JSON: `holes`, when each was
asked for (Unix time) and the seconds until the other side gave up; `edits`, by path below `/edit/`, when it was asked
for first and last.
"""

import argparse
import contextlib
import json
import select
import signal
import socket
import ssl
import sys
import time
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
# Seconds between two looks at the file.
LOOK_INTERVAL = 0.1
EDIT = b"GET /edit/"


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


class Target:
    """One process's share of the connections."""

    def __init__(
        self, listeners: list[socket.socket], tls: ssl.SSLContext | None = None, outage: Path | None = None
    ) -> None:
        self._tls = tls
        self._outage = outage
        self._outage_course: tuple[float, float] | None = None
        self._next_look = 0.0
        self._poll = select.epoll()
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._open: dict[int, socket.socket] = {}
        self._shaking_hands: set[int] = set()
        # When each silent connection was asked for something.
        self._holes: dict[int, float] = {}
        self._ended_holes: list[tuple[float, float]] = []
        self._edits: dict[str, tuple[float, float]] = {}
        for descriptor in self._listeners:
            self._poll.register(descriptor, select.EPOLLIN)

    def run(self) -> None:
        while True:
            for descriptor, _ in self._poll.poll():
                listener = self._listeners.get(descriptor)
                if listener is not None:
                    self._accept(listener)
                else:
                    self._serve(descriptor)

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
            if request.startswith(HOLE):
                self._holes[descriptor] = time.time()
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
        began = self._holes.pop(descriptor, None)
        if began is not None:
            self._ended_holes.append((began, time.time() - began))
        self._poll.unregister(descriptor)
        self._open.pop(descriptor).close()

    def _is_out(self, request: bytes) -> bool:
        now = time.time()
        if self._outage_course is None and self._outage is not None and now > self._next_look:
            self._next_look = now + LOOK_INTERVAL
            with contextlib.suppress(FileNotFoundError):
                words = self._outage.read_text().split()
                self._outage_course = float(words[0]), float(words[1])
        if self._outage_course is None:
            return False
        begin, step = self._outage_course
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
    options = parser.parse_args()
    tls = None
    if options.tls is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls)
    listeners = listen(options.addresses)
    print("ready", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    target = Target(listeners, tls, options.outage)
    try:
        target.run()
    finally:
        if options.report is not None:
            options.report.write_text(target.report())


if __name__ == "__main__":
    main()
