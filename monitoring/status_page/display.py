"""Moments, spans and numbers as the status page writes them."""

import math
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from monitoring.statistics import Counts
from monitoring.uptime_text import percent
from monitoring.wall_clock import zone_of
from monitoring.watch_periods import Span

# 50 websites of 90 days, and as many besides; some 250 bytes each.
LABELS_KEPT = 9_000


def day(at: datetime) -> str:
    """`31 Jan 2026`, as clocks show it in the moment's own time zone."""
    return f"{at.day} {at:%b %Y}"


def days(first: datetime, last: datetime) -> str:
    """`31 Jan 2026`, or `28 to 31 Jan 2026`."""
    if first.date() == last.date():
        return day(last)
    is_same_month = (first.year, first.month) == (last.year, last.month)
    return f"{first.day if is_same_month else day(first)} to {day(last)}"


def moment(at: datetime) -> str:
    """`31 Jan 2026, 12:05 UTC`."""
    return f"{_clock(at.astimezone(UTC))} UTC"


def between(span: Span) -> str:
    """`31 Jan 2026, 12:05 to 13:05 UTC`, in UTC."""
    return f"{_between(span, UTC)} UTC"


def between_there(span: Span, zone: str) -> str:
    """The same as clocks show it in a time zone; blank where that is UTC's own time all along."""
    there = zone_of(zone)
    if all(at.astimezone(there).utcoffset() == at.astimezone(UTC).utcoffset() for at in span):
        return ""
    return f"{_between(span, there)} {zone}"


def _between(span: Span, zone: tzinfo) -> str:
    since, until = (at.astimezone(zone) for at in span)
    # On the day on which clocks are changed, both times have to say which time they are of.
    is_changed = since.utcoffset() != until.utcoffset()
    offsets = [f" (UTC{_offset(at)})" if is_changed else "" for at in (since, until)]
    end = f"{until:%H:%M}" if since.date() == until.date() else _clock(until)
    return f"{_clock(since)}{offsets[0]} to {end}{offsets[1]}"


def _offset(at: datetime) -> str:
    text = f"{at:%z}"
    return f"{text[:3]}:{text[3:5]}"


def _clock(at: datetime) -> str:
    return f"{day(at)}, {at:%H:%M}"


def uptime(counts: Counts) -> str:
    """`99.98 % uptime`, or that nothing is known."""
    return "no data yet" if counts.uptime is None else f"{percent(counts.uptime)} uptime"


def coverage(counts: Counts) -> str:
    """`97 % coverage`: of how much of the time that is; blank where nothing was to be checked."""
    return "" if counts.coverage is None else f"{math.floor(counts.coverage * 100)} % coverage"


def day_label(at: datetime, counts: Counts) -> str:
    """`31 Jan 2026: 99.98 % uptime, 97 % coverage`."""
    return _day_label(at, counts.expected, counts.up, counts.down)


# Days that are over are written anew with each rendering, some 90 of each website.
@lru_cache(maxsize=LABELS_KEPT)
def _day_label(at: datetime, expected: float, up: int, down: int) -> str:
    counts = Counts(expected, up, down)
    if counts.uptime is None:
        return f"{day(at)}: no data"
    return f"{day(at)}: {uptime(counts)}, {coverage(counts)}"
