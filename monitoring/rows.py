"""Rows of monitoring data on their way into the table, the cheapest way that each database has.

The ORM's `bulk_create` costs some 40 µs a row on both sides of the connection; COPY on PostgreSQL and
`executemany` on SQLite a fraction of it (docs/performance.md).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from monitoring.models import ERROR_DETAIL_MAX_LENGTH, MonitoringData
from monitoring.probe import content
from monitoring.probe.types import ProbeResult
from monitoring.schedule import chunks


class Row(NamedTuple):
    """One check as `MonitoringData` keeps it: the fields are its columns, `id` excepted."""

    website_id: int
    http_status: int
    entry_timestamp: datetime
    response_time: float | None
    regex_response: str | None
    scheduled_at: datetime | None
    outcome: str
    error: str
    error_detail: str
    dns_time: float | None
    connect_time: float | None
    tls_time: float | None
    first_byte_time: float | None
    failed_after: float | None
    remote_ip: str | None


_TABLE = MonitoringData._meta.db_table
_INSERT = f"INSERT INTO {_TABLE} ({', '.join(Row._fields)}) VALUES ({', '.join(['%s'] * len(Row._fields))})"  # noqa: S608


def row_of(website_id: int, slot: int | None, result: ProbeResult, outcome: str, words: str) -> Row:
    """The row that keeps a check of a slot (ms of Unix time; None beside the slots) and its outcome, in a sentence."""
    exchange, matches = result
    phases = exchange.phases
    return Row(
        website_id,
        exchange.http_status,
        datetime.fromtimestamp(exchange.started_at, UTC),
        exchange.response_time,
        None if matches is None else content.as_json(matches),
        None if slot is None else datetime.fromtimestamp(slot / 1000, UTC),
        outcome,
        exchange.error or "",
        words[:ERROR_DETAIL_MAX_LENGTH],
        phases.dns,
        phases.connect,
        phases.tls,
        phases.first_byte,
        exchange.failed_after,
        exchange.remote_ip,
    )


Key = tuple[int, datetime]


def key_of(row: Row) -> Key:
    """What tells a check from all others."""
    return row.website_id, row.entry_timestamp


def stored_among(rows: Sequence[Row]) -> set[Key]:
    """The keys of those of the rows that the table has. Raises `django.db.Error`."""
    moments = [row.entry_timestamp for row in rows]
    same_time = MonitoringData.objects.filter(entry_timestamp__range=(min(moments), max(moments)))
    stored: set[Key] = set()
    for ids in chunks(list({row.website_id for row in rows})):
        stored.update(same_time.filter(website__in=ids).values_list("website_id", "entry_timestamp"))
    return stored


def insert(rows: Sequence[Row]) -> None:
    """Insert rows in one statement. Raises `django.db.Error`; inside a transaction, none or all are written."""
    if connection.vendor == "postgresql":
        copy_in(_TABLE, Row._fields, rows)
        return
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, [tuple(map(_adapted, row)) for row in rows])


def copy_in(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table of PostgreSQL. Raises `django.db.Error`."""
    command = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(command) as copy:
        for row in rows:
            copy.write_row(row)


def _adapted(value: Any) -> Any:
    """As the ORM has SQLite keep it."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
