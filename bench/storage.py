"""What history costs: bytes a check and a year of rollups on disk, and the time that rolling up takes.

`python -m bench.storage` fills a private PostgreSQL with an hour of checks for each of several intervals, at a million
checks a day, rolls it up, and prints the bytes of both; and the time that an hour of 1,000 checks a second takes. The
exit code is 1 where a stated bound does not hold.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.binaries import UnavailableError
from bench.processes import environment
from bench.scenarios import Scenario, fill
from bench.servers import EXIT_SKIP

A_DAY = 1_000_000
INTERVALS = (5, 60, 300)
CHECKS = "monitoring_monitoringdata"
WEBSITES = 10_000
# Bounds: bytes of a check with its indexes, bytes of a year at a million checks a day, seconds of rolling up a check.
CHECK = 200.0
YEAR = 2e9
ROLLING = 15e-6
ADDRESSES = 250
PIECE = 50_000


@dataclass
class Cost:
    """Of one interval: bytes of a check, of a rollup of an hour and of a day, and of a year of them."""

    interval: int
    websites: int
    check: float
    hour: float
    day: float
    year: float


def checks(first: int, websites: int, interval: int, begin: float, seconds: int) -> Iterator[list[object]]:
    """Rows as workers write them, in the order of time: one in fifty answers slowly, one in two hundred is down."""
    from monitoring.rows import Row

    dice = random.Random(1)
    for second in range(seconds):
        for number in range(second % interval, websites, interval):
            at = datetime.fromtimestamp(begin + second + 0.04 + dice.random() / 10, UTC)
            took = 0.03 * (1 + number % 7) * dice.lognormvariate(0, 0.3) * (8 if dice.random() < 0.02 else 1)
            is_down = dice.random() < 0.005
            yield [
                *Row(
                    first + number,
                    0 if is_down else 200,
                    at,
                    None if is_down else took,
                    None,
                    datetime.fromtimestamp(begin + second, UTC),
                    "down" if is_down else "up",
                    "timeout" if is_down else "",
                    "No complete answer within 5 seconds, not even its headers." if is_down else "",
                    0.0004,
                    took / 5,
                    took / 3,
                    took * 0.9,
                    5.0 if is_down else None,
                    f"192.0.2.{number % ADDRESSES}",
                )
            ]


def write(rows: Iterator[list[object]]) -> int:
    """Into the table, some at a time, as the recorder does; returns how many."""
    from monitoring.rows import Row, insert

    count = 0
    batch: list[Row] = []
    for row in rows:
        batch.append(Row(*row))  # type: ignore[arg-type]
        if len(batch) == PIECE:
            insert(batch)
            count += len(batch)
            batch = []
    insert(batch)
    return count + len(batch)


def cost(interval: int) -> Cost:
    """A million checks a day by websites of this interval."""
    from monitoring import rollup_tables
    from monitoring.rollup_tables import HOUR
    from monitoring.watch_periods import Span

    websites = round(A_DAY * interval / 86_400)
    fill(Scenario("", websites, interval))
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ids = _watched_since(day)
    made = write(checks(ids[0], websites, interval, day.timestamp(), 3_600))
    with rollup_tables.one_session():
        rollup_tables.sum_up(Span(day, day + HOUR), ids)
        rollup_tables.replace_hour(day)
    _copy_hour(day)
    rollup_tables.replace_day(day, ids)
    sizes = {name: _bytes_a_row(f"monitoring_{name}rollup") for name in ("hourly", "daily")}
    year = 365 * websites * (24 * sizes["hourly"] + sizes["daily"])
    return Cost(interval, websites, _bytes_a_row(CHECKS, made), sizes["hourly"], sizes["daily"], year)


def rolling() -> float:
    """Seconds a check that it takes to roll up an hour of 10,000 websites with 1,000 checks a second."""
    from monitoring import rollup_tables
    from monitoring.rollup_tables import HOUR
    from monitoring.watch_periods import Span

    fill(Scenario("", WEBSITES, 10))
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ids = _watched_since(day)
    made = write(checks(ids[0], WEBSITES, 10, day.timestamp(), 3_600))
    _bytes_a_row(CHECKS, made)
    begun = time.perf_counter()
    with rollup_tables.one_session():
        rollup_tables.sum_up(Span(day, day + HOUR), ids)
        rollup_tables.replace_hour(day)
    return (time.perf_counter() - begun) / made


def _watched_since(moment: datetime) -> list[int]:
    """The websites, made to be watched since then."""
    from monitoring.models import WatchPeriod
    from websites.models import Website

    WatchPeriod.objects.update(since=moment)
    return list(Website.objects.order_by("pk").values_list("pk", flat=True))


def _copy_hour(day: datetime) -> None:
    """Give all other hours of a day what its first hour has."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitoring_hourlyrollup SELECT (jsonb_populate_record(hour,"
            " jsonb_build_object('started_at', hour.started_at + n * interval '1 hour'))).*"
            " FROM generate_series(1, 23) AS n, monitoring_hourlyrollup AS hour WHERE hour.started_at = %s",
            [day],
        )


def _bytes_a_row(table: str, count: int | None = None) -> float:
    """With indexes, and all partitions where there are any."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {table}")
        partitions = "(SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%s))"
        cursor.execute(f"SELECT COALESCE({partitions}, pg_total_relation_size(%s))", [table, table])
        size = float(cursor.fetchone()[0])
        if count is None:
            cursor.execute(f"SELECT count(*) FROM {table}")
            count = int(cursor.fetchone()[0])
        return size / count


def _clear() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {CHECKS}, monitoring_hourlyrollup, monitoring_dailyrollup")
        cursor.execute("TRUNCATE websites_website CASCADE")


def show(costs: list[Cost], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    columns = ("interval s", "websites", "bytes a check", "an hour", "a day", "GB a year of rollups")
    for column in columns:
        table.add_column(column, justify="right")
    for cost_ in costs:
        sizes = [f"{size:.0f}" for size in (cost_.check, cost_.hour, cost_.day)]
        table.add_row(str(cost_.interval), str(cost_.websites), *sizes, f"{cost_.year / 1e9:.2f}")
    console = Console(width=100)
    console.print(f"{A_DAY} checks a day on PostgreSQL; bounds {CHECK:.0f} bytes a check, {YEAR / 1e9:.0f} GB a year")
    console.print(table)
    console.print(f"rolling up: {1e6 * seconds:.1f} µs a check (bound {1e6 * ROLLING:.0f})", highlight=False)


def run() -> tuple[list[Cost], float]:
    """Raises `UnavailableError` where there is no PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name, environment(Path(name), embedded=False):
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        costs = []
        for interval in INTERVALS:
            costs.append(cost(interval))
            _clear()
        seconds = rolling()
        connections.close_all()
    return costs, seconds


def main() -> int:
    argparse.ArgumentParser(prog="python -m bench.storage", description=(__doc__ or "").splitlines()[0]).parse_args()
    try:
        costs, seconds = run()
    except UnavailableError as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    show(costs, seconds)
    broken = [f"a check takes {one.check:.0f} bytes" for one in costs if one.check > CHECK]
    broken += [f"a year takes {one.year / 1e9:.2f} GB every {one.interval} s" for one in costs if one.year > YEAR]
    broken += [f"rolling up takes {1e6 * seconds:.1f} µs a check"] * (seconds > ROLLING)
    for sentence in broken:
        print(f"BROKEN: {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
