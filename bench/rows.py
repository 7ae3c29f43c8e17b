"""Reads what a run stored: checks of a window of time, by the rows alone."""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from bench.report import Report, percentiles
from bench.scenarios import SITE, Hostile, Scenario

START_TIMEOUT = 60.0
HOSTILE = "hostile"


def wait_for_first() -> None:
    """Raises `RuntimeError` where no check is stored within `START_TIMEOUT`."""
    from monitoring.models import MonitoringData

    deadline = time.monotonic() + START_TIMEOUT
    since = datetime.now(UTC) - timedelta(seconds=START_TIMEOUT)
    while not MonitoringData.objects.filter(entry_timestamp__gte=since).exists():
        if time.monotonic() > deadline:
            raise RuntimeError("no check was stored within a minute")
        time.sleep(0.1)


def _kind(url: str) -> str:
    """`page`, `hole` or `edit`, of the target's own websites."""
    parts = url.split("/")
    return parts[3] if parts[3] in ("page", "hole", "edit", "fail") and len(parts) == 5 else HOSTILE


def note_when_written() -> None:
    """Have PostgreSQL keep the moment when each row is written, in a column that the product does not know."""
    from django.db import connection

    from monitoring.models import MonitoringData

    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE {MonitoringData._meta.db_table} ADD COLUMN written_at timestamptz DEFAULT clock_timestamp()"
        )


def _written(begin: float, end: float) -> dict[str, float]:
    """Seconds from the end of each exchange of the window to its row."""
    from django.db import connection

    from monitoring.models import MonitoringData

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM written_at - entry_timestamp) - response_time"
            f" FROM {MonitoringData._meta.db_table}"
            " WHERE response_time IS NOT NULL AND entry_timestamp BETWEEN to_timestamp(%s) AND to_timestamp(%s)",
            [begin, end],
        )
        return percentiles([float(seconds) for (seconds,) in cursor.fetchall()])


def count(report: Report, scenario: Scenario, begin: float, end: float) -> None:
    """Fill in what the rows say of slots from `begin` to `end` (Unix time); edited websites are left out."""
    from monitoring.models import MonitoringData
    from websites.models import Website

    kinds = {pk: _kind(url) for pk, url in Website.objects.values_list("pk", "website_url")}
    slots: Counter[tuple[int, float]] = Counter()
    lateness: list[float] = []
    begun: list[float] = []
    errors: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    first = float("inf")
    # Without those that were there before.
    since = datetime.fromtimestamp(begin, UTC) - timedelta(hours=1)
    rows = (
        MonitoringData.objects.order_by()
        .filter(entry_timestamp__gte=since)
        .values_list("website_id", "scheduled_at", "entry_timestamp", "error")
    )
    for website_id, scheduled_at, entry_timestamp, error in rows.iterator(chunk_size=10_000):
        if scheduled_at is None:
            continue
        due, at = scheduled_at.timestamp(), entry_timestamp.timestamp()
        first = min(first, at)
        if not begin <= due < end or (kind := kinds.get(website_id)) is None:
            continue
        begun.append(at)
        if kind == "hole":
            silent[error or "none"] += 1
        if kind != "page":
            continue
        slots[website_id, due] += 1
        lateness.append(at - due)
        errors[error or "none"] += 1
    seconds = end - begin
    holes = round(scenario.websites * scenario.holes)
    others = holes + round(scenario.websites * scenario.hostile)
    report.expected = round((scenario.websites - others) * seconds / scenario.interval)
    report.stored = len(lateness)
    report.missed = max(0, report.expected - len(slots))
    report.duplicates = report.stored - len(slots)
    report.errors = dict(errors)
    report.lateness = percentiles(lateness)
    _spread(report, begun, begin, seconds)
    report.first_check = first
    if scenario.written:
        report.written = _written(begin, end)
    if holes:
        report.holes = {
            "expected": round(holes * seconds / scenario.interval),
            "stored": sum(silent.values()),
            "timeouts": silent["timeout"],
        }


def count_hostile(report: Report, scenario: Scenario, cases: Sequence[Hostile], begin: float, end: float) -> None:
    """Fill in what the rows say of the hostile websites' slots from `begin` to `end` (Unix time)."""
    from monitoring.models import MonitoringData

    known = {case.url: case for case in cases}
    errors: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    slots: set[tuple[str, datetime]] = set()
    rows = MonitoringData.objects.order_by().filter(
        website__website_url__contains=SITE,
        scheduled_at__gte=datetime.fromtimestamp(begin, UTC),
        scheduled_at__lt=datetime.fromtimestamp(end, UTC),
    )
    for url, scheduled_at, http_status, error in rows.values_list(
        "website__website_url", "scheduled_at", "http_status", "error"
    ):
        case = known[url.partition(SITE)[0]]
        if scheduled_at:
            slots.add((url, scheduled_at))
        errors[error or "none"] += 1
        if (http_status, error) != (case.http_status, case.error):
            wrong[f"{case.title}: {http_status} {error or 'without an error'}"] += 1
    expected = round(scenario.websites * scenario.hostile) * (end - begin) / scenario.interval
    report.hostile = dict(errors.most_common())
    report.hostile_missed = max(0, round(expected) - len(slots))
    report.hostile_wrong = [f"{count} checks do not end as their case does, {what}" for what, count in wrong.items()]


def _spread(report: Report, begun: list[float], begin: float, seconds: float) -> None:
    if not begun:
        return
    begun.sort()
    by_second = Counter(int(at - begin) for at in begun)
    report.peak_over_mean = round(max(by_second.values()) * seconds / len(begun), 2)
    report.longest_gap = round(max((later - earlier for earlier, later in pairwise(begun)), default=0.0), 3)
