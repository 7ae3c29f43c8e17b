"""Clients of a web server that one would rather not have: they hold connections, or guess passwords."""

import asyncio
import base64
import contextlib
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

# Answers to guesses, by their status.
GUESSES: Counter[int] = Counter()
# Seconds until who was shut out comes back.
COMES_BACK = 5.0
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
HEAD = "GET {path} HTTP/1.1\r\nHost: localhost\r\n"


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A request whose head comes a byte a second and never ends."""
    head = HEAD.format(path="/healthz").encode() + b"X-Slow: "
    for position in range(10**9):
        writer.write(head[position : position + 1] or b"x")
        await writer.drain()
        await asyncio.sleep(1.0)
        if reader.at_eof():
            return


async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


async def leave_unfinished(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body of which ten bytes of a thousand come."""
    head = HEAD.format(path="/websites").replace("GET", "POST")
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode() + b"x" * 10)
    await say_nothing(reader, writer)


async def never_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Large answers, asked for again and again, of which nothing is taken in."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    while True:
        writer.write(HEAD.format(path=LARGE).encode() + b"\r\n")
        await writer.drain()
        await asyncio.sleep(1.0)


async def guess(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One wrong password after the other, each with another name."""
    while True:
        name = base64.b64encode(f"{secrets.token_hex(4)}:{secrets.token_hex(8)}".encode()).decode()
        writer.write(f"{HEAD.format(path='/websites')}Authorization: Basic {name}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        GUESSES[int(head.split()[1])] += 1


Habit = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
HABITS: dict[str, Habit] = {
    "trickling": trickle,
    "silent": say_nothing,
    "unfinished": leave_unfinished,
    "deaf": never_read,
    "guessing": guess,
}


class Crowd:
    """So many clients of each habit, in a thread of their own, until the block ends; who is shut out comes back."""

    def __init__(self, port: int, numbers: dict[str, int], host: str = "127.0.0.1") -> None:
        self._address = (host, port)
        self._numbers = numbers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stopping = asyncio.Event()
        # Connections made so far, also those made again.
        self.connections = 0

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._all())
        self._loop.close()

    async def _all(self) -> None:
        tasks = [
            asyncio.create_task(self._hold(HABITS[name]))
            for name, number in self._numbers.items()
            for _ in range(number)
        ]
        await self._stopping.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(self, habit: Habit) -> None:
        while not self._stopping.is_set():
            # A server that shuts somebody out, or that has ended, is what is looked at here.
            with contextlib.suppress(OSError, EOFError):
                await self._hold_once(habit)
            await asyncio.sleep(COMES_BACK)

    async def _hold_once(self, habit: Habit) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        self.connections += 1
        try:
            await habit(reader, writer)
        finally:
            writer.transport.abort()
