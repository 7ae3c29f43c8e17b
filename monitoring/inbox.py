"""Finished checks on their way from the engine to the recorder, which reads their bodies.

Small bodies are read as soon as they are here. Large ones, which take a thousand times as long, and searches that took
long the last time take turns with what is written: however many there are, what came with them is stored soon. Those of
quick websites go first.
"""

import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from monitoring import heartbeats
from monitoring.findings import Check, Finding, finding_of

logger = logging.getLogger(__name__)

# Seconds: what finishes within this time is written together.
GATHER = 0.25
MOST_AT_ONCE = 2_000
# Bytes from which on a body is large; seconds from which on its reading is long, and from which on its website is slow.
LARGE = 65_536
LONG, SLOW = 0.05, 1.0
# Seconds for which such are read at a time.
READ_FOR = 0.25
# Bytes of bodies whose room is given back together.
GIVE_BACK = 65_536
# Checks that may wait while the database keeps the recorder waiting; more are lost, and counted.
MOST_WAITING = 50_000


class GiveBack(Protocol):
    """As `monitoring.probe.engine.Engine.give_back`."""

    def __call__(self, size: int, *, is_slow: bool) -> None: ...


class Inbox:
    """`put` may be called in any thread, `take` in one."""

    def __init__(self, give_back: GiveBack, lose: Callable[[int], None]) -> None:
        """`give_back` is told how many bytes of bodies have been read, `lose` the website of a check that was lost."""
        self._finished: queue.SimpleQueue[Check | None] = queue.SimpleQueue()
        # What is put off: of quick websites, of slow ones, and what took long to be read the last time.
        self._put_off: tuple[deque[Check], deque[Check], deque[Check]] = deque(), deque(), deque()
        self._long: set[int] = set()
        self._give_back = give_back
        self._lose = lose
        # Bytes that are read, and whose room is not given back so far: of quick websites, and of all others.
        self._read_bytes = [0, 0]
        self._is_open = True

    def put(self, check: Check) -> None:
        if self._finished.qsize() < MOST_WAITING:
            self._finished.put(check)
            return
        self._lose(check.website_id)
        if check.exchange.body:
            self._give_back(len(check.exchange.body), is_slow=check.exchange.is_slow)

    def close(self) -> None:
        """Say that nothing follows."""
        self._finished.put(None)

    @property
    def is_over(self) -> bool:
        """Whether nothing follows and all has been taken."""
        return not self._is_open and not any(self._put_off)

    def take(self) -> list[Finding]:
        """Wait for checks, gather what comes within `GATHER` seconds, and read it.

        Returns empty-handed about once a heartbeat interval, so that an idle worker still says that it lives.
        """
        findings: list[Finding] = []
        for check in self._gathered():
            turn = self._turn(check)
            if turn is None:
                self._read(check, findings)
            else:
                self._put_off[turn].append(check)
        until = time.monotonic() + READ_FOR
        for waiting in self._put_off:
            # One of each in any case.
            while waiting:
                self._read(waiting.popleft(), findings)
                if time.monotonic() >= until:
                    break
        self._give_back_read()
        return findings

    def _turn(self, check: Check) -> int | None:
        """Whose turn is it; None for at once."""
        exchange = check.exchange
        if check.website_id in self._long:
            return 2
        if len(exchange.body) < LARGE:
            return None
        return int((exchange.response_time or 0.0) > SLOW)

    def _gathered(self) -> Iterator[Check]:
        if self._is_open and not any(self._put_off):
            first = self._next(heartbeats.INTERVAL / 2)
            if first is None:
                return
            # One sleep costs less than to be woken up by each of them.
            time.sleep(GATHER)
            yield first
        for _ in range(MOST_AT_ONCE):
            check = self._next()
            if check is None:
                return
            yield check

    def _next(self, patience: float | None = None) -> Check | None:
        """The next one; None if there is none within so many seconds, or now."""
        try:
            check = self._finished.get(block=patience is not None, timeout=patience)
        except queue.Empty:
            return None
        if check is None:
            self._is_open = False
        return check

    def _read(self, check: Check, findings: list[Finding]) -> None:
        """Add what it found; nothing if it cannot be read."""
        began = time.monotonic()
        try:
            findings.append(finding_of(check))
        except Exception:
            logger.exception("a check could not be read", extra={"website_id": check.website_id})
            self._lose(check.website_id)
        if check.exchange.body:
            takes_long = time.monotonic() - began > LONG
            (self._long.add if takes_long else self._long.discard)(check.website_id)
            self._read_bytes[check.exchange.is_slow] += len(check.exchange.body)
            if sum(self._read_bytes) >= GIVE_BACK:
                self._give_back_read()

    def _give_back_read(self) -> None:
        for is_slow in (False, True):
            if self._read_bytes[is_slow]:
                self._give_back(self._read_bytes[is_slow], is_slow=is_slow)
                self._read_bytes[is_slow] = 0
