"""Makes thousands of checks at once in one thread, with libcurl's multi interface and epoll.

https://curl.se/libcurl/c/libcurl-multi.html ("multi_socket") is the pattern: libcurl says which
descriptors and which timer it waits for, and is told when one of them is ready.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

import certifi
import pycurl

from monitoring.probe.admission import Admission, NotBegun, OnExchange, Order, Run
from monitoring.probe.bodies import BodyRoom
from monitoring.probe.classify import internal_exchange, reason
from monitoring.probe.descriptors import checks_at_once
from monitoring.probe.guard import AddressGuard
from monitoring.probe.names import Lookup, Resolver
from monitoring.probe.polling import EPOLL_MASKS, select_bits
from monitoring.probe.transfer import Transfer
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest

logger = logging.getLogger(__name__)

# Checks begun between two looks at the network, so that a large batch delays nobody's answer.
ADMITTED_AT_ONCE = 32
# Idle handles kept for the next checks; each is a few kilobytes.
IDLE_KEPT = 1000
EVENTS_AT_ONCE = 256
# After libcurl itself failed, so that a lasting fault does not become a busy loop.
REBUILD_PAUSE = 0.2
# For the thread's last callbacks after the time given to `stop` is over.
STOP_GRACE = 1.0
# Seconds between two looks at lookups whose check is out of time.
LOOKUPS_INTERVAL = 0.1


class Engine:
    """A thread that makes checks, as many at once as there is room for. Every order gets exactly one callback."""

    def __init__(self, guard: AddressGuard, *, user_agent: str, ca_file: str = certifi.where()) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._ordered: deque[Order] = deque()
        self._admission = Admission(checks_at_once())
        self._bodies = BodyRoom()
        self._running: dict[pycurl.Curl, Transfer] = {}
        self._idle: list[Transfer] = []
        # Checks whose name is being looked up, and lookups that are done.
        self._lookups: dict[Lookup, Transfer] = {}
        self._looked_up: deque[Lookup] = deque()
        self._resolver = Resolver(self._on_lookup)
        self._next_look = 0.0
        self._timer_at: float | None = None
        self._next_sweep = 0.0
        self._stop_at: float | None = None
        self._closed = False
        self._delivered = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe-engine", daemon=True)

    def start(self) -> None:
        """Start the thread; once only."""
        self._wake_up = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._begin_afresh()
        self._thread.start()

    def submit(self, requests: Sequence[ProbeRequest], on_exchange: OnExchange) -> None:
        """Order checks of nobody in particular, whenever there is room; otherwise as `order`.

        Those that the end of the engine keeps from being made end as `internal`.
        """

        def missed(number: int, why: NotBegun) -> None:
            on_exchange(number, internal_exchange(requests[number], time.time(), why))

        self.order(Order(request, number, on_exchange, missed) for number, request in enumerate(requests))

    def order(self, orders: Iterable[Order]) -> None:
        """Hand over checks to make; any thread may, and never waits.

        Callbacks come in the engine's thread, in the order in which the checks end; they must be quick. Whoever gets
        an exchange with a body says `give_back` once it is read. Raises `RuntimeError` after `stop`.
        """
        with self._lock:
            if self._closed or not self._thread.is_alive():
                raise RuntimeError("The engine is not running.")
            self._ordered.extend(orders)
            os.eventfd_write(self._wake_up, 1)

    def give_back(self, size: int, *, is_slow: bool) -> None:
        """Say that so many bytes of bodies have been read, so that others may come; any thread may.

        `is_slow` is that of their exchanges.
        """
        self._bodies.give_back(size, is_slow=is_slow)
        with self._lock:
            if self._bodies.has_paused and not self._closed:
                os.eventfd_write(self._wake_up, 1)

    @property
    def in_flight(self) -> int:
        """How many checks were ordered and have not ended."""
        return len(self._ordered) + self._admission.waiting + len(self._running)

    def stop(self, timeout: float) -> None:
        """Take no more checks, let the running ones end for `timeout` seconds, then give up the rest as `internal`."""
        with self._lock:
            if not self._closed and self._thread.is_alive():
                self._stop_at = time.monotonic() + timeout
                self._closed = True
                os.eventfd_write(self._wake_up, 1)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            # Not for the end of the thread: libcurl may still wait for the system's name lookups.
            self._delivered.wait(timeout + STOP_GRACE)

    # --- The thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_over():
                try:
                    self._turn()
                except Exception:
                    # A fault here must not end all checks for ever: give up those running, begin afresh.
                    logger.exception("The probe engine failed and starts afresh.")
                    self._rebuild()
        finally:
            with self._lock:
                self._closed = True
            self._give_up_running("the engine stopped before the check had ended")
            self._take_orders()
            self._admission.give_up()
            self._delivered.set()
            self._close()

    def _is_over(self) -> bool:
        if self._stop_at is None:
            return False
        return not self.in_flight or time.monotonic() >= self._stop_at

    def _turn(self) -> None:
        if self._ordered or self._admission.waiting:
            self._admit()
        for descriptor, events in self._epoll.poll(self._patience(), EVENTS_AT_ONCE):
            if descriptor == self._wake_up:
                os.eventfd_read(self._wake_up)
            else:
                self._multi.socket_action(descriptor, select_bits(events))
        if self._timer_at is not None and self._timer_at <= time.monotonic():
            self._timer_at = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        if self._lookups or self._looked_up:
            self._end_lookups()
        self._reap()
        if self._bodies.has_paused:
            self._resume()

    def _patience(self) -> float:
        """Seconds to wait for events; negative is for ever."""
        is_waiting = self._admission.waiting > 0
        if self._ordered or (is_waiting and self._admission.may_begin):
            return 0.0
        next_look = self._next_look if self._lookups else None
        next_sweep = self._next_sweep if is_waiting else None
        ends = [moment for moment in (self._timer_at, self._stop_at, next_look, next_sweep) if moment is not None]
        return max(0.0, min(ends) - time.monotonic()) if ends else -1.0

    def _admit(self) -> None:
        self._take_orders()
        for run in self._admission.begin(ADMITTED_AT_ONCE):
            self._begin(run)
        self._next_sweep = self._admission.sweep()

    def _take_orders(self) -> None:
        while self._ordered:
            self._admission.add(self._ordered.popleft())

    def _begin(self, run: Run) -> None:
        try:
            transfer = self._idle.pop() if self._idle else self._new_transfer()
            transfer.begin(run)
            self._start(transfer)
        except Exception as error:
            if not isinstance(error, (pycurl.error, ValueError, TypeError, OverflowError)):
                logger.exception("A check could not be begun.")
            self._end_run(run, internal_exchange(run.order.request, time.time(), reason(error)))
        else:
            self._running[transfer.curl] = transfer

    def _new_transfer(self) -> Transfer:
        return Transfer(self._guard, self._bodies, self._user_agent, self._ca_file)

    def _start(self, transfer: Transfer) -> None:
        """Begin a hop, with a lookup where its URL has a name."""
        if transfer.host is None:
            self._multi.add_handle(transfer.curl)
        else:
            self._lookups[self._resolver.ask(transfer.host, is_slow=transfer.run.is_slow)] = transfer

    def _end_lookups(self) -> None:
        """Go on with the checks whose names were looked up, and end those that are out of time."""
        while self._looked_up:
            lookup = self._looked_up.popleft()
            transfer = self._lookups.pop(lookup, None)
            if transfer is not None:
                self._dial(transfer, lookup)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOKUPS_INTERVAL
            self._resolver.grow()
            for lookup in [lookup for lookup, transfer in self._lookups.items() if transfer.deadline <= now]:
                lookup.is_wanted = False
                transfer = self._lookups.pop(lookup)
                self._finish(transfer, transfer.unresolved(lookup))

    def _dial(self, transfer: Transfer, lookup: Lookup) -> None:
        if lookup.error or not transfer.usable(lookup):
            self._finish(transfer, transfer.unresolved(lookup))
            return
        try:
            transfer.dial(lookup)
            self._multi.add_handle(transfer.curl)
        except (pycurl.error, ValueError, TypeError) as error:
            self._finish(transfer, internal_exchange(transfer.request, transfer.started_at, reason(error)))

    def _reap(self) -> None:
        _, succeeded, failed = self._multi.info_read()
        for curl in succeeded:
            self._end(curl, pycurl.E_OK, "")
        for curl, code, message in failed:
            self._end(curl, code, message)

    def _end(self, curl: pycurl.Curl, code: int, message: str) -> None:
        self._multi.remove_handle(curl)
        transfer = self._running[curl]
        try:
            if transfer.goes_on(code, message):
                self._admission.resize(transfer.run, transfer.url)
                self._start(transfer)
                return
            exchange = transfer.exchange(code, message)
        except Exception as error:
            logger.exception("The outcome of a check could not be read.")
            exchange = internal_exchange(transfer.request, transfer.started_at, reason(error))
        self._finish(transfer, exchange)

    def _finish(self, transfer: Transfer, exchange: Exchange) -> None:
        """Hand over what a check showed and keep its handle for another."""
        del self._running[transfer.curl]
        run = transfer.run
        try:
            transfer.release()
            if len(self._idle) < IDLE_KEPT:
                self._idle.append(transfer)
            else:
                transfer.curl.close()
        except pycurl.error:
            # The handle is of no use any more; what it showed is.
            logger.exception("A handle could not be made ready for another check.")
        self._end_run(run, exchange)

    def _end_run(self, run: Run, exchange: Exchange) -> None:
        self._admission.end(run, is_well=exchange.error is not ErrorKind.INTERNAL)
        run.order.end(exchange)

    def _resume(self) -> None:
        """Go on with bodies that there is room for now."""
        for body in self._bodies.resume():
            try:
                body.go_on()
            except pycurl.error:
                # Its transfer has just failed, and is reaped for that.
                logger.debug("a body did not go on", exc_info=True)

    def _give_up_running(self, reason: str) -> None:
        for lookup in self._lookups:
            lookup.is_wanted = False
        self._lookups.clear()
        while self._running:
            curl, transfer = self._running.popitem()
            run, started_at = transfer.run, transfer.started_at
            with contextlib.suppress(pycurl.error):
                self._multi.remove_handle(curl)
            transfer.drop_body()
            self._end_run(run, internal_exchange(run.order.request, started_at, reason))
        # Those that the fault struck between the one and the other.
        for run in self._admission.running:
            self._end_run(run, internal_exchange(run.order.request, time.time(), reason))

    def _rebuild(self) -> None:
        self._give_up_running("the engine failed")
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, None)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, None)
        # In a thread of its own, since closing waits for name lookups that are under way.
        threading.Thread(target=self._multi.close, daemon=True).start()
        self._epoll.close()
        self._idle.clear()
        self._begin_afresh()
        time.sleep(REBUILD_PAUSE)

    def _close(self) -> None:
        self._resolver.close()
        self._idle.clear()
        self._multi.close()
        self._epoll.close()
        os.close(self._wake_up)

    def _on_lookup(self, lookup: Lookup) -> None:
        """Called in the resolver's threads."""
        self._looked_up.append(lookup)
        if len(self._looked_up) == 1:
            os.eventfd_write(self._wake_up, 1)

    # --- libcurl's wishes -----------------------------------------------------------------

    def _begin_afresh(self) -> None:
        self._timer_at = None
        self._watched: set[int] = set()
        self._epoll = select.epoll()
        self._epoll.register(self._wake_up, select.EPOLLIN)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        # Nobody shares a connection, so nobody shall wait for one.
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)

    def _on_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._watched.discard(descriptor)
            # A descriptor that is closed already has left by itself.
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)
        elif descriptor in self._watched:
            self._epoll.modify(descriptor, EPOLL_MASKS[what])
        else:
            self._epoll.register(descriptor, EPOLL_MASKS[what])
            self._watched.add(descriptor)

    def _on_timer(self, milliseconds: int) -> None:
        self._timer_at = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
