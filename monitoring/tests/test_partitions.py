"""Days of checks: made ahead, filled from the default partition, dropped, while others read and write."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import time_machine
from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from monitoring import partitions, rows, tasks, worker
from monitoring.models import MonitoringData
from monitoring.partitions import DAYS_AHEAD
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.rows import Row
from websites.models import Website

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.IS_SQLITE, reason="SQLite has no partitions"),
]
DEADLINE = 10.0
DEFAULT = "monitoring_monitoringdata_default"


def today() -> datetime:
    return floor(timezone.now(), DAY)


def row(at: datetime, website_id: int = 1) -> Row:
    return Row(website_id, 200, at, 0.1, None, at, "up", "", "", None, None, None, None, None, None)


def insert(*moments: datetime) -> None:
    rows.insert([row(moment) for moment in moments])


def places() -> list[str]:
    """The partition that each row lies in, in the order of time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT replace(tableoid::regclass::text, 'monitoring_monitoringdata_', '')"
            " FROM monitoring_monitoringdata ORDER BY entry_timestamp"
        )
        return [place for (place,) in cursor.fetchall()]


def days() -> list[datetime]:
    return [partition.since for partition in partitions.known() if partition.since]


def remake(*there: datetime) -> None:
    """Leave only these days."""
    with connection.cursor() as cursor:
        for partition in partitions.known():
            cursor.execute(f"DROP TABLE {partition.name}")
    assert partitions.make(there) == len(there)


@pytest.fixture(autouse=True)
def usual_days() -> Iterator[None]:
    remake()
    partitions.make_ahead()
    yield
    connection.close()
    remake()
    partitions.make_ahead()


@contextmanager
def another_session(*statements: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A transaction that has executed these statements, and is open."""
    connection.ensure_connection()
    info = connection.connection.info
    with psycopg.connect(f"{info.dsn} password={info.password}") as other:
        for statement in statements:
            other.execute(statement.encode())
        yield other
        other.rollback()


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def test_today_and_the_next_days_are_there_and_made_once() -> None:
    assert days() == [today() + number * DAY for number in range(DAYS_AHEAD + 1)]
    assert partitions.make_ahead() == 0


@pytest.mark.parametrize("maker", [tasks.prune_monitoring_data, worker._make_days])
def test_days_are_made_by_the_task_and_by_a_worker_that_starts(maker: Callable[[], None]) -> None:
    remake()
    maker()
    assert len(partitions.known()) == DAYS_AHEAD + 1


def test_a_row_lies_in_its_day_and_one_without_a_day_in_the_default_partition() -> None:
    now = timezone.now()
    insert(now, now + DAY, now - 3 * DAY, now + 30 * DAY)
    assert places() == ["default", f"{now:%Y%m%d}", f"{now + DAY:%Y%m%d}", "default"]
    assert MonitoringData.objects.count() == 4
    assert len(rows.stored_among([row(now), row(now + DAY), row(now + 2 * DAY)])) == 2


@pytest.mark.parametrize(("moment", "place"), [(timedelta(), ""), (-timedelta(microseconds=1), "before")])
def test_a_day_begins_at_midnight_utc(moment: timedelta, place: str) -> None:
    insert(today() + DAY + moment)
    assert places() == [f"{today() + (DAY if not place else timedelta()):%Y%m%d}"]


def test_what_the_default_partition_caught_moves_when_its_day_is_made() -> None:
    remake(today())
    insert(today(), today() + 1.5 * DAY, today() - 2.5 * DAY, today() + 90 * DAY, today() - 900 * DAY)
    kept = dict(MonitoringData.objects.values_list("pk", "entry_timestamp"))
    # The days ahead, and of the others the one that is wanted still.
    assert partitions.make_ahead() == DAYS_AHEAD + 1
    assert places() == [
        "default",
        f"{today() - 3 * DAY:%Y%m%d}",
        f"{today():%Y%m%d}",
        f"{today() + DAY:%Y%m%d}",
        "default",
    ]
    assert dict(MonitoringData.objects.values_list("pk", "entry_timestamp")) == kept


def test_a_clock_that_jumps_a_week_ahead_and_back_loses_nothing_and_refuses_nothing() -> None:
    insert(timezone.now())
    with time_machine.travel(timezone.now() + timedelta(days=7)):
        insert(timezone.now())
        assert partitions.make_ahead() == DAYS_AHEAD + 1
        insert(timezone.now())
        ahead = [f"{timezone.now():%Y%m%d}"] * 2
    insert(timezone.now())
    assert partitions.make_ahead() == 0
    assert places() == [f"{timezone.now():%Y%m%d}"] * 2 + ahead
    for _ in range(8):
        with time_machine.travel(timezone.now() + timedelta(days=1)):
            partitions.make_ahead()
    assert MonitoringData.objects.count() == 4


def test_rows_that_come_while_others_are_moved_are_moved_as_well() -> None:
    remake()
    moment = today() + DAY / 2
    insert(moment)
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        try:
            while not stop.is_set():
                insert(moment + timedelta(microseconds=written))
                written += 1
        finally:
            connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: written > 20)
        partitions.make_ahead()
        before = written
        wait_until(lambda: written > before + 20)
    finally:
        stop.set()
        writer.join()
    assert places() == [f"{today():%Y%m%d}"] * (written + 1)


def test_a_day_is_not_made_while_somebody_reads_the_default_partition_and_checks_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(partitions, "PAUSE", 0.01)
    remake(today())
    insert(today() + DAY)
    with another_session("SELECT count(*) FROM monitoring_monitoringdata"):
        assert partitions.make_ahead() == 0
        insert(today(), today() + DAY)
    assert "no day of checks can be made for now" in caplog.text
    assert len(partitions.known()) == 1
    assert partitions.make_ahead() == DAYS_AHEAD
    assert places() == [f"{today():%Y%m%d}", *[f"{today() + DAY:%Y%m%d}"] * 2]


def test_one_process_at_a_time_makes_days() -> None:
    remake()
    with another_session(f"SELECT pg_advisory_xact_lock({partitions.ADVISORY_LOCK_KEY})"):
        assert partitions.make_ahead() == 0
    assert partitions.make_ahead() == DAYS_AHEAD + 1


def test_old_days_are_dropped_and_late_rows_of_them_are_taken_and_deleted() -> None:
    remake(*(today() - number * DAY for number in range(4)))
    insert(*(today() - number * DAY for number in range(4)))
    horizon = today() - DAY
    assert partitions.drop_before(horizon) == 2
    assert days() == [horizon, today()]
    late = today() - 3 * DAY
    insert(late, late, late)
    assert places() == [*["default"] * 3, f"{horizon:%Y%m%d}", f"{today():%Y%m%d}"]
    assert partitions.delete_strays(horizon, 2) == 2
    assert partitions.delete_strays(horizon, 2) == 1
    assert partitions.delete_strays(horizon, 2) == 0
    assert MonitoringData.objects.count() == 2


def test_a_long_reader_keeps_old_days_and_checks_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "PAUSE", 0.01)
    remake(today() - 2 * DAY, today())
    insert(today() - 2 * DAY)
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        try:
            while not stop.is_set():
                begun = time.monotonic()
                insert(today())
                waits.append(time.monotonic() - begun)
        finally:
            connections.close_all()

    with another_session("SELECT count(*) FROM monitoring_monitoringdata") as reader:
        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert partitions.drop_before(today()) == 0
            # It still reads what it read.
            assert reader.execute("SELECT count(*) FROM monitoring_monitoringdata").fetchone() is not None
            before = len(waits)
            wait_until(lambda: len(waits) > before)
        finally:
            stop.set()
            writer.join()
    # None waited for the reader: at most for as long as the lock was waited for.
    assert max(waits) < DEADLINE
    assert len(waits) > partitions.ATTEMPTS
    assert partitions.drop_before(today()) == 1


def test_dropping_leaves_off_where_it_is_told_to() -> None:
    remake(*(today() - number * DAY for number in range(1, 4)))
    assert partitions.drop_before(today(), lambda: len(days()) < 3) == 1


def test_ids_are_found_by_time_however_many_days_there_are() -> None:
    remake(*(today() - number * DAY for number in range(4)))
    insert(*(today() - number * DAY / 2 for number in range(6, -1, -1)))
    found = partitions.rows_since(today() - DAY / 2)
    assert found.count() == 3


def test_a_website_takes_its_checks_of_all_days_along() -> None:
    website, other = (
        Website.objects.create(website_url=f"http://127.0.0.{n}/", monitoring_interval=60) for n in (1, 2)
    )
    moments = (today() - 90 * DAY, today(), today() + DAY)
    rows.insert([row(moment, pk) for moment in moments for pk in (website.pk, other.pk)])
    with transaction.atomic():
        website.delete()
    assert set(MonitoringData.objects.values_list("website", flat=True)) == {other.pk}
    assert MonitoringData.objects.count() == 3


def test_ids_go_on_counting_and_every_partition_has_the_indexes() -> None:
    insert(today(), today() + DAY, today() + 90 * DAY)
    ids = list(MonitoringData.objects.order_by("pk").values_list("pk", flat=True))
    assert ids == list(range(ids[0], ids[0] + 3))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, count(inhrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " JOIN pg_inherits ON inhparent = indexrelid"
            " WHERE indrelid = 'monitoring_monitoringdata'::regclass AND indisvalid GROUP BY relname"
        )
        found = dict(cursor.fetchall())
    assert found == dict.fromkeys(
        (
            "monitoring_monitoringdata_pkey",
            "monitoring_website_newest",
            "monitoring_error_newest",
            "monitoring_status_newest",
            "monitoring_outcome_newest",
            "monitoring_entry_timestamp_brin",
        ),
        DAYS_AHEAD + 2,
    )


def test_a_clock_far_ahead_has_its_day_too() -> None:
    insert(datetime(9998, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC))
    assert places() == ["default", "default"]
