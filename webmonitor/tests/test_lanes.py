"""What a worker does while some of its tasks cannot go on."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app as app
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from kombu import Connection

from monitoring import partitions, retention, rollups, runner, schedule, watch_periods, worker
from monitoring.clock import clock
from monitoring.notifications import deliveries
from webmonitor import lanes
from webmonitor.tests.product import wait_for

THREADS = 4


class Gate:
    """A function that does not return before the gate is opened; counts who came, and who got through."""

    def __init__(self) -> None:
        self.came = 0
        self.through = 0
        self._lock = threading.Lock()
        self._open = threading.Event()

    def __call__(self, *_: Any) -> None:
        with self._lock:
            self.came += 1
        self._open.wait(30)
        with self._lock:
            self.through += 1

    def open(self) -> None:
        self._open.set()


class Checks:
    """Stands in for the runner."""

    def __init__(self, submit: Callable[..., None]) -> None:
        self.submit = submit


@pytest.fixture
def celery_worker(monkeypatch: pytest.MonkeyPatch, broker_url: str) -> Iterator[None]:
    """A worker of this process, on the real broker, that begins nothing but tasks."""
    monkeypatch.setattr(worker, "start", lambda *_, **__: None)
    monkeypatch.setattr(worker, "begin_stop", lambda: None)
    monkeypatch.setattr(worker, "stop", lambda: None)
    monkeypatch.setattr(clock, "is_believed", lambda: True)
    for module, name in ((partitions, "make_ahead"), (watch_periods, "reconcile")):
        monkeypatch.setattr(module, name, lambda *_: None)
    app.loader.import_default_modules()
    purge()
    with start_worker(
        app, pool=settings.CELERY_WORKER_POOL, concurrency=THREADS, perform_ping_check=False, shutdown_timeout=30
    ):
        yield
    purge()


def purge() -> None:
    with Connection(app.conf.broker_url, transport_options=app.conf.broker_transport_options) as connection:
        for name in (settings.CELERY_TASK_DEFAULT_QUEUE, settings.UPKEEP_QUEUE):
            queue = connection.SimpleQueue(name)
            queue.clear()
            queue.close()


def send(task: str, *arguments: Any, times: int = 1, expires: float = 60) -> None:
    for _ in range(times):
        app.tasks[f"monitoring.tasks.{task}"].apply_async(arguments, expires=expires)


@pytest.mark.usefixtures("celery_worker")
def test_alerts_go_out_while_everything_else_cannot_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, sums, pruning, repairs = gates = [Gate() for _ in range(4)]
    alerts = threading.Semaphore(0)
    monkeypatch.setattr(runner, "current", lambda: Checks(checks))
    monkeypatch.setattr(rollups, "roll_up", sums)
    monkeypatch.setattr(retention, "prune", pruning)
    monkeypatch.setattr(schedule, "reconcile", repairs)
    monkeypatch.setattr(deliveries, "work", alerts.release)
    try:
        send("check_batch", [[1, 1]], times=5 * THREADS)
        for task in ("roll_up", "prune_monitoring_data", "reconcile_schedules"):
            send(task, times=5)
        wait_for(lambda: [gate.came for gate in gates] == [THREADS, 1, 1, 1], 10)
        for _ in range(3):
            # As beat sends it: dropped where it waits for longer.
            send("send_alerts", expires=2)
            assert alerts.acquire(timeout=10)
        assert [gate.came for gate in gates] == [THREADS, 1, 1, 1]
    finally:
        for gate in gates:
            gate.open()
    wait_for(lambda: [gate.through for gate in gates] == [5 * THREADS, 5, 5, 5], 20)


@pytest.mark.usefixtures("celery_worker")
def test_checks_go_on_while_everything_else_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    checked = threading.Semaphore(0)
    monkeypatch.setattr(runner, "current", lambda: Checks(lambda *_: checked.release()))
    for module, name in ((rollups, "roll_up"), (retention, "prune"), (schedule, "reconcile"), (deliveries, "work")):
        monkeypatch.setattr(module, name, gate)
    try:
        for task in ("roll_up", "prune_monitoring_data", "reconcile_schedules", "send_alerts"):
            send(task, times=50)
        wait_for(lambda: gate.came == 4, 10)
        for _ in range(10):
            send("check_batch", [[1, 1]], expires=2)
            assert checked.acquire(timeout=10)
    finally:
        gate.open()


def test_what_cannot_go_on_does_not_keep_a_worker_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "STOP_TIMEOUT", 0.2)
    gate, pool = Gate(), lanes.LanePool(THREADS)
    try:
        for _ in range(3):
            pool.on_apply(gate, ("monitoring.tasks.roll_up",), callback=gate, accept_callback=lambda *_: None)
        wait_for(lambda: gate.came == 1, 10)
        # Checks under way end after this, and what they showed is written.
        stopping = threading.Thread(target=pool.on_stop)
        stopping.start()
        stopping.join(10)
        assert (stopping.is_alive(), gate.came, gate.through) == (False, 1, 0)
    finally:
        gate.open()


@pytest.mark.usefixtures("broker_url")
@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("monitoring.tasks.check_batch", "webmonitor"),
        ("monitoring.tasks.check_website", "webmonitor"),
        ("monitoring.tasks.send_alerts", "webmonitor-upkeep"),
        ("celery.backend_cleanup", "webmonitor-upkeep"),
        ("somebody.task", "webmonitor-upkeep"),
    ],
)
def test_only_checks_share_the_queue_of_checks(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


@pytest.mark.usefixtures("broker_url")
def test_celery_s_own_consumer_takes_checks_alone_whatever_was_sent() -> None:
    send("roll_up")
    assert list(app.amqp.queues.consume_from) == ["webmonitor"]
    purge()
