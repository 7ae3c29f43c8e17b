"""The Celery application: `celery -A webmonitor worker` and `celery -A webmonitor beat`."""

import os
import sys
import threading
import warnings
from typing import Any

from celery import Celery, signals
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from kombu.transport import redis as redis_transport

from webmonitor.environment import refuse_bad_configuration
from webmonitor.lanes import UpkeepConsumer

# It warns root of messages that run code when they are unpickled; here they are JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)
# It tells of a default to come, whenever the broker goes away; here, tasks in hand go on then.
warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)


class QoS(redis_transport.QoS):
    """Gives messages back at a close only where there is a connection: kombu fails otherwise, and the worker ends."""

    def restore_unacked_once(self, stderr: Any = None) -> None:
        connection: Any = self.channel.connection  # kombu's own type hides that there may be none
        if connection is not None and connection.client is not None:
            super().restore_unacked_once(stderr)


redis_transport.Channel.QoS = QoS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmonitor.settings")

with refuse_bad_configuration():
    app = Celery("webmonitor")
    app.config_from_object("django.conf:settings", namespace="CELERY", force=True)
    app.autodiscover_tasks()
    app.steps["consumer"].add(UpkeepConsumer)


@signals.setup_logging.connect
def keep_django_logging(**_: Any) -> None:
    """With a receiver here, Celery leaves logging as `settings.LOGGING` has it."""


@signals.beat_init.connect
def refuse_beat_without_broker(**_: Any) -> None:
    """The in-process broker ends at the process: a beat of its own would send to nobody."""
    from django.conf import settings

    if settings.EMBEDDED_BROKER and threading.current_thread() is threading.main_thread():
        sys.stderr.write("REDIS_URL is not set, so beat runs inside the worker: start only the worker.\n")
        raise SystemExit(2)


@signals.worker_ready.connect
def start_worker(**_: Any) -> None:
    from django.conf import settings

    from monitoring import worker

    worker.start(app, with_beat=settings.EMBEDDED_BROKER)


@signals.task_revoked.connect
def note_expired_message(request: Any, expired: bool, **_: Any) -> None:
    from monitoring import worker

    if expired and request.task == "monitoring.tasks.check_batch":
        worker.note_expired(request.args[0])


@signals.worker_shutting_down.connect
def begin_to_stop_worker(**_: Any) -> None:
    from monitoring import worker

    worker.begin_stop()


@signals.worker_shutdown.connect
def stop_worker(**_: Any) -> None:
    from monitoring import worker

    worker.stop()
