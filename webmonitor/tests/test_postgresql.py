"""Time stamps as they come from PostgreSQL, and how long its answers are waited for."""

from datetime import UTC

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.postgresql.psycopg_any import register_tzloader
from psycopg.pq import Format

from monitoring import passing_errors, patience
from webmonitor import postgresql

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(settings.IS_SQLITE, reason="PostgreSQL alone"),
]


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-26 14:30:00+00",
        "2026-11-26 14:30:00.000001+00",
        "2026-11-26 14:30:00.999999+05:45",
        "2026-10-25 02:30:00 Europe/Berlin",
        "0001-01-02 00:00:00+00",
        "9999-12-31 00:00:00+00",
    ],
)
def test_time_stamps_are_read_as_django_reads_them(written: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz, NULL::timestamptz", [written])
        compiled, nothing = cursor.fetchone()
        register_tzloader(UTC, cursor.cursor)
        cursor.execute("SELECT %s::timestamptz", [written])
        (as_by_django,) = cursor.fetchone()
    assert compiled == as_by_django
    assert compiled.tzinfo is as_by_django.tzinfo is UTC
    assert nothing is None


def test_new_connections_read_them_by_the_compiled_loader() -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            # Django would have registered its own with the cursor, had it not found the right time zone.
            loader = cursor.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, Format.TEXT)
    finally:
        other.close()
    assert loader is postgresql.UtcLoader
    assert psycopg.pq.__impl__ == "binary"


@pytest.mark.django_db(transaction=True)
def test_a_statement_without_an_answer_ends_with_the_patience_of_its_thread_and_the_next_connection_works() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
        with patience.at_most(0.2), pytest.raises(OperationalError, match=r"did not answer within 0\.2 s") as caught:
            cursor.execute("SELECT pg_sleep(600)")
    assert passing_errors.of_database(caught.value)
    assert connection.connection.closed
    connection.close()
    # A server that is only slow has been told to stop.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND query ~ 'pg_sleep' AND state = 'active'",
            [session],
        )
        assert cursor.fetchone() == (0,)
