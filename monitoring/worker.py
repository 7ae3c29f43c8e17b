"""The life of a worker process: its runner, and beat as a thread of it where there is no broker outside."""

import logging
import os
import signal
import threading

from celery import Celery
from celery.beat import Service
from django.db import connections

from monitoring import runner

logger = logging.getLogger(__name__)

# Seconds that checks under way get to end when the worker is told to stop.
DRAIN_TIMEOUT = 12.0


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

    def stop(self) -> None:
        self._service.stop()
        self.join(timeout=5.0)


_beat: BeatThread | None = None


def start(app: Celery, *, with_beat: bool) -> None:
    """Begin to work: called when the worker is ready."""
    global _beat  # noqa: PLW0603 - a worker process has exactly one
    runner.current()
    if with_beat:
        _beat = BeatThread(app)
        _beat.start()


def stop() -> None:
    """End beat first, then let the checks under way finish and be written."""
    if _beat is not None:
        _beat.stop()
    runner.current().stop(DRAIN_TIMEOUT)
