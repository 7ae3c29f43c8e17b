"""Sums over checks, made by the database: for rollups, and for what is not rolled up yet.

Only checks of slots count: those between slots would give an outage more weight than it had.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from monitoring import id_lists
from monitoring.histogram import GROWTH, LOWEST
from monitoring.models import MonitoringData
from monitoring.watch_periods import Span

# What a check that failed without an error counts as: its status or its body was not what it must be.
REJECTED = "rejected"
OUTCOMES = ("up", "down", "unknown")
TIMES = ("response", "dns", "connect", "tls", "first_byte")
# What a statement gives of each website and piece after these two, in order: columns of rollups.
COLUMNS = (*OUTCOMES, *(f"{time}_sum" for time in TIMES), "response_min", "response_max", "histogram", "errors")
EARLY_COLUMNS = tuple(f"early_{outcome}" for outcome in OUTCOMES)

_ANSWERED = "WHERE response_time IS NOT NULL"
_TABLE = MonitoringData._meta.db_table


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where the SQL of the databases differs; each takes what stands in its braces."""

    # Texts, with commas between.
    joined: str
    # Seconds of Unix time.
    epoch: str
    less: str
    greater: str
    # The table `pair` with the columns `key` and `value`, of a JSON text.
    pairs: str


# SQLite's own fractions of a second are rounded, some of them up to the next second.
_DIALECTS = {
    "postgresql": Dialect(
        "string_agg({}, ',')",
        "date_part('epoch', {})",
        "LEAST({}, {})",
        "GREATEST({}, {})",
        "json_each_text(({})::json) AS pair",
    ),
    "sqlite": Dialect(
        "group_concat({}, ',')",
        "(CAST(strftime('%%s', substr({0}, 1, 19)) AS integer) + CAST('0' || substr({0}, 20) AS real))",
        "MIN({}, {})",
        "MAX({}, {})",
        "json_each({}) AS pair",
    ),
}


class Pieces(NamedTuple):
    """Pieces of time of one width, counted from a moment on that is a whole second."""

    since: datetime
    width: timedelta


def dialect() -> Dialect:
    return _DIALECTS[connection.vendor]


def moment(value: datetime) -> Any:
    """A parameter, as the database keeps it."""
    return connection.ops.adapt_datetimefield_value(value)


def counted(name: str, count: str) -> str:
    """SQL of counts by name, as rollups keep them (`monitoring.histogram.read`); those without a name are left out."""
    pair = dialect().joined.format(f"'\"' || {name} || '\":' || {count}")
    return f"COALESCE({pair} FILTER (WHERE {name} IS NOT NULL), '')"


def statement(
    website_ids: Collection[int],
    span: Span,
    *,
    left_out: Sequence[Span] = (),
    pieces: Pieces | None = None,
    half: datetime | None = None,
) -> tuple[str, list[Any]]:
    """SQL and parameters of the sums over a span, without what is left out of it.

    Its rows are `(website_id, piece, *COLUMNS)`, of websites and pieces with at least one check. Without `pieces`, all
    is piece 0. With `half`, `EARLY_COLUMNS` follow: the outcomes before it.
    """
    piece, piece_parameters = _piece(pieces)
    early = [
        f"COUNT(*) FILTER (WHERE outcome = '{outcome}' AND entry_timestamp < %s) AS early_{outcome}"
        for outcome in (OUTCOMES if half else ())
    ]
    inner = [
        "website_id",
        f"{piece} AS piece",
        f"{_bucket()} AS bucket",
        f"CASE WHEN error <> '' THEN error WHEN outcome = 'down' THEN '{REJECTED}' END AS kind",
        "COUNT(*) AS checks",
        *(f"COUNT(*) FILTER (WHERE outcome = '{outcome}') AS {outcome}" for outcome in OUTCOMES),
        # A sum of short floats would be one.
        *(f"SUM(CAST({time}_time AS double precision)) FILTER ({_ANSWERED}) AS {time}_sum" for time in TIMES),
        "MIN(response_time) AS response_min",
        "MAX(response_time) AS response_max",
        *early,
    ]
    outer = [
        "website_id",
        "piece",
        *(f"CAST(SUM({outcome}) AS integer) AS {outcome}" for outcome in OUTCOMES),
        *(f"SUM({time}_sum) AS {time}_sum" for time in TIMES),
        "MIN(response_min) AS response_min",
        "MAX(response_max) AS response_max",
        f"{counted('bucket', 'checks')} AS histogram",
        f"{counted('kind', 'checks')} AS errors",
        *(f"CAST(SUM({column}) AS integer) AS {column}" for column in (EARLY_COLUMNS if half else ())),
    ]
    gaps = "".join(" AND NOT (entry_timestamp >= %s AND entry_timestamp < %s)" for _ in left_out)
    sql = (
        f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)}"  # noqa: S608  # names of this project's own
        f" FROM {id_lists.table()} JOIN {_TABLE} ON website_id = asked.id"
        f" WHERE scheduled_at IS NOT NULL AND entry_timestamp >= %s AND entry_timestamp < %s{gaps}"
        " GROUP BY website_id, piece, bucket, kind) AS grouped GROUP BY website_id, piece"
    )
    moments = [edge for left in (span, *left_out) for edge in left]
    early_parameters = [moment(half)] * len(early) if half else []
    return sql, [
        *piece_parameters,
        *early_parameters,
        id_lists.parameter(website_ids),
        *map(moment, moments),
    ]


def _piece(pieces: Pieces | None) -> tuple[str, list[Any]]:
    if pieces is None:
        return "0", []
    seconds = f"{dialect().epoch.format('entry_timestamp')} - %s"
    return f"CAST(FLOOR(({seconds}) / %s) AS integer)", [pieces.since.timestamp(), pieces.width.total_seconds()]


def _bucket() -> str:
    """`monitoring.histogram.bucket_of`; NULL where no answer came."""
    time = dialect().greater.format("response_time", LOWEST)
    bucket = f"CAST(FLOOR(LN({time} / {LOWEST}) / LN({GROWTH})) AS integer)"
    # GREATEST of PostgreSQL passes NULL over.
    return f"CASE WHEN response_time IS NOT NULL THEN {bucket} END"
