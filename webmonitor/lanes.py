"""Checks, alerts, sums, retention and repairs each go their own way through a worker: none waits for another.

Checks have the queue and the threads that Celery gives a worker. Every other task comes by a second queue, over a
channel of its own, and has a thread of its own. So whatever takes long, or cannot go on, holds up nothing but itself:
its messages wait for its thread, and no one else's wait with them.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from celery import bootsteps
from celery.concurrency.base import apply_target
from celery.concurrency.thread import ApplyResult, TaskPool  # type: ignore[attr-defined]
from django.conf import settings

# Tasks of Celery's own threads: of monitoring.tasks, those that hand checks to the engine.
CHECKS = "monitoring.tasks.check_"
# Seconds that what is under way beside the checks gets to notice that the worker stops. Checks under way end after it.
STOP_TIMEOUT = 3.0


class LanePool(TaskPool):
    """Celery's pool of threads for checks, and one thread for each other task."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._under_way: set[Future[Any]] = set()

    def on_apply(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        callback: Callable[..., Any] | None = None,
        accept_callback: Callable[..., Any] | None = None,
        **options: Any,
    ) -> ApplyResult:
        """`args` are those of Celery's tracer: the task's name comes first."""
        name = args[0] if args else ""
        if name.startswith(CHECKS):
            return super().on_apply(target, args, kwargs, callback, accept_callback, **options)
        done = self._lane(name).submit(apply_target, target, args, kwargs, callback, accept_callback)
        self._under_way.add(done)
        done.add_done_callback(self._under_way.discard)
        return ApplyResult(done)

    def _lane(self, name: str) -> ThreadPoolExecutor:
        # Only the consumer's thread comes here, and only with names of tasks that there are.
        if name not in self._lanes:
            self._lanes[name] = ThreadPoolExecutor(1, thread_name_prefix=name.rpartition(".")[2])
        return self._lanes[name]

    def on_stop(self) -> None:
        for lane in self._lanes.values():
            lane.shutdown(wait=False, cancel_futures=True)
        wait(list(self._under_way), STOP_TIMEOUT)
        super().on_stop()


class UpkeepConsumer(bootsteps.ConsumerStep):
    """Takes everything but checks, over a channel of its own.

    It takes all there is, also while threads are busy: what waits in this process keeps nothing else in the queue.
    """

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._parent = parent

    def get_consumers(self, channel: Any) -> list[Any]:
        amqp = self._parent.app.amqp
        consumer = amqp.TaskConsumer(
            channel,
            queues=[amqp.queues[settings.UPKEEP_QUEUE]],
            on_decode_error=self._parent.on_decode_error,
            on_message=self._parent.create_task_handler(),
        )
        return [consumer]
