"""Whose patience with the database holds where."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from monitoring import patience


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
