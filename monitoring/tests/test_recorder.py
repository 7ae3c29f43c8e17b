"""Finished checks on their way into a real database."""

import json
import time
from datetime import UTC, datetime

import pytest
from django.db import DataError, OperationalError, ProgrammingError, connection

from monitoring import recorder
from monitoring.connectivity import Connectivity
from monitoring.findings import Check, Finding, finding_of
from monitoring.models import Heartbeat, MonitoringData
from monitoring.overload import Misses, Reason
from monitoring.probe.types import ErrorKind, Exchange, Phases, ProbeRequest
from monitoring.recorder import Recorder
from monitoring.references import References
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


def found(website_id: int, **fields: object) -> Finding:
    return finding_of(check(website_id, **fields))


def recorder_of(misses: Misses | None = None) -> Recorder:
    return Recorder(Connectivity(References(())), misses)


def test_a_check_becomes_a_row(website: Website) -> None:
    recorder_of().write([found(website.pk, pattern=r"a(\d)", body=b"a1 a2")])
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
    recorder_of().write([found(website.pk, pattern=pattern, body=body)])
    assert MonitoringData.objects.get().regex_response == stored


def test_an_error_is_stored_with_its_words_cut_to_size(website: Website) -> None:
    recorder_of().write([found(website.pk, http_status=0, error=ErrorKind.TLS, error_detail="x" * 500, pattern="x")])
    row = MonitoringData.objects.get()
    assert (row.http_status, row.error, row.error_detail) == (0, "tls", "x" * 200)
    assert row.response_time is None
    assert row.regex_response is None


def test_checks_of_a_website_that_is_gone_are_dropped_and_the_others_kept(website: Website) -> None:
    desk = recorder_of()
    desk.write([found(website.pk), found(website.pk + 1)])
    assert [row.website_id for row in MonitoringData.objects.all()] == [website.pk]


def test_one_row_that_the_database_refuses_does_not_take_the_others_along(website: Website) -> None:
    desk = recorder_of()
    good, bad = found(website.pk), found(website.pk, http_status=10**9)
    if connection.vendor == "sqlite":
        # SQLite takes any size of number, but a CHECK keeps it from negative ones.
        bad = found(website.pk, http_status=-1)
    desk.write([good, good, bad, good])
    assert MonitoringData.objects.count() == 3
    assert desk.lost == 1


def refuse_writes() -> None:
    """On this connection: the recorder's next one takes them again."""
    with connection.cursor() as cursor:
        is_sqlite = connection.vendor == "sqlite"
        cursor.execute("PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on")


def test_a_database_that_takes_no_writes_loses_no_check(
    website: Website, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    desk = recorder_of()
    refuse_writes()
    desk.write([found(website.pk, http_status=201), found(website.pk, http_status=202, started_at=1_750_000_001.0)])
    assert not MonitoringData.objects.exists()
    (line,) = caplog.records
    assert (line.message, line.__dict__["kept"], line.exc_info) == (
        "checks are kept, the database cannot be written to",
        2,
        None,
    )
    desk.write([found(website.pk, http_status=203, started_at=1_750_000_002.0)])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == [201, 202, 203]
    assert desk.lost == 0


def test_a_fault_that_is_not_of_one_check_loses_none(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    desk = recorder_of()

    def fail(_entries: list[Finding]) -> None:
        raise ProgrammingError("a table is not there")

    statuses = range(200, 200 + 3 * recorder.REFUSALS_MAX)
    with monkeypatch.context() as patch:
        patch.setattr(desk, "_store", fail)
        desk.write([found(website.pk, http_status=status, started_at=1_750_000_000.0 + status) for status in statuses])
    assert desk.lost == 0
    desk.write([])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == list(statuses)


def test_a_fault_of_one_check_holds_up_no_other(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    desk = recorder_of()
    store = desk._store

    def fail_with_one(entries: list[Finding]) -> None:
        if any(finding.row.http_status == 299 for finding in entries):
            raise ProgrammingError("for this one alone")
        store(entries)

    monkeypatch.setattr(desk, "_store", fail_with_one)
    desk.write([found(website.pk, http_status=299)])
    # By itself, it may be the database's fault; with others that are taken, it is not.
    assert desk.lost == 0
    desk.write([found(website.pk, http_status=200, started_at=1_750_000_001.0)])
    assert [row.http_status for row in MonitoringData.objects.all()] == [200]
    assert desk.lost == 1


def test_what_was_kept_for_long_is_written_bit_by_bit(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    monkeypatch.setattr(recorder, "FLUSH_SIZE", 2)
    monkeypatch.setattr(recorder, "CATCH_UP", 0.0)
    desk = recorder_of()
    refuse_writes()
    desk.write([found(website.pk, started_at=1_750_000_000.0 + second) for second in range(7)])
    desk.write([])
    assert MonitoringData.objects.count() == 2
    desk.write([])
    assert MonitoringData.objects.count() == 4
    desk.finish()
    assert MonitoringData.objects.count() == 7
    assert desk.lost == 0


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
    desk.write([found(website.pk, http_status=status, started_at=1_750_000_000.0 + status) for status in statuses])
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
        desk.write([found(website.pk, http_status=201), found(website.pk, http_status=202, started_at=1_750_000_001.0)])
    desk.write([found(website.pk, http_status=203, started_at=1_750_000_002.0)])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == [201, 202, 203]
    assert desk.lost == 0


def test_what_is_given_up_is_counted_and_not_tried_again(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = recorder_of()
    with monkeypatch.context() as patch:
        patch.setattr(desk, "_store", lambda _entries: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            desk.write([found(website.pk)])
    assert desk.give_up() == 1
    desk.write([found(website.pk, http_status=203)])
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
    desk.write([found(website.pk)])
    desk.write([found(website.pk)])
    monkeypatch.setitem(connection.settings_dict, "NAME", name)
    desk.write([found(website.pk)])
    assert MonitoringData.objects.count() == 3
    assert desk.lost == 0


def test_at_most_so_many_checks_are_kept_and_the_oldest_are_counted_as_lost(
    website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_DELAYS", (0.0,))
    monkeypatch.setattr(recorder, "KEPT_CAP", 2 * recorder.BYTES_EACH)
    desk = recorder_of()
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "NAME", "/nonexistent/database")
        desk.write([found(website.pk, http_status=status) for status in (201, 202, 203)])
    desk.write([])
    assert sorted(MonitoringData.objects.values_list("http_status", flat=True)) == [202, 203]
    assert desk.lost == 1


def test_an_idle_worker_says_that_it_lives_and_what_it_missed() -> None:
    misses = Misses()
    desk = recorder_of(misses)
    misses.add(Reason.NO_ROOM, [1, 2, 3])
    misses.add(Reason.NOT_STORED, [1])
    desk.write([])
    heartbeat = Heartbeat.objects.get()
    assert (heartbeat.component, heartbeat.missed) == (Heartbeat.Component.WORKER, 4)
    assert heartbeat.missed_by_reason == {"no room for more checks": 3, "they could not be stored": 1}


@pytest.mark.parametrize(("ago", "late"), [(1.0, 0.0), (60.0, 60.0)])
def test_what_comes_late_although_the_database_takes_it_is_noted(website: Website, ago: float, late: float) -> None:
    misses = Misses()
    desk = recorder_of(misses)
    # It looks at what was missed now, and not again for ten seconds.
    desk.write([])
    now = time.time()
    # Whatever comes with it, and whichever of them comes first.
    desk.write([found(website.pk)._replace(ended_at=now), found(website.pk)._replace(ended_at=now - ago)])
    assert misses.take().late == pytest.approx(late, abs=5)
