"""A worker's path from due slots to stored rows.

1. A task hands over `[website_id, slot]` pairs (`Runner.submit`): slots that expired on the way are dropped, the
   rest goes to the engine thread. The task ends there and never waits.
2. The engine makes as many checks at once as there is room for (`monitoring.probe.admission`), and calls back with each
   finished exchange, or with why a check was not begun in time; exchanges go into an `Inbox`.
3. The recorder thread reads bodies, runs patterns, and writes what is finished in bulk, a few times a second.
   One thread and one connection write for the whole process, whatever the number of tasks.
4. What failed for the first time is checked once more by this process, between the slots (`monitoring.rechecks`).
"""

import functools
import logging
import os
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
from monitoring.connectivity import Connectivity
from monitoring.findings import Check
from monitoring.inbox import Inbox
from monitoring.overload import Misses, Reason
from monitoring.plan import Slot, Version
from monitoring.probe import bodies
from monitoring.probe.admission import NotBegun, Order
from monitoring.probe.classify import internal_exchange
from monitoring.probe.engine import Engine
from monitoring.probe.names import TOO_MANY_NAMES
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest
from monitoring.probe.words import of_our_own
from monitoring.rechecks import Rechecks
from monitoring.references import References
from monitoring.watchlist import Watched, Watchlist, guard, user_agent

logger = logging.getLogger(__name__)

# What the engine says of a check that was not begun, as it is counted.
NOT_BEGUN = {
    NotBegun.NO_ROOM: Reason.NO_ROOM,
    NotBegun.UNDER_WAY: Reason.UNDER_WAY,
    NotBegun.STOPPED: Reason.STOPPING,
}
# And of one that was begun and could not be ended: it is unknown, and counts as missed all the same.
WITHOUT_ROOM = {
    of_our_own(bodies.NO_ROOM): Reason.NO_ROOM_FOR_BODIES,
    of_our_own(TOO_MANY_NAMES): Reason.NO_ROOM,
}


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
        self._inbox = Inbox(self._engine.give_back, lambda pk: self.misses.add(Reason.NOT_STORED, [pk]))
        self._rechecks = Rechecks(self.submit)
        self._recorder = threading.Thread(target=self._record, name="recorder", daemon=True)
        # Slots that this process took and that never became rows; the recorder counts its own.
        self.misses = Misses()

    def start(self) -> None:
        self._engine.start()
        self._recorder.start()
        self._rechecks.start()

    def submit(self, slots: Sequence[Slot], version: Version | None = None) -> None:
        """Have these websites checked as soon as there is room for it; returns when the engine has them.

        Without a `version`, they are read anew.
        """
        try:
            close_old_connections()
            websites = self._watchlist.get([website_id for website_id, _ in slots], version)
        except Error as error:
            self.pass_over([website_id for website_id, _ in slots], Reason.NO_DATABASE, error)
            return
        due, expired = _due(slots, websites, time.time_ns() // 1_000_000)
        if expired:
            self.pass_over(expired, Reason.EXPIRED)
        self._begin(due)

    def _begin(self, due: Sequence[Due]) -> None:
        """Hand checks to the engine; what cannot be asked for is finished at once."""
        checked = [one for one in due if not one.watched.problem]
        for website_id, slot, watched in due:
            if watched.problem:
                exchange = internal_exchange(watched.request, time.time(), watched.problem)
                self._inbox.put(Check(website_id, slot, watched.rules, exchange))

        def finished(number: int, exchange: Exchange) -> None:
            website_id, slot, watched = checked[number]
            if exchange.error is ErrorKind.TLS or (exchange.request.wants_certificate and not exchange.http_status):
                self._refresh.look_soon(website_id, exchange.request.url)
            if exchange.error is ErrorKind.INTERNAL and exchange.error_detail in WITHOUT_ROOM:
                self.misses.add(WITHOUT_ROOM[exchange.error_detail], [website_id])
            self._inbox.put(Check(website_id, slot, watched.rules, exchange))

        def not_begun(number: int, why: NotBegun) -> None:
            # A check beside the slots is no loss: the next slot brings another.
            if checked[number].slot is not None:
                self.misses.add(NOT_BEGUN[why], [checked[number].website_id])

        offset = time.monotonic() - time.time()
        orders = [
            Order(
                self._request(one),
                number,
                finished,
                not_begun,
                one.website_id,
                begin_by=_begin_by(one, offset),
                yields=one.slot is None,
            )
            for number, one in enumerate(checked)
        ]
        try:
            self._engine.order(orders)
        except RuntimeError:
            self.pass_over([one.website_id for one in checked], Reason.NO_ENGINE)
            if not stopping.is_asked():
                # Without an engine there are no checks: whoever started this process must notice.
                os.kill(os.getpid(), signal.SIGTERM)

    def _request(self, due: Due) -> ProbeRequest:
        request = due.watched.request
        is_due = self._refresh.is_due(due.website_id, request.url)
        return replace(request, wants_certificate=True) if is_due else request

    def pass_over(self, website_ids: Sequence[int], reason: Reason, error: Exception | None = None) -> None:
        """Count a slot of each of these websites that is not checked."""
        self.misses.add(reason, website_ids)
        why = f"{reason}: {str(error).strip()}" if error else str(reason)
        logger.warning("slots missed", extra={"slots": len(website_ids), "reason": why})

    def stop(self, timeout: float) -> None:
        """Let the checks under way end, at most for `timeout` seconds, and write what they showed."""
        deadline = time.monotonic() + timeout
        self._rechecks.stop()
        self._engine.stop(timeout * 0.7)
        self._inbox.close()
        self._recorder.join(max(0.0, deadline - time.monotonic()))
        if self._recorder.is_alive():
            logger.error("checks lost at shutdown, the database could not be written to in time")

    def _record(self) -> None:
        """The recorder thread: until None comes, take what is finished and write it."""
        connectivity = Connectivity(References(settings.REFERENCE_ADDRESSES))
        desk = recorder.Recorder(connectivity, self.misses, self._rechecks.ask)
        while not self._inbox.is_over:
            findings = self._inbox.take()
            try:
                desk.write(findings)
            except Exception:
                # This thread must outlive any fault in what it is given; the checks in hand are lost.
                logger.exception("checks lost by a fault of the recorder", extra={"checks": desk.give_up()})
        desk.finish()
        connections.close_all()


def _begin_by(due: Due, offset: float) -> float:
    """When a check is too late to begin, by the monotonic clock, which is ahead of Unix time by the offset (s)."""
    if due.slot is None:
        return time.monotonic() + due.watched.interval / 1000
    return (due.slot + due.watched.interval) / 1000 + offset


def _due(slots: Sequence[Slot], websites: Mapping[int, Watched], now: int) -> tuple[list[Due], list[int]]:
    """Those of the slots whose website is there and that are not older than its interval; and whose are."""
    due: list[Due] = []
    expired: list[int] = []
    for website_id, slot in slots:
        watched = websites.get(website_id)
        if watched is None:
            continue
        if slot is not None and now - slot > watched.interval:
            expired.append(website_id)
        else:
            due.append(Due(website_id, slot, watched))
    return due, expired


@functools.cache
def current() -> Runner:
    """This process's runner, started when first asked for."""
    runner = Runner()
    runner.start()
    return runner
