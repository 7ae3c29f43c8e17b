"""Finished checks on their way to being written: gathered, read, and none of them waiting for a large one."""

import threading
import time

import pytest

from monitoring import inbox as inbox_module
from monitoring.findings import Check, Finding, finding_of
from monitoring.inbox import GATHER, LARGE, Inbox
from monitoring.probe.types import Exchange, ProbeRequest
from monitoring.states import Rules


def check(website_id: int, body: bytes = b"", response_time: float = 0.1) -> Check:
    request = ProbeRequest("http://127.0.0.1/", 5.0, "x")
    exchange = Exchange(request, 1_750_000_000.0, 200, response_time, remote_ip="127.0.0.1", body=body)
    return Check(website_id, None, Rules(), exchange)


class Desk:
    """An inbox, and what it gave back and lost."""

    def __init__(self) -> None:
        self.given_back: list[int] = []
        # Of quick websites, and of all others.
        self.by_kind = [0, 0]
        self.lost: list[int] = []
        self.inbox = Inbox(self._give_back, self.lost.append)

    def _give_back(self, size: int, *, is_slow: bool) -> None:
        self.given_back.append(size)
        self.by_kind[is_slow] += size

    def take(self) -> list[int]:
        return [finding.row.website_id for finding in self.inbox.take()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_finishes_together_is_taken_together(desk: Desk) -> None:
    for website_id in range(3):
        desk.inbox.put(check(website_id, b"x" * website_id))
    assert desk.take() == [0, 1, 2]
    # In one piece.
    assert desk.given_back == [3]
    assert not desk.inbox.is_over


def test_room_goes_back_to_those_whose_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(website_id: int, body: bytes, *, is_slow: bool) -> None:
        one = check(website_id, body)
        desk.inbox.put(one._replace(exchange=one.exchange._replace(is_slow=is_slow)))

    add(1, b"x" * 10, is_slow=False)
    add(2, b"x" * 200, is_slow=True)
    add(3, b"x" * LARGE, is_slow=True)
    desk.take()
    assert desk.by_kind == [10, 200 + LARGE]
    # Also that of what is lost.
    monkeypatch.setattr(inbox_module, "MOST_WAITING", 0)
    add(4, b"x" * 3, is_slow=True)
    assert (desk.lost, desk.by_kind) == ([4], [10, 203 + LARGE])


def test_a_late_check_does_not_hold_up_the_early_one(desk: Desk) -> None:
    desk.inbox.put(check(1))
    late = threading.Timer(2 * GATHER + 0.3, desk.inbox.put, [check(2)])
    late.start()
    begun = time.monotonic()
    assert desk.take() == [1]
    # Not a matter of speed: it must not have waited for the other one.
    assert time.monotonic() - begun < 2 * GATHER + 0.3
    late.join()


def test_the_end_comes_with_what_was_before_it(desk: Desk) -> None:
    desk.inbox.put(check(1))
    desk.inbox.close()
    assert desk.take() == [1]
    assert desk.inbox.is_over
    assert desk.take() == []


def test_an_idle_inbox_comes_back_now_and_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.inbox.heartbeats.INTERVAL", 0.1)
    assert desk.take() == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Reading takes as long as a body says, in seconds; nobody sleeps."""
    now = [0.0]
    read = finding_of

    def reading(one: Check) -> Finding:
        now[0] += float(one.exchange.body[:4] or 0)
        return read(one)

    monkeypatch.setattr("monitoring.inbox.time.monotonic", lambda: now[0])
    monkeypatch.setattr("monitoring.inbox.time.sleep", lambda _: None)
    monkeypatch.setattr(inbox_module, "finding_of", reading)
    return now


def large(seconds: float) -> bytes:
    return f"{seconds:4}".encode().ljust(LARGE)


def test_large_bodies_take_turns_with_what_is_small(desk: Desk, clock: list[float]) -> None:
    for website_id in range(5):
        desk.inbox.put(check(website_id, large(0.04)))
    for website_id in range(5, 9):
        desk.inbox.put(check(website_id, large(0.04), response_time=7.0))
    desk.inbox.put(check(9))
    # Those of quick websites first, and of the others one in any case.
    assert desk.take() == [9, 0, 1, 2, 3, 4, 5, 6]
    desk.inbox.put(check(10))
    desk.inbox.close()
    assert desk.take() == [10, 7, 8]
    assert desk.inbox.is_over
    assert desk.given_back == [LARGE] * 9


def test_what_took_long_the_last_time_waits_for_all_others(desk: Desk, clock: list[float]) -> None:
    for website_id in range(3):
        desk.inbox.put(check(website_id, b"0.60"))
    # Nobody knows that yet.
    assert desk.take() == [0, 1, 2]
    for website_id in range(3):
        desk.inbox.put(check(website_id, b"0.60"))
    desk.inbox.put(check(3, large(0.04)))
    desk.inbox.put(check(4, b"0.00"))
    assert desk.take() == [4, 3, 0]
    desk.inbox.put(check(5))
    assert desk.take() == [5, 1]
    desk.inbox.put(check(0, b"0.00"))
    assert desk.take() == [2]
    assert desk.take() == [0]
    desk.inbox.put(check(0, b"0.00"))
    desk.inbox.put(check(1, b"0.00"))
    assert desk.take() == [0, 1]


def test_what_is_too_much_to_keep_is_lost_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "MOST_WAITING", 2)
    for website_id in range(4):
        desk.inbox.put(check(website_id, b"12345"))
    assert (desk.lost, desk.given_back) == ([2, 3], [5, 5])
    desk.inbox.close()
    assert desk.take() == [0, 1]
    assert desk.inbox.is_over


def test_one_that_cannot_be_read_is_lost_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(one: Check) -> Finding:
        if one.website_id == 2:
            raise RuntimeError("of a library")
        return finding_of(one)

    monkeypatch.setattr(inbox_module, "finding_of", failing)
    for website_id in (1, 2, 3):
        desk.inbox.put(check(website_id, b"12345"))
    assert desk.take() == [1, 3]
    assert (desk.lost, desk.given_back) == ([2], [15])
    assert "a check could not be read" in caplog.text
