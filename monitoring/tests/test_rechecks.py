"""Checks between the slots."""

import queue
from collections.abc import Sequence

import pytest

from monitoring.incidents import Recheck
from monitoring.plan import Slot
from monitoring.rechecks import BATCH_SIZE, Rechecks

PATIENCE = 10.0


class Desk:
    """Keeps what is submitted."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.submitted: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self.rechecks = Rechecks(self._submit)
        self.rechecks.start()

    def _submit(self, slots: Sequence[Slot]) -> None:
        if self.failures:
            raise self.failures.pop()
        self.submitted.put([website_id for website_id, _ in slots])

    def next(self) -> list[int]:
        return self.submitted.get(timeout=PATIENCE)


def test_what_is_due_at_once_is_made_at_once() -> None:
    desk = Desk()
    desk.rechecks.ask([Recheck(1, 0.0), Recheck(2, 0.0)])
    assert sorted(desk.next()) == [1, 2]


def test_the_earlier_comes_first_whatever_the_order_it_was_asked_in() -> None:
    desk = Desk()
    desk.rechecks.ask([Recheck(1, 0.4), Recheck(2, 0.1)])
    assert [desk.next(), desk.next()] == [[2], [1]]


def test_one_at_a_time_waits_for_a_website() -> None:
    desk = Desk()
    desk.rechecks.ask([Recheck(1, 0.2)])
    desk.rechecks.ask([Recheck(1, 0.0), Recheck(2, 0.3)])
    assert [desk.next(), desk.next()] == [[1], [2]]
    desk.rechecks.ask([Recheck(1, 0.0)])
    assert desk.next() == [1]


def test_many_go_out_in_pieces() -> None:
    desk = Desk()
    desk.rechecks.ask([Recheck(number, 0.0) for number in range(BATCH_SIZE + 1)])
    assert [len(desk.next()), len(desk.next())] == [BATCH_SIZE, 1]


def test_after_one_that_could_not_be_submitted_others_are(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.failures = [ValueError("nobody thought of this")]
    desk.rechecks.ask([Recheck(1, 0.0)])
    desk.rechecks.ask([Recheck(2, 0.1)])
    assert desk.next() == [2]
    assert "nobody thought of this" in caplog.text


def test_once_it_is_stopped_nothing_is_submitted_any_more() -> None:
    desk = Desk()
    desk.rechecks.ask([Recheck(1, 30.0)])
    desk.rechecks.stop()
    desk.rechecks.ask([Recheck(2, 0.0)])
    assert not desk.rechecks._thread.is_alive()
    assert desk.submitted.empty()
