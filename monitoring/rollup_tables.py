"""The statements that make rollups: sets of rows that never leave the database."""

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from monitoring import check_sums, id_lists, maintenance
from monitoring.models import DailyRollup, HourlyRollup, RecentRollup, Rollup, WatchPeriod
from monitoring.schedule import chunks
from monitoring.watch_periods import Span
from websites.models import Website

TEN_MINUTES, HOUR, DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)

_RECENT, _HOURS, _DAYS = (model._meta.db_table for model in (RecentRollup, HourlyRollup, DailyRollup))
_PERIODS = WatchPeriod._meta.db_table
# Of so many websites, an hour is read as a whole.
MANY = 500
PLANNING = {"enable_indexscan": "off", "max_parallel_workers_per_gather": "0", "work_mem": "'64MB'"}
# What `sum_up` makes: of this connection alone.
_MADE = "rolled_up"
_COUNTS = (*check_sums.OUTCOMES, *check_sums.EARLY_COLUMNS)
_TEXTS = ("histogram", "errors")
_HOUR_SUMS = (*check_sums.COLUMNS, *check_sums.EARLY_COLUMNS)
_HOUR_COLUMNS = ", ".join(("website_id", "started_at", "expected", "early_expected", *_HOUR_SUMS))
_DAY_COLUMNS = ", ".join(("website_id", "started_at", "expected", *check_sums.COLUMNS))


def one_session() -> contextlib.AbstractContextManager[Any]:
    """Keeps `sum_up` and what takes its result together: a pooler may give each transaction another session.

    Others wait for nothing of it but its last statements. On SQLite, they would wait for all of it.
    """
    return transaction.atomic() if connection.vendor == "postgresql" else contextlib.nullcontext()


def sum_up(span: Span, website_ids: Collection[int]) -> None:
    """Make the rollups of a span in a temporary table, without a lock that others would wait for."""
    maintained = maintenance.spans(website_ids, span)
    alike: dict[tuple[Span, ...], list[int]] = defaultdict(list)
    for website_id in website_ids:
        alike[maintained.get(website_id, ())].append(website_id)
    with connection.cursor() as cursor, _planned_for_many(cursor, len(website_ids)):
        cursor.execute(f"DROP TABLE IF EXISTS {_MADE}")
        cursor.execute(f"CREATE TEMPORARY TABLE {_MADE} AS SELECT {_HOUR_COLUMNS} FROM {_HOURS} WHERE 1 = 0")  # noqa: S608
        for left_out, ids in alike.items():
            cursor.execute(*_insert_sums(ids, span, left_out))


@contextlib.contextmanager
def _planned_for_many(cursor: CursorWrapper, websites: int) -> Iterator[None]:
    """Have PostgreSQL read an hour as it lies on the disk, in one process, beside which checks go on.

    It takes there to be a group for almost every check, and so would rather read them by the index of websites, one by
    one in no order, which takes five times as long.
    """
    if connection.vendor != "postgresql" or websites <= MANY:
        yield
        return
    for name, value in PLANNING.items():
        cursor.execute(f"SET LOCAL {name} = {value}")
    yield
    for name in PLANNING:
        cursor.execute(f"SET LOCAL {name} TO DEFAULT")


def add_recent() -> None:
    """Add what `sum_up` made of ten minutes."""
    _take(_RECENT, _DAY_COLUMNS)


def replace_hour(hour: datetime, website_ids: Collection[int] | None = None) -> None:
    """Put what `sum_up` made in the place of what there is of an hour, or of these websites in it."""
    _clear(HourlyRollup, hour, website_ids)
    _take(_HOURS, _HOUR_COLUMNS)


def replace_day(day: datetime, website_ids: Collection[int]) -> None:
    """Make a day of these websites of its hours, in the place of what there is."""
    _clear(DailyRollup, day, website_ids)
    sums = [
        "SUM(CAST(hour.expected AS double precision))",
        *(f"SUM(hour.{outcome})" for outcome in check_sums.OUTCOMES),
        *(f"SUM(CAST(hour.{time}_sum AS double precision))" for time in check_sums.TIMES),
        "MIN(hour.response_min)",
        "MAX(hour.response_max)",
        # Of equal ones, as there is one a website.
        *(f"COALESCE(MAX({text}.pairs), '')" for text in _TEXTS),
    ]
    sql = f"""
        WITH hours AS (
            SELECT hour.* FROM {id_lists.table()} JOIN {_HOURS} AS hour ON hour.website_id = asked.id
            WHERE hour.started_at >= %s AND hour.started_at < %s
        ), {", ".join(_merged(text) for text in _TEXTS)}
        INSERT INTO {_DAYS} ({_DAY_COLUMNS})
        SELECT hour.website_id, {_typed_moment()}, {", ".join(sums)} FROM hours AS hour
        LEFT JOIN histogram ON histogram.website_id = hour.website_id
        LEFT JOIN errors ON errors.website_id = hour.website_id
        GROUP BY hour.website_id
    """  # noqa: S608
    start = check_sums.moment(day)
    with connection.cursor() as cursor:
        cursor.execute(sql, [id_lists.parameter(website_ids), start, check_sums.moment(day + DAY), start])


def _take(table: str, columns: str) -> None:
    """Move what `sum_up` made, but for websites that were deleted meanwhile: nobody would delete their rows again."""
    there = f"SELECT {Website._meta.pk.column} FROM {Website._meta.db_table}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_MADE} WHERE website_id IN ({there})"  # noqa: S608
        )
        cursor.execute(f"DROP TABLE {_MADE}")


def _clear(rollup: type[Rollup], start: datetime, website_ids: Collection[int] | None) -> None:
    rows = rollup._default_manager.filter(started_at=start)
    if website_ids is None:
        rows._raw_delete(rows.db)
        return
    for chunk in chunks(list(website_ids)):
        some = rows.filter(website__in=chunk)
        some._raw_delete(some.db)


def _insert_sums(website_ids: Collection[int], span: Span, left_out: Sequence[Span]) -> tuple[str, list[Any]]:
    """SQL and parameters: the rollups of a span, of websites that have checks or should have."""
    half = span.since + (span.until - span.since) / 2
    slots, slot_parameters = _slots(website_ids, span, left_out, half)
    sums, parameters = check_sums.statement(website_ids, span, left_out=left_out, half=half)
    sql = f"""
        INSERT INTO {_MADE} ({_HOUR_COLUMNS})
        SELECT asked.id, {_typed_moment()}, COALESCE(slots.number, 0), slots.early,
            {", ".join(map(_never_null, _HOUR_SUMS))}
        FROM {id_lists.table()}
        LEFT JOIN ({slots}) AS slots ON slots.website_id = asked.id
        LEFT JOIN ({sums}) AS sums ON sums.website_id = asked.id
        WHERE slots.number > 0 OR sums.website_id IS NOT NULL
    """  # noqa: S608
    return sql, [check_sums.moment(span.since), id_lists.parameter(website_ids), *slot_parameters, *parameters]


def _slots(website_ids: Collection[int], span: Span, left_out: Sequence[Span], half: datetime) -> tuple[str, list[Any]]:
    """SQL and parameters of how many slots a span has without what is left out, as `watch_periods.expected` counts.

    Its rows are `(website_id, number, early)`: all of them, and those before `half`, NULL where these are half of all.
    """
    dialect = check_sums.dialect()
    since, until = map(check_sums.moment, span)
    overlap = f"{dialect.less.format('ends', '%s')} - {dialect.greater.format('starts', '%s')}"
    counted = [span.without(left_out), Span(span.since, half).without(left_out)]
    number, early = (
        f"SUM(({' + '.join([dialect.greater.format('0', overlap)] * len(parts)) or '0'}) / seconds)"
        for parts in counted
    )
    sql = f"""
        SELECT website_id, number, NULLIF(early, number / 2) AS early FROM (SELECT period.website_id,
            {number} AS number, {early} AS early
        FROM {id_lists.table()} JOIN (
            SELECT website_id, CAST("interval" AS double precision) AS seconds,
                {dialect.epoch.format("since")} AS starts,
                COALESCE({dialect.epoch.format("until")}, %s) AS ends
            FROM {_PERIODS} WHERE since < %s AND (until IS NULL OR until > %s)
        ) AS period ON period.website_id = asked.id
        GROUP BY period.website_id) AS counted
    """  # noqa: S608
    edges = [edge.timestamp() for parts in counted for part in parts for edge in (part.until, part.since)]
    return sql, [*edges, id_lists.parameter(website_ids), span.until.timestamp(), until, since]


def _never_null(column: str) -> str:
    if column in _TEXTS:
        return f"COALESCE({column}, '')"
    return f"COALESCE({column}, 0)" if column in _COUNTS else column


def _merged(text: str) -> str:
    """A common table expression, named as the column, of what the `hours` have in it, added up, as `pairs`."""
    return f"""{text} AS (
        SELECT website_id, {check_sums.counted("name", "total")} AS pairs FROM (
            SELECT website_id, pair.key AS name, CAST(SUM(CAST(pair.value AS integer)) AS integer) AS total
            FROM hours, {check_sums.dialect().pairs.format(f"'{{' || {text} || '}}'")} GROUP BY website_id, pair.key
        ) AS added GROUP BY website_id
    )"""  # noqa: S608


def _typed_moment() -> str:
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
