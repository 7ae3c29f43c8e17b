"""Windows in pieces, to be drawn."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple

from monitoring import check_sums, maintenance, rollups, watch_periods
from monitoring.models import HourlyRollup, Rollup, RollupProgress
from monitoring.rollup_tables import DAY, HOUR
from monitoring.rollups import floor
from monitoring.schedule import chunks
from monitoring.statistics.parts import snapped, split
from monitoring.statistics.summaries import add_checks, read_checks
from monitoring.statistics.summary import Counts, Summary
from monitoring.watch_periods import Span

# How long a piece of a series may last.
WIDTHS = (
    *(timedelta(seconds=width) for width in (5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800)),
    *(timedelta(hours=width) for width in (1, 2, 3, 6, 12)),
    *(timedelta(days=width) for width in (1, 2, 7, 14, 30, 90, 365, 3650)),
)
# Slots that a series is made of one by one; more are read as hours.
CHECKS_CAP = 20_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Point(NamedTuple):
    """A piece of a series, and what its checks showed."""

    span: Span
    summary: Summary


def series(website_id: int, window: Span, points: int) -> list[Point]:
    """A window of a website in at most so many pieces of the same width, one after the other.

    Pieces begin at multiples of their width since the epoch (UTC): the first one may reach out of the window, and the
    last one ends with it. Where checks are gone, pieces last an hour at least, and where hours are, a day; the window
    is wider where it cuts one of these.
    """
    known = rollups.readable()
    window = snapped(window, known)
    width = _width(website_id, window, points, known)
    since = EPOCH + (window.since - EPOCH) // width * width
    found = []
    while since < window.until:
        found.append(Point(Span(since, min(since + width, window.until)), Summary()))
        since += width
    if width < HOUR:
        _add_checks(website_id, found, width)
    else:
        _add_rollups(website_id, found, width, known)
    return found


def _width(website_id: int, window: Span, points: int, known: RollupProgress) -> timedelta:
    """The shortest width that gives no more pieces than asked for, and is to be had."""
    least = (window.until - window.since) / max(1, points - 1)
    shortest = HOUR
    watches = watch_periods.watches([website_id], window).get(website_id, ())
    if window.since < rollups.hours_since():
        shortest = DAY
    elif _checks_are_there(website_id, window, known) and watch_periods.expected(watches, [window]) <= CHECKS_CAP:
        # Pieces without a slot would show gaps where there are none.
        shortest = timedelta(seconds=max((watch.interval for watch in watches), default=0))
    wanted = max(shortest, least)
    return next((width for width in WIDTHS if width >= wanted), ceil(wanted / DAY) * DAY)


def _checks_are_there(website_id: int, window: Span, known: RollupProgress) -> bool:
    """Whether no check of a window is gone: nothing is of a time from which there are no hours either."""
    hours = HourlyRollup.objects.filter(website=website_id, started_at__lt=known.checks_since)
    return window.since >= known.checks_since or not hours.exists()


def _add_checks(website_id: int, points: list[Point], width: timedelta) -> None:
    whole = Span(points[0].span.since, points[-1].span.until)
    left_out = maintenance.spans([website_id], whole).get(website_id, ())
    for _, piece, *sums in read_checks([website_id], whole, left_out, width):
        points[piece].summary.add_sums(sums)
    watches = watch_periods.watches([website_id], whole).get(website_id, ())
    for span, summary in points:
        summary.expected = watch_periods.expected(watches, span.without(left_out))


def _add_rollups(website_id: int, points: list[Point], width: timedelta, known: RollupProgress) -> None:
    since = points[0].span.since
    whole = Span(since, points[-1].span.until)
    parts = split(whole, known, takes_days=width >= DAY)
    for rollup, part in parts.rolled_up:
        rows = rollup._default_manager.filter(website=website_id, started_at__gte=part.since, started_at__lt=part.until)
        for started_at, expected, *sums in rows.values_list("started_at", "expected", *check_sums.COLUMNS):
            summary = points[(started_at - since) // width].summary
            summary.expected += expected
            summary.add_sums(sums)
    checks = [(part, {website_id: summary}) for span, summary in points for part in _common(span, parts.checks)]
    add_checks([website_id], checks)


def _common(span: Span, others: Iterable[Span]) -> Iterable[Span]:
    return filter(None, map(span.common, others))


def days(website_ids: Collection[int], count: int, now: datetime) -> dict[int, list[Counts]]:
    """The last days (UTC) of websites, oldest first, today as the last one, by website id."""
    today = floor(now, DAY)
    first = today - (count - 1) * DAY
    found = {website_id: [Counts() for _ in range(count)] for website_id in website_ids}
    parts = split(Span(first, now), rollups.readable())
    for rollup, span in parts.rolled_up:
        _add_days(found, rollup, span, first)
    spans = [Span(first + day * DAY, first + (day + 1) * DAY) for day in range(count)]
    checks = [(part, {pk: Summary() for pk in website_ids}) for span in spans for part in _common(span, parts.checks)]
    add_checks(website_ids, checks)
    for part, some in checks:
        for website_id, summary in some.items():
            found[website_id][(part.since - first) // DAY].add_counts(summary)
    return found


def _add_days(found: dict[int, list[Counts]], rollup: type[Rollup], span: Span, first: datetime) -> None:
    rows = rollup._default_manager.filter(started_at__gte=span.since, started_at__lt=span.until)
    for chunk in chunks(list(found)):
        for website_id, started_at, *counts in rows.filter(website__in=chunk).values_list(
            "website_id", "started_at", "expected", *check_sums.OUTCOMES
        ):
            found[website_id][(started_at - first) // DAY].add_counts(Counts(*counts))
