"""The life of a worker process: its runner, and beat as a thread of it where there is no broker outside."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Sequence

from celery import Celery
from celery.beat import Service
from django.db import Error, connections

from monitoring import partitions, runner, stopping
from monitoring.overload import Reason
from monitoring.plan import Slot

logger = logging.getLogger(__name__)

# Seconds that checks under way get to end when the worker is told to stop.
DRAIN_TIMEOUT = 8.0
# Seconds that beat gets to write what it has to.
BEAT_TIMEOUT = 2.0


class BeatThread(threading.Thread):
    """Celery beat inside the worker, sharing its in-process queue.

    Where beat fails, the process ends, so that whoever started it notices: a worker without beat checks nothing.
    """

    def __init__(self, app: Celery) -> None:
        super().__init__(name="beat", daemon=True)
        self._app = app
        self._service = Service(app, scheduler_cls=app.conf.beat_scheduler)

    def run(self) -> None:
        self._app.set_current()
        try:
            self._service.start()
        except Exception:
            logger.exception("beat failed, the worker ends with it")
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            connections.close_all()

    def tell_to_stop(self) -> None:
        self._service.stop()


_beat: BeatThread | None = None


def start(app: Celery, *, with_beat: bool) -> None:
    """Begin to work: called when the worker is ready."""
    global _beat  # noqa: PLW0603 - a worker process has exactly one
    _make_days()
    runner.current()
    if with_beat:
        _beat = BeatThread(app)
        _beat.start()
    # What is loaded stays: each look through it for garbage would stop all checks for some 0.1 s.
    gc.collect()
    gc.freeze()


def _make_days() -> None:
    """So that the first checks after a long rest find theirs; beat sees to it later on."""
    try:
        partitions.make_ahead()
    except Error as error:
        logger.warning("no days of checks were made ahead", extra={"error": str(error).strip()})
    finally:
        connections.close_all()


def note_expired(slots: Sequence[Slot]) -> None:
    """Count the slots of a message that expired in the queue, which Celery drops by itself."""
    runner.current().pass_over([website_id for website_id, _ in slots], Reason.EXPIRED_IN_QUEUE)


def begin_stop() -> None:
    """Let nothing new begin: called, in a signal handler, when the worker is told to stop."""
    stopping.ask()
    if _beat is not None:
        _beat.tell_to_stop()


def stop() -> None:
    """Let the checks under way finish and be written: called when the worker takes no more messages."""
    if _beat is not None:
        _beat.tell_to_stop()
        _beat.join(timeout=BEAT_TIMEOUT)
    runner.current().stop(DRAIN_TIMEOUT)
