"""A real PgBouncer between the product and the database that the tests run on."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from bench.binaries import UnavailableError
from bench.pooler import pgbouncer
from monitoring import periodic_tasks, poolers, rollup_tables, rollups
from monitoring.leadership import Leadership
from monitoring.models import HourlyRollup, RollupProgress
from monitoring.tests.checks_made import NOON, begin_rollups, check, watched_website
from monitoring.watch_periods import Span
from websites.models import Website

pytestmark = pytest.mark.django_db(transaction=True)

WANTED = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min", "jit": "off"}
KEPT = "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database ON setdatabase = oid WHERE datname = %s"


def through(mode: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All new connections go through a PgBouncer."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL alone")
    known = connection.settings_dict
    url = f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"
    connection.close()
    try:
        with pgbouncer(url, mode) as pooled, monkeypatch.context() as patch:
            patch.setitem(known, "PORT", urlsplit(pooled).port)
            patch.setitem(connections.settings["default"], "PORT", urlsplit(pooled).port)
            yield
            connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER ROLE CURRENT_USER IN DATABASE "{known["NAME"]}" RESET ALL')
    except UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["session", "transaction"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for _ in through(request.param, monkeypatch):
        yield request.param


@pytest.fixture
def by_statement(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from through("statement", monkeypatch)


def one_value(sql: str, *parameters: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def test_a_pooler_is_seen_and_sessions_are_set_up(mode: str) -> None:
    assert poolers.is_between(connection)
    assert {name: one_value(f"SHOW {name}") for name in WANTED} == WANTED


def test_two_beats_never_both_lead(mode: str) -> None:
    beats = [Leadership() for _ in range(3)]
    try:
        # The pooler gives each of them the session that was free last, which is one that another has just asked.
        for _ in range(5):
            assert [beat for beat in beats if beat.hold()] == beats[:1]
        beats[0].release()
        assert [beat for beat in beats[1:] if beat.hold()] == beats[1:2]
    finally:
        for beat in beats:
            beat.release()


def test_the_role_keeps_the_settings_only_if_sessions_do_not_stay(mode: str) -> None:
    poolers.keep_settings()
    with connection.cursor() as cursor:
        cursor.execute(KEPT, [connection.settings_dict["NAME"]])
        kept = {setting for (setting,) in cursor.fetchall()}
    assert bool(kept) is (mode == "transaction")
    assert kept <= {"lock_timeout=10s", "idle_in_transaction_session_timeout=60s", "jit=off"}


@pytest.fixture
def others() -> Iterator[list[BaseDatabaseWrapper]]:
    """Connections in transactions, which begin with `take_session`."""
    taken: list[BaseDatabaseWrapper] = []
    yield taken
    for other in taken:
        other.close()


def take_session(others: list[BaseDatabaseWrapper]) -> None:
    """Have somebody else take the session that was asked last, if it is free."""
    other = connection.copy()
    others.append(other)
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_hours_are_rolled_up_while_others_take_the_session(
    mode: str, others: list[BaseDatabaseWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    sum_up = rollup_tables.sum_up

    def sum_up_and_wait(span: Span, website_ids: list[int]) -> None:
        sum_up(span, website_ids)
        take_session(others)

    monkeypatch.setattr(rollup_tables, "sum_up", sum_up_and_wait)
    with time_machine.travel(NOON, tick=False) as clock:
        begin_rollups(NOON)
        website = watched_website()
        check(website, NOON).save()
        RollupProgress.objects.update(hours_until=NOON, recent_until=NOON)
        clock.move_to(NOON + timedelta(hours=1, minutes=10))
        assert rollups.roll_up() > 0
    assert HourlyRollup.objects.get(website=website, started_at=NOON).up == 1


def test_a_database_is_prepared(mode: str) -> None:
    call_command("prepare", database_only=True)
    assert periodic_tasks.wrong() == []


def test_a_long_result_is_read_while_others_take_the_session(mode: str, others: list[BaseDatabaseWrapper]) -> None:
    Website.objects.bulk_create(Website(website_url=f"http://127.0.0.1/{n}", monitoring_interval=60) for n in range(9))
    rows = Website.objects.order_by("pk").iterator(chunk_size=1)
    first = next(rows)
    take_session(others)
    assert len([first, *rows]) == 9


def test_a_pooler_that_knows_no_transactions_is_refused_with_a_sentence(by_statement: None) -> None:
    with pytest.raises(CommandError, match=r"statement pooling.* Set pool_mode to transaction or session"):
        call_command("prepare", database_only=True)


def test_without_a_pooler_none_is_seen() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL alone")
    assert not poolers.is_between(connection)
    poolers.keep_settings()
    assert one_value("SELECT count(*) FROM pg_db_role_setting") == 0
