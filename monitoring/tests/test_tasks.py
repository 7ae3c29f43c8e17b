"""Periodic tasks while the database does not serve them."""

from collections.abc import Callable

import pytest
from django.db import OperationalError, ProgrammingError, connection

from monitoring import tasks
from monitoring.clock import clock

pytestmark = pytest.mark.django_db(transaction=True)

PERIODIC = (
    tasks.reconcile_schedules,
    tasks.roll_up,
    tasks.prune_monitoring_data,
    tasks.send_alerts,
    tasks.look_at_certificates,
)


@pytest.mark.parametrize("task", PERIODIC, ids=lambda task: task.__name__)
def test_a_task_that_the_database_does_not_serve_says_so_in_a_line_and_ends(
    task: Callable[[], None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "is_believed", lambda: True)

    def refuse(*_: object) -> None:
        raise OperationalError("no more connections")

    with connection.execute_wrapper(refuse):
        task()
    (line,) = caplog.records
    assert (line.message, line.exc_info) == ("the database cannot serve a task, the next run does it", None)
    assert line.__dict__["error"] == "no more connections"


def test_a_fault_of_ours_is_raised() -> None:
    def refuse(*_: object) -> None:
        raise ProgrammingError("no such column")

    with connection.execute_wrapper(refuse), pytest.raises(ProgrammingError):
        tasks.roll_up()
