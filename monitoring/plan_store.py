"""The plan's side of the database: reading it, and writing back what the scheduler did.

Beat's own thread only reads; all writes are done by a second thread, so that a lock somebody else holds on a
row never delays a check.
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from queue import SimpleQueue
from typing import Any

from django.db import Error, close_old_connections, connection, connections
from django.db.models import F
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from monitoring import patience, periodic_tasks, schedule
from monitoring.models import Heartbeat
from monitoring.overload import Misses
from monitoring.plan import SOON_AT_START, Plan, Row, Version
from monitoring.vitals import Vitals

logger = logging.getLogger(__name__)

# Seconds: the plan is read again now and then even where the marker did not move, like stock does.
REREAD_INTERVAL = 300.0
# So many new websites at once begin their slots now; more are spread over the interval.
BEGINNERS = 10


class PlanStore:
    """Used by beat's thread. Raises `django.db.Error` from `refresh` alone."""

    def __init__(self, misses: Misses) -> None:
        self._vitals = Vitals(Heartbeat.Component.BEAT, misses)
        # The change marker at the last look, forgotten where the plan must be read again.
        self._marker: Any = None
        self._beat = secrets.token_hex(8)
        self._readings = 0
        self._read_at: float | None = None
        self._begin_at: int | None = None
        self._runs: Counter[int] = Counter()
        # Websites whose due-now mark was taken off and that may be dispatched now, with the anchor of new ones.
        self._unmarked: SimpleQueue[tuple[list[int], int | None]] = SimpleQueue()
        self._unmarking: Future[None] | None = None
        self._writer = ThreadPoolExecutor(1, "beat-writer", patience.set_for_thread, (patience.USUAL,))

    def refresh(self, plan: Plan) -> bool:
        """Read the plan where the change marker moved; returns whether it did."""
        close_old_connections()
        now = time.monotonic()
        marker = PeriodicTasks.last_change()
        is_stale = self._read_at is None or now - self._read_at >= REREAD_INTERVAL
        if marker == self._marker and not is_stale:
            return False
        self._read(plan, at_start=self._read_at is None)
        self._marker = marker
        self._read_at = now
        return True

    def version(self, changed: int) -> Version:
        """Of a message of whose websites the last change was shown by this reading."""
        return Version(self._beat, self._readings, changed)

    def forget(self, begin_at: int | None = None) -> None:
        """Read everything at the next `refresh`, as at a start.

        Slots then begin after `begin_at` (ms) instead of now.
        """
        self._read_at = None
        self._begin_at = begin_at

    def hand_over_unmarked(self, plan: Plan) -> None:
        """Ask the plan for the websites whose due-now marks were taken off since the last time."""
        while not self._unmarked.empty():
            website_ids, anchor = self._unmarked.get()
            if anchor is None:
                plan.ask_soon(website_ids)
            else:
                plan.begin(website_ids, anchor)

    @property
    def is_unmarking(self) -> bool:
        """Whether websites wait for their due-now mark to be taken off."""
        return self._unmarking is not None and not self._unmarking.done()

    def note_runs(self, task_ids: Iterable[int]) -> None:
        self._runs.update(task_ids)

    def write_heartbeat(self) -> None:
        self._write(self._vitals.say)

    def write_runs(self) -> None:
        """Write `last_run_at` and `total_run_count` of what ran since the last time."""
        runs, self._runs = self._runs, Counter()

        def write() -> None:
            try:
                _write_runs(runs)
            except Error:
                # They are counted at the next time; between, beat's thread only adds.
                self._runs.update(runs)
                raise

        self._write(write)

    def restore_own_tasks(self) -> None:
        """Put those of the monitor's own periodic tasks right that somebody switched off, changed or deleted."""

        def write() -> None:
            if restored := periodic_tasks.restore():
                logger.info("the monitor's own periodic tasks were made or put right", extra={"tasks": restored})

        self._write(write)

    def close(self) -> None:
        """Write what is still unwritten."""
        self.write_runs()
        self._writer.submit(connections.close_all)
        self._writer.shutdown(wait=True)

    def _read(self, plan: Plan, *, at_start: bool) -> None:
        rows: list[Row] = []
        marked: list[int] = []
        # Anything else was written past the checks; reconciling mends it.
        owned = schedule.owned_tasks().filter(enabled=True, interval__period="seconds", interval__every__gt=0)
        for task_id, name, every, start_time, changed_at, last_run_at in owned.values_list(
            "pk", "name", "interval__every", "start_time", "date_changed", "last_run_at"
        ):
            website_id = schedule.website_id_of(name)
            if website_id is None:
                continue
            anchor = None if start_time is None else _ms(start_time)
            rows.append(Row(website_id, task_id, every, anchor, changed_at))
            if last_run_at is None:
                marked.append(task_id)
        now = time.time_ns() // 1_000_000
        # Where a great number is new, what was not sent cannot be told from what was never due.
        begin_at = self._begin_at if at_start and len(marked) <= SOON_AT_START else None
        self._readings += 1
        plan.update(rows, now if begin_at is None else begin_at, self._readings)
        if marked:
            # At a start, a great number of new websites is spread over their slots instead.
            wanted = not at_start or len(marked) <= SOON_AT_START
            self._unmarking = self._write(lambda: self._unmark(marked, ask=wanted))

    def _unmark(self, task_ids: list[int], *, ask: bool) -> None:
        """Take the due-now marks off, then let the websites be dispatched.

        In this order a mark set while the check is under way asks for another check, and is never lost. Few new
        websites begin their slots with this first check, so that they come evenly from the first row on.
        """
        now = timezone.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        few = ask and len(task_ids) <= BEGINNERS
        for chunk in schedule.chunks(task_ids):
            marked = PeriodicTask.objects.filter(pk__in=chunk, last_run_at=None)
            found = list(marked.values_list("pk", "name", "start_time", "total_run_count"))
            new = {pk: name for pk, name, start_time, runs in found if few and start_time is None and not runs}
            marked.filter(pk__in=new).update(start_time=now, last_run_at=now)
            marked.update(last_run_at=now)
            if ask:
                self._unmarked.put((_website_ids(new.values()), _ms(now)))
                self._unmarked.put((_website_ids(name for pk, name, *_ in found if pk not in new), None))

    def _write(self, job: Callable[[], None]) -> Future[None]:
        def run() -> None:
            try:
                close_old_connections()
                job()
            except Error:
                # One line of what can pass, with its traceback of what cannot (`webmonitor.logs`).
                logger.exception("beat could not write to the database")
                connection.close()
                # Marks that were not taken off are found again by another look at the plan.
                self._marker = None
            except Exception:
                # Nobody looks at what becomes of the job: it must not vanish in silence.
                logger.exception("beat's writer failed")

        return self._writer.submit(run)


def _write_runs(runs: Counter[int]) -> None:
    now = timezone.now()
    by_count: dict[int, list[int]] = {}
    for task_id, count in runs.items():
        by_count.setdefault(count, []).append(task_id)
    for count, task_ids in by_count.items():
        for chunk in schedule.chunks(task_ids):
            # A NULL is a due-now mark and stays.
            PeriodicTask.objects.filter(pk__in=chunk, last_run_at__isnull=False).update(
                last_run_at=now, total_run_count=F("total_run_count") + count
            )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _website_ids(names: Iterable[str]) -> list[int]:
    return [website_id for name in names if (website_id := schedule.website_id_of(name)) is not None]
