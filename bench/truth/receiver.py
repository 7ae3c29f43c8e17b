"""A webhook's receiver that fails often, is away for a while, and notes what it accepted.

`python -m bench.truth.receiver FOLDER --port P --secret S --seed N --away START END` listens on 127.0.0.1, prints one
line when it is ready, and serves until it is ended. What it took is then in `FOLDER/received`, as JSON.
"""

import argparse
import asyncio
import contextlib
import hmac
import json
import signal
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from bench.truth import moments
from bench.truth.history import Span

FAILING_SHARE = 0.3
# Seconds that a message may be old by its timestamp.
OLDEST = 300.0


class Receiver:
    """Each request is answered, or fails in one of two ways, by chance."""

    def __init__(self, port: int, secret: str, seed: int) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self._port = port
        self._secret = secret.encode()
        self._dice = Random(seed)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The sender may leave at any time, as when its process is killed.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            headers = _headers(await reader.readuntil(b"\r\n\r\n"))
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status = self._judge(headers, body)
            if status is not None:
                writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    def _judge(self, headers: dict[str, str], body: bytes) -> str | None:
        """The status to answer; None for closing without a word."""
        self.counts["requests"] += 1
        if self._dice.random() < FAILING_SHARE:
            is_answered = self._dice.random() < 0.5
            self.counts["answered 500" if is_answered else "closed without an answer"] += 1
            return "500 Internal Server Error" if is_answered else None
        if not self._is_signed(headers, body):
            self.counts["bad signatures"] += 1
            return "401 Unauthorized"
        self.accepted.append(
            {"at": time.time(), "key": headers.get("idempotency-key", ""), "payload": json.loads(body)}
        )
        return "200 OK"

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        timestamp = headers.get("webmonitor-timestamp", "")
        digest = hmac.new(self._secret, timestamp.encode() + b"." + body, sha256).hexdigest()
        if not hmac.compare_digest(f"v1={digest}", headers.get("webmonitor-signature", "")):
            return False
        return abs(time.time() - int(timestamp)) <= OLDEST


def _headers(head: bytes) -> dict[str, str]:
    """By name in lower case."""
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in lines}


async def serve(folder: Path, receiver: Receiver, away: Span) -> None:
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    await receiver.open()
    print("ready", flush=True)
    absence = asyncio.create_task(_be_away(folder, receiver, away))
    await told_to_stop.wait()
    absence.cancel()
    with contextlib.suppress(asyncio.CancelledError):  # the run was ended early; else any error shows
        await absence


async def _be_away(folder: Path, receiver: Receiver, away: Span) -> None:
    beginning = await moments.announced(folder)
    await moments.until(beginning + away.start)
    receiver.close()
    await moments.until(beginning + away.end)
    await receiver.open()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.truth.receiver", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--away", type=float, nargs=2, required=True, help="seconds from the beginning")
    options = parser.parse_args()
    receiver = Receiver(options.port, options.secret, options.seed)
    try:
        asyncio.run(serve(options.folder, receiver, Span(*options.away)))
    finally:
        taken = {"accepted": receiver.accepted, "counts": receiver.counts}
        (options.folder / "received").write_text(json.dumps(taken))


if __name__ == "__main__":
    main()
