from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from monitoring import clock, retention, tasks
from monitoring.clock import Clock


@pytest.mark.parametrize(("step", "is_jump"), [(40 * 86_400, True), (-3_600, True), (30, False), (0, False)])
def test_a_clock_that_was_set_is_not_believed_at_once(
    monkeypatch: pytest.MonkeyPatch, step: float, is_jump: bool
) -> None:
    with time_machine.travel(datetime(2026, 1, 31, tzinfo=UTC), tick=False) as traveller:
        watched = Clock()
        assert not watched.jumped_lately()
        traveller.shift(timedelta(seconds=step))
        assert watched.jumped_lately() is is_jump
        assert watched.jumped_lately() is is_jump
        monkeypatch.setattr(clock, "BELIEVED_AFTER", 0.0)
        assert not watched.jumped_lately()


@pytest.mark.django_db
def test_nothing_is_deleted_while_it_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[object] = []
    monkeypatch.setattr(retention, "prune", runs.append)
    monkeypatch.setattr(tasks, "clock", Clock())
    with time_machine.travel(datetime(2036, 1, 31, tzinfo=UTC)):
        tasks.prune_monitoring_data()
    assert not runs
    monkeypatch.setattr(clock, "BELIEVED_AFTER", 0.0)
    tasks.prune_monitoring_data()
    assert len(runs) == 1
