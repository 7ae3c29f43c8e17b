"""The websites of a history, which note when they really changed.

`python -m bench.truth.sites FOLDER --websites 200 --seconds 600 --seed 1 [--wired]` listens at an address each, prints
one line when it is ready, and serves until it is ended. What happened is then in `FOLDER/played`, as JSON.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import struct
import time
from pathlib import Path

from bench.target import BACKLOG
from bench.truth import moments, places
from bench.truth.history import ANSWER, SLOW_ANSWER, Kind, Spell, history

# <linux/in.h>: addresses may be listened at before they are there.
IP_FREEBIND = 15
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
# Of the answers, `PATTERN` finds the version of a good one.
PATTERN = r'"version": "([0-9.]+)"'
GOOD, OTHER = b'{"status": "ok", "version": "1.2.3"}', b'{"status": "under maintenance"}'


def _answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ANSWERS = {
    None: _answer("200 OK", GOOD),
    Kind.STATUS: _answer("503 Service Unavailable", OTHER),
    Kind.BODY: _answer("200 OK", OTHER),
}


class Website:
    """One address."""

    def __init__(self, address: str, port: int) -> None:
        self.doing: Kind | None = None
        self.connections: set[Connection] = set()
        self.played: list[tuple[str, float, float]] = []
        self._address = address, port
        self._server: asyncio.Server | None = None

    async def open(self) -> float:
        """Listen; returns the Unix time from which on connections are taken."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        listener.bind(self._address)
        listener.listen(BACKLOG)
        opened_at = time.time()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG)
        return opened_at

    async def play(self, spell: Spell, beginning: float) -> None:
        await moments.until(beginning + spell.start)
        # Whatever fails does so after that moment.
        began = time.time()
        self.doing = spell.kind
        if spell.kind is Kind.REFUSED and self._server is not None:
            self._server.close()
        if spell.kind in (Kind.REFUSED, Kind.RESET):
            for connection in list(self.connections):
                connection.reset()
        await moments.until(beginning + spell.end)
        # Whatever succeeds does so after that moment.
        self.doing, ended = None, time.time()
        if spell.kind is Kind.REFUSED:
            ended = await self.open()
        self.played.append((spell.kind, began, ended))


class Connection(asyncio.Protocol):
    def __init__(self, website: Website) -> None:
        self._website = website
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._website.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._website.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(ANSWER, self._answer)

    def _answer(self) -> None:
        match self._website.doing:
            case Kind.SILENT | Kind.SERVER:
                pass
            case Kind.REFUSED | Kind.RESET:
                self.reset()
            case Kind.SLOW:
                asyncio.get_running_loop().call_later(SLOW_ANSWER - ANSWER, self._send, ANSWERS[None])
            case doing:
                self._send(ANSWERS[doing])

    def reset(self) -> None:
        if self._transport.is_closing():
            return
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        self._transport.abort()

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)
            self._transport.close()


async def serve(folder: Path, plans: list[tuple[Website, tuple[Spell, ...]]]) -> None:
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    for website, _ in plans:
        await website.open()
    print("ready", flush=True)
    playing = asyncio.gather(*(_play(website, spells, folder) for website, spells in plans))
    await told_to_stop.wait()
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):  # in the middle of its history; else any error shows
        await playing


async def _play(website: Website, spells: tuple[Spell, ...], folder: Path) -> None:
    beginning = await moments.announced(folder)
    for spell in spells:
        # What befalls a network is done to the wire.
        if spell.kind is not Kind.NETWORK:
            await website.play(spell, beginning)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.truth.sites", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--websites", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--wired", action="store_true", help="at the far end of a wire instead of on loopback")
    options = parser.parse_args()
    sites = history(options.seed, options.websites, options.seconds)
    found = [places.place(number, options.websites, wired=options.wired) for number in range(options.websites)]
    plans = [(Website(one.address, one.port), site.spells) for one, site in zip(found, sites, strict=True)]
    try:
        asyncio.run(serve(options.folder, plans))
    finally:
        (options.folder / "played").write_text(json.dumps([website.played for website, _ in plans]))


if __name__ == "__main__":
    main()
