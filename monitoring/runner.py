"""A worker's path from due slots to stored rows.

1. A task hands over `[website_id, slot]` pairs (`Runner.submit`): slots that expired on the way are dropped, the
   rest goes to the engine thread. The task ends there; it waits only where too many checks are under way already.
2. The engine calls back with each finished exchange; it goes into a queue.
3. The recorder thread reads bodies, runs patterns, and writes what is finished in bulk, a few times a second.
   One thread and one connection write for the whole process, whatever the number of tasks.
4. What failed for the first time is checked once more by this process, between the slots (`monitoring.rechecks`).
"""

import functools
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from django.conf import settings
from django.db import Error, close_old_connections, connections

from monitoring import recorder, stopping
from monitoring.certificates import Refresh
from monitoring.connectivity import Connectivity, References
from monitoring.findings import Check
from monitoring.plan import Slot, Version
from monitoring.probe.classify import internal_exchange
from monitoring.probe.engine import Engine
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest
from monitoring.rechecks import Rechecks
from monitoring.watchlist import Watched, Watchlist, guard, user_agent

logger = logging.getLogger(__name__)

# Checks under way at once in one process, and bytes of bodies that wait to be read; beyond, tasks wait and the
# queue in the broker fills.
IN_FLIGHT_CAP = 4_000
BODIES_CAP = 128 << 20
# How much a body counts in the mean that the size of those to come is guessed by.
BODY_WEIGHT = 1 / 64
# Seconds between two looks of a waiting task at whether the worker is told to stop.
STOP_POLL = 0.5


class Due(NamedTuple):
    """A check to make: whose, of which slot (ms of Unix time; None beside the slots), and how."""

    website_id: int
    slot: int | None
    watched: Watched


class Runner:
    """One a worker process. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._engine = Engine(guard(), user_agent=user_agent())
        self._watchlist = Watchlist()
        self._refresh = Refresh()
        self._finished: queue.SimpleQueue[Check | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._under_way = 0
        # Bytes: bodies that wait to be read, and what one has on average.
        self._held = 0
        self._mean_body = 0.0
        self._in_flight_cap = IN_FLIGHT_CAP
        self._rechecks = Rechecks(self.submit)
        self._recorder = threading.Thread(target=self._record, name="recorder", daemon=True)
        # Slots that this process took and that never became rows; the recorder counts its own.
        self.missed = 0

    def start(self) -> None:
        self._engine.start()
        self._in_flight_cap = min(IN_FLIGHT_CAP, self._engine.at_once)
        self._recorder.start()
        self._rechecks.start()

    def submit(self, slots: Sequence[Slot], version: Version | None = None) -> None:
        """Have these websites checked; returns when the engine has them. Waits while it has too many.

        Without a `version`, they are read anew.
        """
        if not self._take_room(len(slots)):
            self.pass_over(len(slots), "the worker was told to stop")
            return
        due: list[Due] = []
        expired = 0
        try:
            close_old_connections()
            websites = self._watchlist.get([website_id for website_id, _ in slots], version)
            # Only now, after any wait.
            due, expired = _due(slots, websites, time.time_ns() // 1_000_000)
        except Error as error:
            self.pass_over(len(slots), f"the database cannot be read: {str(error).strip()}")
        finally:
            self._give_room(len(slots) - len(due))
        if expired:
            self.pass_over(expired, "they expired before they were checked")
        self._begin(due)

    def _begin(self, due: Sequence[Due]) -> None:
        """Hand checks to the engine; what cannot be asked for is finished at once."""
        checked = [one for one in due if not one.watched.problem]
        for website_id, slot, watched in due:
            if watched.problem:
                exchange = internal_exchange(watched.request, time.time(), watched.problem)
                self._finished.put(Check(website_id, slot, watched.rules, exchange))

        def finished(index: int, exchange: Exchange) -> None:
            website_id, slot, watched = checked[index]
            if exchange.error is ErrorKind.TLS or (exchange.request.wants_certificate and not exchange.http_status):
                self._refresh.look_soon(website_id, exchange.request.url)
            size = len(exchange.body)
            self._mean_body += (size - self._mean_body) * BODY_WEIGHT
            if size:
                with self._room:
                    self._held += size
            self._finished.put(Check(website_id, slot, watched.rules, exchange))

        requests = [self._request(website_id, watched) for website_id, _, watched in checked]
        try:
            self._engine.submit(requests, finished)
        except RuntimeError:
            self.pass_over(len(requests), "the probe engine has ended")
            if not stopping.is_asked():
                # Without an engine there are no checks: whoever started this process must notice.
                os.kill(os.getpid(), signal.SIGTERM)

    def _request(self, website_id: int, watched: Watched) -> ProbeRequest:
        request = watched.request
        is_due = self._refresh.is_due(website_id, request.url)
        return replace(request, wants_certificate=True) if is_due else request

    def pass_over(self, slots: int, reason: str) -> None:
        """Count slots that are not checked."""
        with self._room:
            self.missed += slots
        logger.warning("slots missed", extra={"slots": slots, "reason": reason})

    def stop(self, timeout: float) -> None:
        """Let the checks under way end, at most for `timeout` seconds, and write what they showed."""
        deadline = time.monotonic() + timeout
        self._rechecks.stop()
        self._engine.stop(timeout * 0.7)
        self._finished.put(None)
        self._recorder.join(max(0.0, deadline - time.monotonic()))
        if self._recorder.is_alive():
            logger.error("checks lost at shutdown, the database could not be written to in time")

    def _take_room(self, wanted: int) -> bool:
        """Wait until so many checks more may be under way; False where the worker is told to stop before that."""
        with self._room:
            while not self._has_room(wanted):
                if stopping.is_asked():
                    return False
                self._room.wait(STOP_POLL)
            self._under_way += wanted
        return True

    def _has_room(self, wanted: int) -> bool:
        under_way = self._under_way + wanted
        expected = self._held + under_way * self._mean_body
        return self._under_way == 0 or (under_way <= self._in_flight_cap and expected <= BODIES_CAP)

    def _give_room(self, checks: int, held: int = 0) -> None:
        """Let so many checks be under way, and so many bytes of bodies be held, more than now."""
        with self._room:
            self._under_way -= checks
            self._held -= held
            self._room.notify_all()

    def _record(self) -> None:
        """The recorder thread: until None comes, take what is finished and write it."""
        connectivity = Connectivity(References(settings.REFERENCE_ADDRESSES))
        desk = recorder.Recorder(connectivity, lambda: self.missed, self._rechecks.ask)
        open_ended = True
        while open_ended:
            checks, open_ended = recorder.collect(self._finished)
            try:
                desk.write(checks)
            except Exception:
                # This thread must outlive any fault in what it is given; the checks in hand are lost.
                logger.exception("checks lost by a fault of the recorder", extra={"checks": desk.give_up()})
            self._give_room(len(checks), sum(len(check.exchange.body) for check in checks))
        connections.close_all()


def _due(slots: Sequence[Slot], websites: Mapping[int, Watched], now: int) -> tuple[list[Due], int]:
    """Those of the slots whose website is there and that are not older than its interval; and how many are."""
    due: list[Due] = []
    expired = 0
    for website_id, slot in slots:
        watched = websites.get(website_id)
        if watched is None:
            continue
        if slot is not None and now - slot > watched.interval:
            expired += 1
        else:
            due.append(Due(website_id, slot, watched))
    return due, expired


@functools.cache
def current() -> Runner:
    """This process's runner, started when first asked for."""
    runner = Runner()
    runner.start()
    return runner
