"""django-celery-beat's own scheduler for the periodic tasks that no website owns, made hard to end.

One task that can never run is left out, and a server that is away is told of in a line: all else goes on.
"""

import logging
import time
from typing import Any

from celery.beat import SchedulingError
from django.db import Error, connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler
from kombu.exceptions import OperationalError

from monitoring import periodic_tasks, schedule

logger = logging.getLogger(__name__)

# Seconds between two complaints.
COMPLAINT_INTERVAL = 10.0


class OtherTasksScheduler(DatabaseScheduler):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._others_changed = True
        self._next_complaint = 0.0
        # Tasks that can never run, with what was told of them.
        self._left_out: dict[str, str] = {}
        super().__init__(*args, **kwargs)
        broker = self.app.connection_for_write()
        # Among the latter: Redis answers but takes nothing, as a replica or for lack of memory.
        self._broker_errors: tuple[type[Exception], ...] = (
            OperationalError,
            *broker.connection_errors,
            *broker.channel_errors,
        )

    def before_reading(self) -> None:
        """Called before the tasks are read."""

    def setup_schedule(self) -> None:
        """Stock writes the monitor's own tasks here; this one does with each reading of the others."""

    def enabled_models_qs(self) -> Any:
        """Every enabled periodic task that no website owns.

        Stock leaves out crontabs and clocks that are hours away, and for that reads all time zones: one that there is
        none of would end beat.
        """
        others = self.Model.objects.filter(enabled=True)
        others = others.exclude(name__startswith=schedule.NAME_PREFIX, task=schedule.TASK)
        return others.prefetch_related("interval", "solar", "clocked")

    def schedule_changed(self) -> bool:
        """Whether the other periodic tasks are to be read again; stock asks the database at every tick."""
        changed, self._others_changed = self._others_changed, False
        return changed

    def all_as_schedule(self) -> dict[str, Any]:
        """The entries of all that can run; what cannot is left out, and nothing else with it."""
        self.before_reading()
        try:
            entries = dict(filter(None, map(self._entry, self.enabled_models())))
        except Error as error:
            self._complain("beat keeps the periodic tasks it has, the database cannot be read", exc_info=error)
            self._others_changed = True
            connection.close()
            return dict(self._schedule or {})
        # Where the clock was set back, none waits until it has come as far again.
        now = timezone.now()
        for entry in entries.values():
            entry.last_run_at = min(entry.last_run_at, now)
        return entries

    def _entry(self, task: PeriodicTask) -> tuple[str, Any] | None:
        """A task's name and entry; None if it can never run. Raises `django.db.Error`."""
        reason = periodic_tasks.fault(task)
        if not reason:
            self._left_out.pop(task.name, None)
            return task.name, self.Entry(task, app=self.app)
        if self._left_out.get(task.name) != reason:
            logger.error("a periodic task is left out", extra={"task": task.name, "reason": reason})
            self._left_out[task.name] = reason
        return None

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """As stock, in one line where it cannot be sent: it is due again soon."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            passes = isinstance(error.__context__, self._broker_errors)
            self._complain(
                "a periodic task cannot be sent", exc_info=None if passes else error, task=entry.name, error=str(error)
            )

    def _complain(self, words: str, exc_info: Exception | None = None, **extra: Any) -> None:
        """Log an error; soon after another one, it is passed over."""
        if time.monotonic() >= self._next_complaint:
            self._next_complaint = time.monotonic() + COMPLAINT_INTERVAL
            logger.error(words, exc_info=exc_info, extra=extra)
