"""Which of the checks that are asked for may begin, and when: pure, used by the engine's thread alone.

1. Of a website, at most one check is under way and one waits; a newer one takes the place of the one that waits.
2. Websites whose last check was over in half of its time go first. All others (slow ones, silent ones, new ones) share
   a part of the room, so that what is left is always there for the quick. A check that takes longer counts as one of
   theirs from then on.
3. What could not begin in time is missed, and its caller is told why.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from monitoring.probe.types import Exchange, ProbeRequest

logger = logging.getLogger(__name__)

# The part of its time within which a check has to end for its website to count as quick; at least so many seconds.
QUICK_SHARE, QUICK = 0.5, 1.0
# The part of the room that websites which are not quick may take.
SHARE_OF_SLOW = 0.75
# Bytes that a check under way takes at most until its body comes: a connection of libcurl's and what belongs to it;
# over TLS, OpenSSL's buffers and tables besides. And of all of them together.
CONNECTION_BYTES, TLS_BYTES = 15_000, 110_000
CONNECTIONS_CAP = 256 << 20
# Seconds between two looks at whether what waits is too late by now.
SWEEP_INTERVAL = 0.25


class NotBegun(StrEnum):
    """Why a check was not made."""

    NO_ROOM = "too many checks were under way"
    UNDER_WAY = "the website's check before it was still under way"
    STOPPED = "the worker was told to stop"


OnExchange = Callable[[int, Exchange], None]
OnMissed = Callable[[int, NotBegun], None]


class Order(NamedTuple):
    """A check that is asked for. Exactly one of the two callbacks is called, with the number."""

    request: ProbeRequest
    number: int
    on_exchange: OnExchange
    on_missed: OnMissed
    # Who is checked; None for nobody in particular, of whom any number may be under way.
    website: Hashable = None
    # Of the monotonic clock: when it is too late to begin.
    begin_by: float = math.inf
    # Whether one that waits already will do as well.
    yields: bool = False

    def end(self, exchange: Exchange) -> None:
        _call(self.on_exchange, self.number, exchange)

    def miss(self, reason: NotBegun) -> None:
        _call(self.on_missed, self.number, reason)


def _call(callback: Callable[[int, Any], None], number: int, what: object) -> None:
    try:
        callback(number, what)
    except Exception:
        # A fault of the receiver's shall not end the checks of others.
        logger.exception("The receiver of a finished check failed.")


class Run:
    """A check under way, and the room that it takes."""

    __slots__ = ("begun_at", "is_slow", "key", "order", "size", "slow_at")

    def __init__(self, order: Order, key: Hashable, size: int, begun_at: float, *, is_slow: bool) -> None:
        self.order = order
        self.key = key
        self.size = size
        self.begun_at = begun_at
        self.slow_at = begun_at + max(QUICK, QUICK_SHARE * order.request.timeout)
        # Whether it takes the room of those that are not quick.
        self.is_slow = is_slow


class Admission:
    """Times are those of `time.monotonic`."""

    def __init__(self, at_once: int, memory: int = CONNECTIONS_CAP) -> None:
        """So many checks at once at most, which take so many bytes."""
        self._most, self._most_bytes = at_once, memory
        self._most_slow, self._most_slow_bytes = max(1, int(at_once * SHARE_OF_SLOW)), int(memory * SHARE_OF_SLOW)
        # Bytes of the checks under way; and of those that are not quick, their number and bytes.
        self._bytes = self._slow = self._slow_bytes = 0
        self._quick: set[Hashable] = set()
        # Keys in the order in which they go, and their orders. A key keeps its place if its order is gone.
        self._queues: tuple[deque[Hashable], deque[Hashable]] = deque(), deque()
        self._queued: set[Hashable] = set()
        self._orders: dict[Hashable, Order] = {}
        self._running: dict[Hashable, Run] = {}
        # Those that wait for the end of their website's check.
        self._held: dict[Hashable, Order] = {}
        self._next_sweep = 0.0

    @property
    def waiting(self) -> int:
        return len(self._orders) + len(self._held)

    @property
    def may_begin(self) -> bool:
        return self._may_begin(is_slow=False) or self._may_begin(is_slow=True)

    def add(self, order: Order) -> None:
        key = object() if order.website is None else order.website
        waiting = self._held if key in self._running else self._orders
        before = waiting.get(key)
        if before is not None:
            why = NotBegun.UNDER_WAY if waiting is self._held else NotBegun.NO_ROOM
            if order.yields:
                order.miss(why)
                return
            before.miss(why)
        waiting[key] = order
        if waiting is self._orders:
            self._queue(key)

    def begin(self, most: int) -> Iterator[Run]:
        """Checks that may begin now, at most so many; each is under way from then on."""
        now = time.monotonic()
        for is_slow in (False, True):
            while most and self._may_begin(is_slow=is_slow):
                most -= 1
                yield self._start(self._queues[is_slow].popleft(), now, is_slow=is_slow)

    def end(self, run: Run, *, is_well: bool) -> None:
        """Say that a check is over; `is_well` if nothing of our own kept it from being made."""
        self._bytes -= run.size
        if run.is_slow:
            self._slow -= 1
            self._slow_bytes -= run.size
        key = run.key
        del self._running[key]
        if run.order.website is not None:
            if is_well and time.monotonic() < run.slow_at:
                self._quick.add(key)
            else:
                self._quick.discard(key)
        held = self._held.pop(key, None)
        if held is not None:
            self._orders[key] = held
            self._queue(key)

    def resize(self, run: Run, url: str) -> None:
        """Count a check anew that goes on to another URL."""
        more = _size(url) - run.size
        if more:
            run.size += more
            self._bytes += more
            if run.is_slow:
                self._slow_bytes += more

    def sweep(self) -> float:
        """Give up what is too late to begin by now, and see who is quick no more; returns when to look again."""
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_INTERVAL
            for waiting, why in ((self._orders, NotBegun.NO_ROOM), (self._held, NotBegun.UNDER_WAY)):
                for key in [key for key, order in waiting.items() if order.begin_by <= now]:
                    waiting.pop(key).miss(why)
            for run in self._running.values():
                if not run.is_slow and run.slow_at <= now:
                    self._count_as_slow(run)
        return self._next_sweep

    @property
    def running(self) -> list[Run]:
        """The checks under way."""
        return list(self._running.values())

    def give_up(self) -> None:
        """Begin nothing more: all that waits is missed."""
        for waiting in (self._orders, self._held):
            while waiting:
                _, order = waiting.popitem()
                order.miss(NotBegun.STOPPED)

    def _queue(self, key: Hashable) -> None:
        if key not in self._queued:
            self._queued.add(key)
            self._queues[key not in self._quick].append(key)

    def _may_begin(self, *, is_slow: bool) -> bool:
        """Whether there is room for the first of a queue that has an order."""
        queue = self._queues[is_slow]
        while queue and queue[0] not in self._orders:
            self._queued.discard(queue.popleft())
        if not queue:
            return False
        return self._has_room(_size(self._orders[queue[0]].request.url), is_slow=is_slow)

    def _has_room(self, size: int, *, is_slow: bool) -> bool:
        running = len(self._running)
        if running >= self._most or self._bytes + size > self._most_bytes:
            # One check is always possible, however large.
            return running == 0
        if not is_slow or self._slow == 0:
            return True
        return self._slow < self._most_slow and self._slow_bytes + size <= self._most_slow_bytes

    def _start(self, key: Hashable, now: float, *, is_slow: bool) -> Run:
        self._queued.discard(key)
        order = self._orders.pop(key)
        run = Run(order, key, _size(order.request.url), now, is_slow=is_slow)
        self._running[key] = run
        self._bytes += run.size
        if is_slow:
            self._count_as_slow(run)
        return run

    def _count_as_slow(self, run: Run) -> None:
        run.is_slow = True
        self._slow += 1
        self._slow_bytes += run.size


def _size(url: str) -> int:
    return TLS_BYTES if url[:6].lower() == "https:" else CONNECTION_BYTES
