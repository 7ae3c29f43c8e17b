"""Finished checks on their way into a real database."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.db import DataError, OperationalError, connection, connections

from monitoring import recorder
from monitoring.connectivity import Connectivity, References
from monitoring.findings import Check, Finding
from monitoring.models import Heartbeat, MonitoringData
from monitoring.probe.types import ErrorKind, Exchange, Phases, ProbeRequest
from monitoring.recorder import Recorder, collect
from monitoring.states import Rules
from websites.models import Website

pytestmark = pytest.mark.django_db(transaction=True)

SLOT = 1_750_000_000_250


@pytest.fixture
def website() -> Website:
    return Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)


def exchange(
    *,
    http_status: int = 200,
    error: ErrorKind | None = None,
    error_detail: str = "",
    pattern: str | None = None,
    body: bytes = b"",
    started_at: float = 1_750_000_000.5,
) -> Exchange:
    return Exchange(
        request=ProbeRequest(url="http://127.0.0.1/", timeout=5, pattern=pattern),
        started_at=started_at,
        http_status=http_status,
        response_time=0.125 if http_status else None,
        phases=Phases(dns=0.001, connect=0.002, tls=None, first_byte=0.1),
        remote_ip="127.0.0.1",
        error=error,
        error_detail=error_detail,
        body=body,
        content_type="text/plain; charset=utf-8",
    )


def check(website_id: int, **fields: object) -> Check:
    return Check(website_id, SLOT, Rules(), exchange(**fields))  # type: ignore[arg-type]


def recorder_of(missed: Callable[[], int] = lambda: 0) -> Recorder:
    return Recorder(Connectivity(References(())), missed)


def test_a_check_becomes_a_row(website: Website) -> None:
    recorder_of().write([check(website.pk, pattern=r"a(\d)", body=b"a1 a2")])
    row = MonitoringData.objects.get()
    assert row.website == website
    assert row.http_status == 200
    assert row.entry_timestamp == datetime(2025, 6, 15, 15, 6, 40, 500_000, tzinfo=UTC)
    assert row.scheduled_at == datetime(2025, 6, 15, 15, 6, 40, 250_000, tzinfo=UTC)
    assert row.response_time == 0.125
    assert json.loads(row.regex_response or "") == ["1", "2"]
    assert (row.dns_time, row.connect_time, row.tls_time, row.first_byte_time) == (0.001, 0.002, None, 0.1)
    assert row.remote_ip == "127.0.0.1"
    assert row.error == ""


@pytest.mark.parametrize(
    ("pattern", "body", "stored"),
    [
        (None, b"", None),
        ("x", b"nothing here", "[]"),
        ("ä+", "ää".encode(), '["ää"]'),
        ("(.)=(.)", b"a=1 b=2", '[["a", "1"], ["b", "2"]]'),
        ("N.L", b"N\0L NUL", '["NUL"]'),
    ],
)
def test_matches_are_stored_as_json(website: Website, pattern: str | None, body: bytes, stored: str | None) -> None:
    recorder_of().write([check(website.pk, pattern=pattern, body=body)])
    assert MonitoringData.objects.get().regex_response == stored


def test_an_error_is_stored_with_its_words_cut_to_size(website: Website) -> None:
    recorder_of().write([check(website.pk, http_status=0, error=ErrorKind.TLS, error_detail="x" * 500, pattern="x")])
    row = MonitoringData.objects.get()
    assert (row.http_status, row.error, row.error_detail) == (0, "tls", "x" * 200)
    assert row.response_time is None
    assert row.regex_response is None


def test_checks_of_a_website_that_is_gone_are_dropped_and_the_others_kept(website: Website) -> None:
    desk = recorder_of()
    desk.write([check(website.pk), check(website.pk + 1)])
    assert [row.website_id for row in MonitoringData.objects.all()] == [website.pk]


def test_one_row_that_the_database_refuses_does_not_take_the_others_along(website: Website) -> None:
    desk = recorder_of()
    good, bad = check(website.pk), check(website.pk, http_status=10**9)
    if connection.vendor == "sqlite":
        # SQLite takes any size of number, but a CHECK keeps it from negative ones.
        bad = check(website.pk, http_status=-1)
    desk.write([good, good, bad, good])
    assert MonitoringData.objects.count() == 3
    assert desk.lost == 1


def test_a_database_that_goes_away_between_the_halves_gets_no_row_twice(
    website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    desk, calls = recorder_of(), []
    store = desk._store

    def store_until_away(entries: list[Finding]) -> None:
        calls.append(len(entries))
        # The whole is refused, the first half is written, then nobody is there.
        if len(calls) == 1:
            raise DataError("one of these")
        if len(calls) == 3:
            raise OperationalError("gone")
        store(entries)

    monkeypatch.setattr(desk, "_store", store_until_away)
    statuses = [201, 202, 203, 204]
    desk.write([check(website.pk, http_status=status, started_at=1_750_000_000.0 + status) for status in statuses])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == [201, 202]
    desk.write([])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == statuses
    assert desk.lost == 0


def test_a_commit_of_which_nobody_heard_writes_no_row_twice(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    desk = recorder_of()
    store = desk._store

    def store_and_lose_the_line(entries: list[Finding]) -> None:
        store(entries)
        raise OperationalError("the server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(desk, "_store", store_and_lose_the_line)
        desk.write([check(website.pk, http_status=201), check(website.pk, http_status=202, started_at=1_750_000_001.0)])
    desk.write([check(website.pk, http_status=203, started_at=1_750_000_002.0)])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == [201, 202, 203]
    assert desk.lost == 0


def test_what_is_given_up_is_counted_and_not_tried_again(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = recorder_of()
    with monkeypatch.context() as patch:
        patch.setattr(desk, "_store", lambda _entries: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            desk.write([check(website.pk)])
    assert desk.give_up() == 1
    desk.write([check(website.pk, http_status=203)])
    assert [row.http_status for row in MonitoringData.objects.all()] == [203]
    assert desk.lost == 1


def test_checks_are_kept_while_the_database_is_away_and_written_once_after(
    website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    desk = recorder_of()
    name = connection.settings_dict["NAME"]
    connection.close()
    if connection.vendor == "sqlite":
        monkeypatch.setitem(connection.settings_dict, "NAME", "/nonexistent/database")
    else:
        monkeypatch.setitem(connection.settings_dict, "NAME", "no_such_database")
    desk.write([check(website.pk)])
    desk.write([check(website.pk)])
    monkeypatch.setitem(connection.settings_dict, "NAME", name)
    desk.write([check(website.pk)])
    assert MonitoringData.objects.count() == 3
    assert desk.lost == 0


def test_at_most_so_many_checks_are_kept_and_the_oldest_are_counted_as_lost(
    website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    monkeypatch.setattr(recorder, "KEPT_CAP", 2)
    desk = recorder_of()
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "NAME", "/nonexistent/database")
        desk.write([check(website.pk, http_status=status) for status in (201, 202, 203)])
    desk.write([])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == [202, 203]
    assert desk.lost == 1


def test_an_idle_worker_says_that_it_lives() -> None:
    desk = recorder_of(lambda: 3)
    desk.lost = 4
    desk.write([])
    heartbeat = Heartbeat.objects.get()
    assert (heartbeat.component, heartbeat.missed) == (Heartbeat.Component.WORKER, 7)


@pytest.fixture
def finished() -> Iterator["queue.SimpleQueue[Check | None]"]:
    yield queue.SimpleQueue()
    connections.close_all()


def test_what_finishes_together_is_collected_together(finished: "queue.SimpleQueue[Check | None]") -> None:
    for website_id in range(3):
        finished.put(check(website_id))
    checks, open_ended = collect(finished)
    assert [website_id for website_id, *_ in checks] == [0, 1, 2]
    assert open_ended


def test_a_late_check_does_not_hold_up_the_early_one(finished: "queue.SimpleQueue[Check | None]") -> None:
    finished.put(check(1))
    late = threading.Timer(2 * recorder.FLUSH_INTERVAL + 0.3, finished.put, [check(2)])
    late.start()
    begun = time.monotonic()
    checks, _ = collect(finished)
    assert [website_id for website_id, *_ in checks] == [1]
    # Not a matter of speed: it must not have waited for the other one.
    assert time.monotonic() - begun < 2 * recorder.FLUSH_INTERVAL + 0.3
    late.join()


def test_the_end_of_the_queue_comes_with_what_was_before_it(finished: "queue.SimpleQueue[Check | None]") -> None:
    finished.put(check(1))
    finished.put(None)
    checks, open_ended = collect(finished)
    assert len(checks) == 1
    assert not open_ended
