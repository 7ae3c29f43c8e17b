"""A scheduler ticked by hand, on a real broker."""

import contextlib
import queue
import time
from collections.abc import Callable
from typing import Any

from celery import current_app as app
from celery.beat import Scheduler
from django.conf import settings

from monitoring import periodic_tasks
from monitoring.scheduler import SENT_KEY, WebsiteScheduler

DEADLINE = 10.0


class Bench:
    """A scheduler, and what it has sent."""

    def __init__(self, scheduler: type[Scheduler] = WebsiteScheduler, *, begins_anew: bool = True) -> None:
        # As `prepare` does, and then beat at its start.
        periodic_tasks.restore()
        app.loader.import_default_modules()
        self.connection: Any = app.connection_for_read()
        queues: Any = app.amqp.queues
        names = (settings.CELERY_TASK_DEFAULT_QUEUE, settings.UPKEEP_QUEUE)
        self.queues: list[Any] = [self.connection.SimpleQueue(queues[name]) for name in names]
        for own in self.queues:
            own.clear()
        if not settings.EMBEDDED_BROKER and begins_anew:
            self.queues[0].channel.client.delete(SENT_KEY)
        self.scheduler: Any = scheduler(app=app)
        self.messages: list[Any] = []

    def close(self) -> None:
        self.scheduler.close()
        for own in self.queues:
            own.clear()
            own.close()
        self.connection.release()

    def tick_until(self, done: Callable[[], bool], deadline: float = DEADLINE) -> None:
        end = time.monotonic() + deadline
        while not done():
            assert time.monotonic() < end, "the scheduler did not get there in time"
            time.sleep(min(max(self.scheduler.tick(), 0.0), 0.05))
            self._receive()

    def tick_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.tick_until(lambda: time.monotonic() >= end, seconds + DEADLINE)

    def batches(self) -> list[list[list[int]]]:
        return [message.payload[0][0] for message in self.of("monitoring.tasks.check_batch")]

    def checked(self) -> list[int]:
        return [website_id for batch in self.batches() for website_id, _ in batch]

    def sent(self, task: str) -> int:
        return len(self.of(task))

    def of(self, task: str) -> list[Any]:
        return [message for message in self.messages if message.headers["task"] == task]

    def _receive(self) -> None:
        for own in self.queues:
            with contextlib.suppress(queue.Empty):
                while True:
                    message = own.get(block=False)
                    message.ack()
                    self.messages.append(message)
