"""Who leads, with two beats that ask one real database."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from monitoring import leadership
from monitoring.leadership import Leadership

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 10.0


@pytest.fixture
def beats() -> Iterator[tuple[Leadership, Leadership]]:
    pair = Leadership(), Leadership()
    yield pair
    for beat in pair:
        beat.release()


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def needs_sessions() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL keeps the lock in a session")


def test_one_leads_until_it_releases_and_then_the_other(beats: tuple[Leadership, Leadership]) -> None:
    first, second = beats
    assert first.hold()
    assert not second.hold()
    assert first.still_holds()
    first.release()
    assert second.hold()
    assert not first.hold()


def test_a_leader_that_is_silent_loses_the_lead_and_notices(
    beats: tuple[Leadership, Leadership], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_sessions()
    monkeypatch.setattr(leadership, "SILENCE_MAX", 1)
    first, second = beats
    assert first.hold()
    # As long as it asks, it leads; its connection stays open afterwards, like that of a frozen process.
    assert first.hold()
    wait_until(second.hold)
    assert not first.hold()


def test_an_answer_that_is_old_is_not_trusted(
    beats: tuple[Leadership, Leadership], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_sessions()
    monkeypatch.setattr(leadership, "TRUSTED_FOR", 0.0)
    first, second = beats
    assert first.hold()
    end_sessions_of_leaders()
    assert second.hold()
    assert not first.still_holds()


def test_a_leader_whose_session_was_ended_leads_again_where_nobody_else_does(
    beats: tuple[Leadership, Leadership],
) -> None:
    needs_sessions()
    first, _ = beats
    assert first.hold()
    end_sessions_of_leaders()
    assert not first.hold()
    assert first.hold()


def end_sessions_of_leaders() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [leadership.ADVISORY_LOCK_KEY],
        )
