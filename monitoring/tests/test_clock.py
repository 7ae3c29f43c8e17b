import time

import pytest

from monitoring import clock, retention, tasks
from monitoring.clock import BELIEVED_AFTER, Clock


class Times:
    """Both clocks, as a test moves them on; one of them can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = self.set_by = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + self.passed)
        monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0 + self.passed + self.set_by)


@pytest.mark.parametrize(("step", "is_jump"), [(40 * 86_400, True), (-3_600, True), (30, False), (0, False)])
def test_a_clock_that_was_set_is_not_believed_for_a_while(
    monkeypatch: pytest.MonkeyPatch, step: float, is_jump: bool
) -> None:
    times = Times(monkeypatch)
    watched = Clock()
    times.passed = BELIEVED_AFTER
    assert watched.is_believed()
    times.set_by = step
    for passed in (0.0, 60.0, BELIEVED_AFTER - 1):
        times.passed = BELIEVED_AFTER + passed
        assert watched.is_believed() is not is_jump
    times.passed = 2 * BELIEVED_AFTER
    assert watched.is_believed()


def test_a_clock_is_not_believed_as_soon_as_a_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Times(monkeypatch)
    watched = Clock()
    times.passed = BELIEVED_AFTER - 1
    assert not watched.is_believed()
    times.passed = BELIEVED_AFTER
    assert watched.is_believed()


@pytest.mark.django_db
def test_nothing_is_deleted_while_it_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[object] = []
    monkeypatch.setattr(retention, "prune", runs.append)
    monkeypatch.setattr(tasks, "clock", Clock())
    tasks.prune_monitoring_data()
    assert not runs
    monkeypatch.setattr(clock, "BELIEVED_AFTER", 0.0)
    tasks.prune_monitoring_data()
    assert len(runs) == 1
