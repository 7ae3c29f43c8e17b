"""Celery beat's scheduler: websites from a plan of their own, every other periodic task as stock.

django-celery-beat's `DatabaseScheduler` sends one message a row and reads everything again at every
edit, which ends at a few thousand websites. Here, what is due of the websites goes out in few messages,
and an edit costs one query.

How a pass goes:
1. At most once a second: hold the leader lock, read the change marker, write a heartbeat.
2. Where the marker moved: read the plan again and take over the difference.
3. Run what is due of the other periodic tasks (stock).
4. Send what is due of the websites, at most 100 a message.

The scheduler's own thread only reads; all writes are done by a second thread, so that a lock somebody
else holds on a row never delays a check.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from django.db import Error, close_old_connections, connection, connections
from django.db.models import F
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler
from kombu.exceptions import OperationalError

from monitoring import heartbeats, schedule
from monitoring.leadership import Leadership
from monitoring.models import Heartbeat
from monitoring.plan import SOON_AT_START, Plan, Slot

logger = logging.getLogger(__name__)

BATCH_SIZE = 100
# Seconds: what falls due within one tick shares its messages.
TICK = 0.2
POLL_INTERVAL = 1.0
# The plan is read again now and then even where the marker did not move, like stock does.
REREAD_INTERVAL = 300.0
RUNS_INTERVAL = 300.0
# The wall clock was set where it moves against the monotonic clock by more than this.
CLOCK_JUMP = 1.0


class WebsiteScheduler(DatabaseScheduler):  # type: ignore[misc]
    """See the module's text. One instance lives in the beat process, or in the worker's beat thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.plan = Plan()
        self._leadership = Leadership()
        self._leading = False
        self._others_changed = True
        self._marker: Any = None
        self._next_poll = 0.0
        self._plan_read_at: float | None = None
        self._next_heartbeat = 0.0
        self._runs: Counter[int] = Counter()
        self._next_runs_write = time.monotonic() + RUNS_INTERVAL
        self._clock_offset = time.time() - time.monotonic()
        self._missed_told = 0
        self._is_closed = False
        # Websites whose due-now mark was taken off and that may be dispatched now.
        self._unmarked: SimpleQueue[list[int]] = SimpleQueue()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="beat-writer")
        super().__init__(*args, **kwargs)
        broker = self.app.connection_for_write()
        self._broker_errors: tuple[type[Exception], ...] = (OperationalError, *broker.connection_errors)

    # --- Celery's interface -------------------------------------------------------------

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One pass; returns the seconds to sleep before the next."""
        if self._is_closed:
            return POLL_INTERVAL
        self._poll()
        if not self._leading:
            return POLL_INTERVAL
        stock_delay = self._tick_others()
        self._follow_clock()
        self._dispatch(self._take_due())
        return max(0.0, min(stock_delay, self._delay()))

    def enabled_models_qs(self) -> Any:
        """Every enabled periodic task that no website owns."""
        return super().enabled_models_qs().exclude(name__startswith=schedule.NAME_PREFIX, task=schedule.TASK)

    def schedule_changed(self) -> bool:
        """Whether the other periodic tasks are to be read again; stock asks the database at every tick."""
        changed, self._others_changed = self._others_changed, False
        return changed

    def _ensure_connected(self) -> Any:
        """One attempt only: stock waits here until the broker is back, and beat must go on meanwhile."""
        return self.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)

    def all_as_schedule(self) -> dict[str, Any]:
        try:
            return dict(super().all_as_schedule())
        except Error:
            logger.exception("beat keeps the periodic tasks it has, the database cannot be read")
            self._others_changed = True
            connection.close()
            return dict(self._schedule or {})

    def close(self) -> None:
        """Write what is still unwritten and let another beat lead. Celery calls this twice where a signal ends it."""
        if self._is_closed:
            return
        self._is_closed = True
        super().close()
        self._write_runs()
        self._writer.submit(connections.close_all)
        self._writer.shutdown(wait=True)
        self._leadership.release()

    # --- 1. and 2.: the database ----------------------------------------------------------

    def _poll(self) -> None:
        now = time.monotonic()
        if now < self._next_poll:
            return
        self._next_poll = now + POLL_INTERVAL
        led, self._leading = self._leading, self._leadership.hold()
        if led != self._leading:
            logger.info("beat leads" if self._leading else "beat stands by, another one leads")
            self.plan, self._missed_told, self._plan_read_at = Plan(), 0, None
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + heartbeats.INTERVAL
            self._write(lambda: heartbeats.write(Heartbeat.Component.BEAT))
        if not self._leading:
            return
        if now >= self._next_runs_write:
            self._next_runs_write = now + RUNS_INTERVAL
            self._write_runs()
        self._read_changes(now)

    def _read_changes(self, now: float) -> None:
        try:
            close_old_connections()
            marker = PeriodicTasks.last_change()
            stale = self._plan_read_at is None or now - self._plan_read_at >= REREAD_INTERVAL
            if marker != self._marker or stale:
                self._read_plan(at_start=self._plan_read_at is None)
                self._marker, self._plan_read_at, self._others_changed = marker, now, True
        except Error:
            logger.exception("beat keeps the plan it has, the database cannot be read")
            connection.close()

    def _read_plan(self, *, at_start: bool) -> None:
        rows: list[tuple[int, int, int]] = []
        marked: list[int] = []
        owned = schedule.owned_tasks().filter(enabled=True, interval__period="seconds")
        for task_id, name, every, last_run_at in owned.values_list("pk", "name", "interval__every", "last_run_at"):
            website_id = schedule.website_id_of(name)
            if website_id is None:
                continue
            rows.append((website_id, task_id, every))
            if last_run_at is None:
                marked.append(task_id)
        self.plan.update(rows, _now_ms())
        if marked:
            # At a start, a great number of new websites is spread over their slots instead.
            wanted = not at_start or len(marked) <= SOON_AT_START
            self._write(lambda: self._unmark(marked, ask=wanted))
        logger.debug("plan read", extra={"websites": len(rows), "due_now": len(marked)})

    # --- 3.: other periodic tasks ---------------------------------------------------------

    def _tick_others(self) -> float:
        try:
            return float(super().tick())
        except Error:
            logger.exception("beat tries its other periodic tasks again, the database failed")
            connection.close()
        except self._broker_errors:
            logger.exception("beat tries its other periodic tasks again, the broker cannot be reached")
        self._others_changed = True
        return POLL_INTERVAL

    # --- 4.: websites ---------------------------------------------------------------------

    def _follow_clock(self) -> None:
        offset = time.time() - time.monotonic()
        if abs(offset - self._clock_offset) > CLOCK_JUMP:
            logger.warning("the clock was set", extra={"seconds": round(offset - self._clock_offset, 1)})
            self.plan.rebuild(_now_ms())
        self._clock_offset = offset

    def _take_due(self) -> list[Slot]:
        while not self._unmarked.empty():
            self.plan.ask_soon(self._unmarked.get())
        due = self.plan.take_due(_now_ms())
        if self.plan.missed > self._missed_told:
            logger.warning("slots missed", extra={"slots": self.plan.missed - self._missed_told})
            self._missed_told = self.plan.missed
        return due

    def _dispatch(self, due: list[Slot]) -> None:
        entries = self.plan.entries
        for start in range(0, len(due), BATCH_SIZE):
            batch = due[start : start + BATCH_SIZE]
            expires = max(entries[website_id].interval for website_id, _ in batch) / 1000
            if not self._send(batch, expires):
                self.plan.missed += len(due) - start
                return
            self._runs.update(entries[website_id].task_id for website_id, _ in batch)

    def _send(self, batch: list[Slot], expires: float) -> bool:
        task = self.app.tasks["monitoring.tasks.check_batch"]
        try:
            task.apply_async((batch,), expires=expires, producer=self.producer, retry=False)
        except self._broker_errors:
            logger.exception("beat cannot reach the broker, slots are missed", extra={"slots": len(batch)})
            return False
        return True

    def _delay(self) -> float:
        """Sleep until something is due, but a tick at least, so that neighbours share a message."""
        next_due = self.plan.next_due()
        if self.plan.has_soon:
            return TICK
        wait = POLL_INTERVAL if next_due is None else next_due / 1000 - time.time()
        return min(max(wait, TICK), POLL_INTERVAL)

    # --- writes, in the second thread -----------------------------------------------------

    def _write(self, job: Callable[[], None]) -> None:
        def run() -> None:
            try:
                close_old_connections()
                job()
            except Error:
                logger.exception("beat could not write to the database")
                connection.close()
                # Marks that were not taken off are found again by another look at the plan.
                self._marker = None

        self._writer.submit(run)

    def _unmark(self, task_ids: list[int], *, ask: bool) -> None:
        """Take the due-now marks off, then let the websites be dispatched.

        In this order a mark set while the check is under way asks for another check, and is never lost.
        """
        for chunk in schedule.chunks(task_ids):
            marked = PeriodicTask.objects.filter(pk__in=chunk, last_run_at=None)
            website_ids = [schedule.website_id_of(name) for name in marked.values_list("name", flat=True)]
            marked.update(last_run_at=timezone.now())
            if ask:
                self._unmarked.put([website_id for website_id in website_ids if website_id is not None])

    def _write_runs(self) -> None:
        """Write `last_run_at` and `total_run_count` of what was dispatched since the last time."""
        runs, self._runs = self._runs, Counter()
        now = timezone.now()

        def write() -> None:
            by_count: dict[int, list[int]] = {}
            for task_id, count in runs.items():
                by_count.setdefault(count, []).append(task_id)
            for count, task_ids in by_count.items():
                for chunk in schedule.chunks(task_ids):
                    # A NULL is a due-now mark and stays.
                    PeriodicTask.objects.filter(pk__in=chunk, last_run_at__isnull=False).update(
                        last_run_at=now, total_run_count=F("total_run_count") + count
                    )

        self._write(write)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
