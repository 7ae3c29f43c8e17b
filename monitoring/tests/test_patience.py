"""Whose patience with the database holds where."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from monitoring import patience, tasks
from monitoring.overload import Misses
from monitoring.plan_store import PlanStore
from monitoring.scheduler import WebsiteScheduler


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience._Process, "limit", None)


def test_a_thread_has_its_own_and_all_others_that_of_the_process() -> None:
    assert patience.seconds() is None
    with patience.at_most(3.0), ThreadPoolExecutor(1) as others:
        patience.set_for_process(60.0)
        assert (patience.seconds(), others.submit(patience.seconds).result()) == (3.0, 60.0)
    assert patience.seconds() == 60.0


def test_what_takes_its_time_may_say_so_within_an_impatient_process() -> None:
    patience.set_for_process(60.0)
    with patience.at_most(None):
        assert patience.seconds() is None
    assert patience.seconds() == 60.0


def test_what_is_to_be_done_soon_does_not_wait_for_a_frozen_database_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []

    def work(*_: Any) -> None:
        waits.append(patience.seconds())

    monkeypatch.setattr("monitoring.runner.current", lambda: type("Runner", (), {"submit": work}))
    monkeypatch.setattr("monitoring.notifications.deliveries.work", work)
    monkeypatch.setattr("monitoring.certificate_alerts.tell", work)
    tasks.check_batch([])
    tasks.check_website(1)
    tasks.send_alerts()
    tasks.look_at_certificates()
    monkeypatch.setattr(WebsiteScheduler, "_poll", work)
    beat = object.__new__(WebsiteScheduler)
    beat._is_closed = beat._is_leading = False
    beat.tick()
    assert waits == [patience.USUAL] * 5
    assert patience.seconds() is None


def test_what_beat_writes_does_not_wait_for_ever_either() -> None:
    store = PlanStore(Misses())
    assert store._writer.submit(patience.seconds).result() == patience.USUAL
    store.close()
