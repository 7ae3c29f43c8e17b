"""Celery beat's scheduler: websites from a plan of their own, every other periodic task as stock.

django-celery-beat's `DatabaseScheduler` sends one message a row and reads everything again at every
edit, which ends at a few thousand websites. Here, what is due of the websites goes out in few messages,
and an edit costs one query.

How a pass goes:
1. At most once a second: hold the leader lock, look at the change marker, and where it moved, read the plan
   again and take over the difference.
2. Run what is due of the other periodic tasks (stock).
3. Send what is due of the websites, at most 100 a message.

Whoever begins to lead goes on where the beat before it ended: Redis keeps up to when slots were sent.
"""

import logging
import threading
import time
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.backends.signals import connection_created

from monitoring import heartbeats, patience, poolers
from monitoring.leadership import Leadership
from monitoring.other_tasks import COMPLAINT_INTERVAL, OtherTasksScheduler
from monitoring.overload import Misses, Reason
from monitoring.plan import Plan, PlanEntry, Slot
from monitoring.plan_store import PlanStore

logger = logging.getLogger(__name__)

BATCH_SIZE = 250
# Seconds: what falls due within one tick shares its messages.
TICK = 0.25
# While a new website waits for its mark to be taken off.
SHORT_TICK = 0.02
POLL_INTERVAL = 1.0
RUNS_INTERVAL = 300.0
# A beat that begins to lead looks back at most so far (ms) for slots that nobody sent.
LOOK_BACK_MS = 3_600_000
# Messages in the queue, where no worker takes them: more would fill Redis, and workers that come back would first
# have to throw all of them away. It is what 10,000 websites every 5 seconds make in four minutes.
QUEUE_CAP = 2_000
# The same of everything but checks: it is sent every two seconds, and waits in vain for as long as nobody takes it.
UPKEEP_CAP = 500
# Seconds that PostgreSQL lets beat's own thread wait for a lock that somebody else holds.
LOCK_TIMEOUT = 1
SENT_KEY = "webmonitor:slots-sent-until"
# Seconds that Redis gets to answer beat, which has other things to do meanwhile.
BROKER_TIMEOUT = 2.0
# The wall clock was set where it moves against the monotonic clock by more than this.
CLOCK_JUMP = 1.0


class WebsiteScheduler(OtherTasksScheduler):
    """See the module's text. One instance lives in the beat process, or in the worker's beat thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._misses = Misses()
        self.plan = Plan(self._misses)
        self._store = PlanStore(self._misses)
        self._leadership = Leadership()
        self._is_leading: bool | None = None
        self._is_closed = False
        self._next_poll = self._next_heartbeat = 0.0
        self._next_runs_write = time.monotonic() + RUNS_INTERVAL
        self._clock_offset = time.time() - time.monotonic()
        self._missed_told = 0
        # Unix time in ms, as far as this process knows.
        self._sent_until_here: int | None = None
        self._thread = threading.get_ident()
        connection_created.connect(self._limit_lock_waits)
        connection.close()
        super().__init__(*args, **kwargs)

    # --- Celery's interface -------------------------------------------------------------

    @patience.at_most(patience.USUAL)
    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One pass; returns the seconds to sleep before the next."""
        if self._is_closed:
            return POLL_INTERVAL
        self._poll()
        if not self._is_leading:
            return POLL_INTERVAL
        stock_delay = self._tick_others()
        self._follow_clock()
        now = _now_ms()
        due = self._take_due(now)
        if due:
            self._dispatch(due, now)
        return max(0.0, min(stock_delay, self._delay()))

    def before_reading(self) -> None:
        self._store.restore_own_tasks()

    def close(self) -> None:
        """Write what is still unwritten and let another beat lead. Celery calls this twice where a signal ends it."""
        if self._is_closed:
            return
        self._is_closed = True
        super().close()
        self._store.close()
        self._leadership.release()

    def _ensure_connected(self) -> Any:
        """One attempt only: stock waits here until the broker is back, and beat must go on meanwhile."""
        return self.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)

    @cached_property
    def connection(self) -> Any:
        options = {} if settings.EMBEDDED_BROKER else {"socket_timeout": BROKER_TIMEOUT}
        return self.app.connection_for_write(transport_options=options)

    def _limit_lock_waits(self, connection: Any, **_: Any) -> None:
        """Beat's own thread must go on: what it writes of other periodic tasks may wait, not it.

        Behind a pooler the session may be somebody else's next, who is to wait longer.
        """
        is_ours = connection.vendor == "postgresql" and threading.get_ident() == self._thread
        if is_ours and not poolers.is_between(connection):
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_TIMEOUT}s"])

    # --- 1.: the database -----------------------------------------------------------------

    def _poll(self) -> None:
        now = time.monotonic()
        if now < self._next_poll:
            return
        self._next_poll = now + POLL_INTERVAL
        led, self._is_leading = self._is_leading, self._leadership.hold()
        if led != self._is_leading:
            logger.info("beat leads" if self._is_leading else "beat stands by")
            waiting = self.plan.waiting()
            self.plan = Plan(self._misses)
            # Their marks are taken off already, so that no other beat knows of them.
            self.plan.ask_soon(waiting)
            self._store.forget(self._sent_until() if self._is_leading else None)
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + heartbeats.INTERVAL
            self._store.write_heartbeat()
        if not self._is_leading:
            return
        if now >= self._next_runs_write:
            self._next_runs_write = now + RUNS_INTERVAL
            self._store.write_runs()
        try:
            self._others_changed |= self._store.refresh(self.plan)
        except Error as error:
            self._complain("beat keeps the plan it has, the database cannot be read", exc_info=error)
            connection.close()

    def _sent_until(self) -> int | None:
        """Up to when (ms) slots were sent, at most `LOOK_BACK_MS` ago; None where that is unknown."""
        if settings.EMBEDDED_BROKER:
            return None
        kept = self._sent_until_here
        try:
            kept = self.producer.channel.client.get(SENT_KEY) or kept
        except self._broker_errors:
            logger.warning("beat goes by its own memory of what was sent, the broker cannot be reached")
        now = _now_ms()
        return min(now, max(int(kept), now - LOOK_BACK_MS)) if kept else None

    # --- 2.: other periodic tasks ---------------------------------------------------------

    def _tick_others(self) -> float:
        try:
            return float(super().tick())
        except Error as error:
            self._complain("beat tries its other periodic tasks again, the database failed", exc_info=error)
            connection.close()
        except self._broker_errors as error:
            self._complain("beat tries its other periodic tasks again, the broker takes nothing", error=str(error))
        self._others_changed = True
        return POLL_INTERVAL

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        """Send another periodic task that is due, unless no worker takes what was sent before."""
        if not settings.EMBEDDED_BROKER and self._upkeep_is_full():
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)

    def _upkeep_is_full(self) -> bool:
        try:
            waiting: int = self.producer.channel.client.llen(settings.UPKEEP_QUEUE)
        except self._broker_errors:
            # What is said of the attempt to send says it.
            return False
        if waiting >= UPKEEP_CAP:
            self._complain(f"{Reason.NO_WORKER}, periodic tasks are passed over", messages=waiting)
        return waiting >= UPKEEP_CAP

    # --- 3.: websites ---------------------------------------------------------------------

    def _follow_clock(self) -> None:
        offset = time.time() - time.monotonic()
        if abs(offset - self._clock_offset) > CLOCK_JUMP:
            logger.warning("the clock was set", extra={"seconds": round(offset - self._clock_offset, 1)})
            self.plan.rebuild(_now_ms())
            self._others_changed = True
        self._clock_offset = offset

    def _take_due(self, now: int) -> list[Slot]:
        self._store.hand_over_unmarked(self.plan)
        due = self.plan.take_due(now)
        if self.plan.missed > self._missed_told and time.monotonic() >= self._next_complaint:
            logger.warning("slots missed", extra={"slots": self.plan.missed - self._missed_told})
            self._missed_told = self.plan.missed
            self._next_complaint = time.monotonic() + COMPLAINT_INTERVAL
        return due

    def _dispatch(self, due: list[Slot], now: int) -> None:
        entries = self.plan.entries
        if hindrance := self._lost_lead() or self._note_sent_until(now):
            self.plan.give_back(due, hindrance)
            return
        for start in range(0, len(due), BATCH_SIZE):
            batch = due[start : start + BATCH_SIZE]
            sent = [entries[website_id] for website_id, _ in batch]
            if hindrance := self._lost_lead() or self._send(batch, sent):
                self.plan.give_back(due[start:], hindrance)
                return
            self._store.note_runs(entry.task_id for entry in sent)

    def _lost_lead(self) -> Reason | None:
        """Why nothing may be sent where this process stood still for so long that another one may lead by now."""
        if not self._leadership.still_holds():
            # Whoever leads again after this begins anew: another one may have led between.
            self._is_leading = False
            logger.warning("beat lost the lead")
        return None if self._is_leading else Reason.NO_LEAD

    def _note_sent_until(self, now: int) -> Reason | None:
        """Keep that slots up to `now` (ms) are sent, before they are: none is ever sent twice.

        Returns why nothing may be sent where they cannot be, or the queue is full since no worker empties it.
        """
        self._sent_until_here = now
        if settings.EMBEDDED_BROKER:
            return None
        try:
            redis = self.producer.channel.client.pipeline(transaction=False)
            _, waiting = redis.set(SENT_KEY, now).llen(self.app.conf.task_default_queue).execute()
        except self._broker_errors as error:
            self._complain(f"{Reason.NO_BROKER}, slots are missed", error=str(error))
            return Reason.NO_BROKER
        if waiting >= QUEUE_CAP:
            self._complain(f"{Reason.NO_WORKER}, slots are missed", messages=waiting)
            return Reason.NO_WORKER
        return None

    def _send(self, batch: list[Slot], entries: list[PlanEntry]) -> Reason | None:
        """Returns why it was not sent, if it was not."""
        task = self.app.tasks["monitoring.tasks.check_batch"]
        try:
            # Celery would write out all pairs once more, for log lines that nobody asks for.
            task.apply_async(
                (batch, self._store.version(max(entry.changed for entry in entries))),
                expires=max(entry.interval for entry in entries) / 1000,
                producer=self.producer,
                retry=False,
                argsrepr=f"({len(batch)} slots)",
            )
        except self._broker_errors as error:
            self._complain(f"{Reason.NO_BROKER}, slots are missed", error=str(error))
            return Reason.NO_BROKER
        return None

    def _delay(self) -> float:
        """Sleep until something is due, but a tick at least, so that neighbours share a message."""
        if self._store.is_unmarking:
            return SHORT_TICK
        if self.plan.has_soon:
            return TICK
        next_due = self.plan.next_due()
        wait = POLL_INTERVAL if next_due is None else next_due / 1000 - time.time()
        return min(max(wait, TICK), POLL_INTERVAL)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
