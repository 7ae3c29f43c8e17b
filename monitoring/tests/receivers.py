"""Those who receive what is sent, on loopback: of webhooks and services, and mail servers."""

import asyncio
import contextlib
import io
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from ipaddress import ip_network
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiosmtpd.smtp import SMTP, Envelope

from monitoring.notifications.messages import Message
from monitoring.tests.servers import HEAD_LIMIT, Peer, Script, Server, response

LOOPBACK = [ip_network("127.0.0.0/8")]
MESSAGE = Message(
    key="5f0f3ed7-8a5c-4b8e-9a4a-1f2b6f0a7c11",
    title="Down: Käse & <Brot>",
    text="Käse & <Brot> is down.\nIt answered *500* :smile: \\n.",
    payload={"event": "began", "website": {"name": "Käse & <Brot>"}},
)


class Post(NamedTuple):
    """A request as it arrived; names of headers in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def taking(answer: bytes | None = None) -> Script:
    """Reads a whole request, body included, and answers (200 where nothing else is given)."""

    def script(peer: Peer) -> None:
        whole = peer.request()
        length = int(posted(whole).headers.get("content-length", "0"))
        while len(posted(whole).body) < length:
            whole += peer.connection.recv(HEAD_LIMIT)
        peer.server.requests[-1] = whole
        peer.send(answer or response())
        peer.finish()

    return script


def posted(request: bytes) -> Post:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = (header.partition(":") for header in rest)
    return Post(line, {name.lower(): value.strip() for name, _, value in headers}, body)


def posts(server: Server) -> list[Post]:
    return [posted(request) for request in server.requests]


def speaking(answers: dict[str, str] | None = None, extensions: str = "") -> Script:
    """A mail server that answers each command as given: `{"RCPT": "550 no such mailbox"}`; "" is its greeting."""
    given = {"": "220 here", "DATA": "354 go on", ".": "250 accepted", "QUIT": "221 bye", **(answers or {})}

    def script(peer: Peer) -> None:
        lines = peer.connection.makefile("rb")
        peer.send(given[""].encode() + b"\r\n")
        in_message = False
        for line in lines:
            word = line.decode("latin-1").split(" ", 1)[0].strip().upper()
            if in_message and word != ".":
                continue
            answer = given.get(word, "250 fine")
            if word == "EHLO" and extensions:
                answer = f"250-here\r\n250 {extensions}"
            peer.send(answer.encode() + b"\r\n")
            in_message = answer.startswith("354")
        lines.close()

    return script


class MailServer:
    """An SMTP server that keeps what it accepts; `port` is where it listens on 127.0.0.1."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self._started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.envelopes.append(envelope)
        return "250 accepted"

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._started.result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(
            lambda: SMTP(self, hostname="localhost", loop=self._loop), "127.0.0.1", 0
        )
        async with server:
            self._started.set_result(server.sockets[0].getsockname()[1])
            await self._closing.wait()


@contextlib.contextmanager
def whole_log() -> Iterator[io.StringIO]:
    """All that reaches the log of the process, at any level; `caplog` also hears what is kept out of it."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
