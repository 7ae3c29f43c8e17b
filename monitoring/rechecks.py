"""Checks between the slots, to confirm what a failure says, or to tell whose fault it is.

This process asks for them and makes them. They are lost with it, which costs a confirmation some seconds: the next slot
brings it as well.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable, Sequence

from django.db import connections

from monitoring.incidents import Recheck
from monitoring.plan import Slot

logger = logging.getLogger(__name__)

# As many as beat sends at once.
BATCH_SIZE = 100
# Seconds that what is being submitted gets at a stop.
STOP_TIMEOUT = 1.0


class Rechecks:
    """Submits checks when they are due; one at a time waits for each website."""

    def __init__(self, submit: Callable[[Sequence[Slot]], None]) -> None:
        self._submit = submit
        self._wake = threading.Condition()
        self._due: list[tuple[float, int]] = []
        self._waiting: set[int] = set()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="rechecks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Submit nothing more; what waits is forgotten."""
        with self._wake:
            self._is_stopped = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT)

    def ask(self, rechecks: Sequence[Recheck]) -> None:
        """Have websites checked again; returns at once. Those that wait for that already are passed over."""
        now = time.monotonic()
        with self._wake:
            for website_id, delay in rechecks:
                if website_id not in self._waiting:
                    self._waiting.add(website_id)
                    heapq.heappush(self._due, (now + delay, website_id))
            self._wake.notify()

    def _run(self) -> None:
        while due := self._take_due():
            for start in range(0, len(due), BATCH_SIZE):
                self._submit_some(due[start : start + BATCH_SIZE])
        connections.close_all()

    def _submit_some(self, website_ids: Sequence[int]) -> None:
        try:
            self._submit([(website_id, None) for website_id in website_ids])
        except Exception:
            # The next slots bring what these would have; later ones are still to be asked for here.
            logger.exception("checks between the slots could not be asked for")

    def _take_due(self) -> list[int]:
        """Wait until at least one is due; none where it is stopped."""
        with self._wake:
            while not self._is_stopped and not (self._due and self._due[0][0] <= time.monotonic()):
                self._wake.wait(self._due[0][0] - time.monotonic() if self._due else None)
            if self._is_stopped:
                return []
            due: list[int] = []
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                due.append(heapq.heappop(self._due)[1])
            self._waiting.difference_update(due)
        return due
