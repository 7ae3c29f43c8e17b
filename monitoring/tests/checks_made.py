"""Checks as tests put them into the database, and the same sums made one check at a time."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from monitoring.histogram import Histogram
from monitoring.models import MonitoringData, Outcome, RollupProgress, WatchPeriod
from monitoring.statistics import PHASES, Summary
from monitoring.watch_periods import Span
from websites.models import Website

# A Saturday; what is rolled up begins a day before the checks that tests make.
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ERRORS = ("timeout", "refused", "tls")


def watched_website(number: int = 1, interval: int = 60, since: datetime = NOON) -> Website:
    website = Website.objects.create(website_url=f"http://127.0.0.1/{number}", monitoring_interval=interval)
    WatchPeriod.objects.filter(website=website).update(since=since)
    return website


def begin_rollups(at: datetime = NOON) -> None:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    RollupProgress.objects.create(pk=1, checks_since=day, days_until=day, hours_until=day, recent_until=day)


def check(website: Website, at: datetime, **fields: object) -> MonitoringData:
    """One that is up, at its slot, in 0.125 s."""
    values = {
        "http_status": 200,
        "outcome": Outcome.UP,
        "response_time": 0.125,
        "dns_time": 0.01,
        "entry_timestamp": at,
        "scheduled_at": at,
        **fields,
    }
    return MonitoringData(website=website, **values)


def any_checks(website: Website, span: Span, seed: int, share: float = 0.95) -> list[MonitoringData]:
    """At its slots, of any kind, some of them missing and some beside the slots."""
    dice = random.Random(seed)
    made: list[MonitoringData] = []
    at = span.since
    while at < span.until:
        if dice.random() < share:
            made.append(_any_check(website, at, dice))
        at += timedelta(seconds=website.monitoring_interval)
    return made


def _any_check(website: Website, at: datetime, dice: random.Random) -> MonitoringData:
    at += timedelta(milliseconds=dice.randrange(200))
    slot = {"scheduled_at": None} if dice.random() < 0.05 else {}
    match dice.randrange(20):
        case 0:
            error = dice.choice(ERRORS)
            silent = {"response_time": None, "connect_time": 0.5}
            return check(website, at, http_status=0, outcome=Outcome.DOWN, error=error, **silent, **slot)
        case 1:
            return check(website, at, http_status=503, outcome=Outcome.DOWN, **slot)
        case 2:
            return check(
                website, at, http_status=0, outcome=Outcome.UNKNOWN, error="internal", response_time=None, **slot
            )
        case _:
            return check(website, at, response_time=dice.lognormvariate(-2, 1), tls_time=dice.random() / 10, **slot)


def added_up(checks: Iterable[MonitoringData], span: Span, left_out: Sequence[Span] = ()) -> Summary:
    """What `statistics` is to say of the checks, but for what was to be expected."""
    summary = Summary()
    times: list[float] = []
    for made in checks:
        if made.scheduled_at is None or not _counts(made.entry_timestamp, span, left_out):
            continue
        setattr(summary, made.outcome, getattr(summary, made.outcome) + 1)
        if made.error or made.outcome == Outcome.DOWN:
            summary.errors[made.error or "rejected"] += 1
        if made.response_time is None:
            continue
        times.append(made.response_time)
        for phase in PHASES:
            summary.phase_sums[phase] += getattr(made, f"{phase}_time") or 0.0
    summary.histogram = Histogram(times)
    summary.response_sum = sum(times)
    if times:
        summary.response_min, summary.response_max = min(times), max(times)
    return summary


def _counts(at: datetime, span: Span, left_out: Sequence[Span]) -> bool:
    return span.since <= at < span.until and not any(gap.since <= at < gap.until for gap in left_out)
