"""Which errors can pass: real ones of the database that the tests run on, and by their codes those hard to make."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from django.db import DataError, Error, InterfaceError, InternalError, OperationalError, ProgrammingError, connection
from kombu.exceptions import OperationalError as BrokerError

from monitoring import passing_errors
from monitoring.tests.servers import refusing_port
from websites.models import Website

on_a_database = pytest.mark.django_db(transaction=True)


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def beside() -> Iterator[Callable[[str], None]]:
    """Executes statements on a connection of its own."""
    other = connection.copy()

    def run(statement: str) -> None:
        with other.cursor() as cursor:
            cursor.execute(statement)

    yield run
    other.close()
    connection.close()


def fails(*statements: str) -> Error:
    with pytest.raises(Error) as caught:
        execute(*statements)
    return caught.value


def needs(vendor: str) -> None:
    if connection.vendor != vendor:
        pytest.skip(f"{vendor} alone")


POSTGRESQL = {
    "takes no writes": (["SET default_transaction_read_only = on", "DELETE FROM websites_website"], True),
    "takes no COPY": (["SET default_transaction_read_only = on", "COPY websites_website FROM STDIN"], True),
    "statement too long": (["SET statement_timeout = '20ms'", "SELECT pg_sleep(5)"], True),
    "ended by its owner": (["SELECT pg_terminate_backend(pg_backend_pid())"], True),
    "no right": (["SET ROLE pg_monitor", "SELECT * FROM websites_website"], True),
    "no such table": (["SELECT * FROM nowhere"], False),
    "a value out of range": (["SELECT 1000000000000::integer"], False),
    "a row that is too large": (
        [
            "CREATE TEMP TABLE t (a text PRIMARY KEY)",
            "INSERT INTO t SELECT string_agg(md5(n::text), '') FROM generate_series(1, 999) n",
        ],
        False,
    ),
    "not SQL": (["SELEKT"], False),
}
SQLITE = {
    "takes no writes": (["PRAGMA query_only = ON", "DELETE FROM websites_website"], True),
    "full": (["PRAGMA max_page_count = 1", "CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(10000000))"], True),
    "no such table": (["SELECT * FROM nowhere"], False),
    "not SQL": (["SELEKT"], False),
}


@on_a_database
@pytest.mark.parametrize(("statements", "passes"), POSTGRESQL.values(), ids=POSTGRESQL)
def test_what_postgresql_says_passes_or_does_not(
    beside: Callable[[str], None], statements: list[str], passes: bool
) -> None:
    needs("postgresql")
    error = fails(*statements)
    assert passing_errors.of_database(error) is passes, (type(error), error)


@on_a_database
@pytest.mark.parametrize(("statements", "passes"), SQLITE.values(), ids=SQLITE)
def test_what_sqlite_says_passes_or_does_not(
    beside: Callable[[str], None], statements: list[str], passes: bool
) -> None:
    needs("sqlite")
    error = fails(*statements)
    assert passing_errors.of_database(error) is passes, (type(error), error)


@on_a_database
def test_a_lock_that_somebody_keeps_passes(beside: Callable[[str], None]) -> None:
    is_sqlite = connection.vendor == "sqlite"
    beside("BEGIN IMMEDIATE" if is_sqlite else "BEGIN; LOCK TABLE websites_website IN EXCLUSIVE MODE")
    wait = "PRAGMA busy_timeout = 20" if is_sqlite else "SET lock_timeout = '20ms'"
    assert passing_errors.of_database(fails(wait, "DELETE FROM websites_website"))
    beside("ROLLBACK")


@on_a_database
def test_a_database_that_nobody_serves_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connection.close()
    with monkeypatch.context() as patch, refusing_port() as port:
        patch.setitem(connection.settings_dict, "PORT", port)
        if connection.vendor == "sqlite":
            patch.setitem(connection.settings_dict, "NAME", str(tmp_path / "nowhere" / "file"))
        assert passing_errors.of_database(fails("SELECT 1"))
    connection.close()


@on_a_database
def test_a_constraint_that_a_row_breaks_does_not_pass() -> None:
    Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    with pytest.raises(Error) as caught:
        Website.objects.update(monitoring_interval=1)
    assert not passing_errors.of_database(caught.value)


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        *((state, True) for state in ("08006", "08P01", "25006", "25P03", "28P01", "3D000", "40001", "40P01")),
        *((state, True) for state in ("53100", "53200", "53300", "55P03", "57014", "57P01", "57P03", "58030")),
        *((state, False) for state in ("22003", "23505", "25P02", "42601", "42703", "54000", "XX001")),
    ],
)
def test_the_code_decides_and_not_the_type(state: str, passes: bool) -> None:
    for kind in (OperationalError, InternalError, ProgrammingError, DataError):
        error = kind("whatever it says")
        error.__cause__ = psycopg.errors.lookup(state)()
        assert passing_errors.of_database(error) is passes


def test_what_comes_without_a_code_passes_unless_it_is_about_what_was_asked() -> None:
    assert all(map(passing_errors.of_database, (OperationalError(), InterfaceError(), InternalError())))
    assert not any(map(passing_errors.of_database, (DataError(), ProgrammingError(), ValueError(), None)))


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (BrokerError("away"), True),
        (redis.ConnectionError("refused"), True),
        (redis.exceptions.OutOfMemoryError("full"), True),
        (redis.exceptions.ReadOnlyError("a replica"), True),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), True),
        (redis.ResponseError("WRONGTYPE Operation against a key"), False),
        (OSError("something else"), False),
    ],
)
def test_what_the_broker_says_passes_or_does_not(error: Exception, passes: bool) -> None:
    assert passing_errors.of_broker(error) is passes
