"""A worker's path from due slots to stored rows.

1. A task hands over `[website_id, slot]` pairs (`Runner.submit`): slots that expired on the way are dropped, the
   rest goes to the engine thread. The task ends there; it waits only where too many checks are under way already.
2. The engine calls back with each finished exchange; it goes into a queue.
3. The recorder thread reads bodies, runs patterns, and writes what is finished in bulk, a few times a second.
   One thread and one connection write for the whole process, whatever the number of tasks.
"""

import functools
import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings
from django.db import Error, close_old_connections, connections

from monitoring import recorder
from monitoring.certificates import Refresh
from monitoring.connectivity import Connectivity, References
from monitoring.plan import Slot
from monitoring.probe.classify import internal_exchange
from monitoring.probe.engine import Engine
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest
from monitoring.states import Rules
from monitoring.watchlist import Watched, Watchlist, guard, user_agent

logger = logging.getLogger(__name__)

# Checks under way at once in one process; beyond, tasks wait and the queue in the broker fills.
IN_FLIGHT_CAP = 4_000


class Runner:
    """One a worker process. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._engine = Engine(guard(), user_agent=user_agent())
        self._watchlist = Watchlist()
        self._refresh = Refresh()
        self._finished: queue.SimpleQueue[recorder.Check | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._under_way = 0
        self._recorder = threading.Thread(target=self._record, name="recorder", daemon=True)
        # Slots that this process took and that never became rows; the recorder counts its own.
        self.missed = 0

    def start(self) -> None:
        self._engine.start()
        self._recorder.start()

    def submit(self, slots: Sequence[Slot], version: str | None = None) -> None:
        """Have these websites checked; returns when the engine has them. Waits while it has too many.

        `version` is the plan's change marker, see `monitoring.watchlist`.
        """
        close_old_connections()
        try:
            websites = self._watchlist.get([website_id for website_id, _ in slots], version)
        except Error as error:
            self.pass_over(len(slots), f"the database cannot be read: {str(error).strip()}")
            return
        now = time.time_ns() // 1_000_000
        due: list[tuple[int, int, Rules]] = []
        requests: list[ProbeRequest] = []
        expired = 0
        for website_id, slot in slots:
            watched = websites.get(website_id)
            if watched is None:
                continue
            if now - slot > watched.interval:
                expired += 1
                continue
            if watched.problem:
                self._tell_problem(website_id, slot, watched)
                continue
            due.append((website_id, slot, watched.rules))
            request = watched.request
            if self._refresh.is_due(website_id, request.url):
                request = replace(request, wants_certificate=True)
            requests.append(request)
        if expired:
            self.pass_over(expired, "they expired before they were checked")
        self._wait_for_room(len(due))

        def finished(index: int, exchange: Exchange) -> None:
            website_id, slot, rules = due[index]
            if exchange.error is ErrorKind.TLS or (exchange.request.wants_certificate and not exchange.http_status):
                self._refresh.look_soon(website_id, exchange.request.url)
            self._finished.put(recorder.Check(website_id, slot, rules, exchange))

        self._engine.submit(requests, finished)

    def _tell_problem(self, website_id: int, slot: int, watched: Watched) -> None:
        """Have it recorded that a check cannot be made."""
        exchange = internal_exchange(watched.request, time.time(), watched.problem)
        with self._room:
            self._under_way += 1
        self._finished.put(recorder.Check(website_id, slot, watched.rules, exchange))

    def pass_over(self, slots: int, reason: str) -> None:
        """Count slots that are not checked."""
        with self._room:
            self.missed += slots
        logger.warning("slots missed", extra={"slots": slots, "reason": reason})

    def stop(self, timeout: float) -> None:
        """Let the checks under way end, at most for `timeout` seconds, and write what they showed."""
        deadline = time.monotonic() + timeout
        self._engine.stop(timeout * 0.7)
        self._finished.put(None)
        self._recorder.join(max(0.0, deadline - time.monotonic()))
        if self._recorder.is_alive():
            logger.error("checks lost at shutdown, the database could not be written to in time")

    def _wait_for_room(self, wanted: int) -> None:
        with self._room:
            self._room.wait_for(lambda: self._under_way == 0 or self._under_way + wanted <= IN_FLIGHT_CAP)
            self._under_way += wanted

    def _record(self) -> None:
        """The recorder thread: until None comes, take what is finished and write it."""
        connectivity = Connectivity(References(settings.REFERENCE_ADDRESSES))
        desk = recorder.Recorder(connectivity, lambda: self.missed)
        open_ended = True
        while open_ended:
            checks, open_ended = recorder.collect(self._finished)
            try:
                desk.write(checks)
            except Exception:
                # This thread must outlive any fault in what it is given; the checks in hand are lost.
                logger.exception("checks lost by a fault of the recorder", extra={"checks": len(checks)})
                desk.lost += len(checks)
            with self._room:
                self._under_way -= len(checks)
                self._room.notify_all()
        connections.close_all()


@functools.cache
def current() -> Runner:
    """This process's runner, started when first asked for."""
    runner = Runner()
    runner.start()
    return runner
