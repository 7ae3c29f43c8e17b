"""Maintenance windows: once, or again and again by a recurrence rule.

Recurring windows start at a wall-clock time of their zone (see `monitoring.wall_clock`) and last for a duration
that is elapsed time. Occurrences are half-open: the moment of an end is not covered any more.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.core.exceptions import ValidationError

from monitoring import recurrence
from monitoring.recurrence import AHEAD, FIRST_YEAR, LAST_YEAR

# A week.
MAX_MINUTES = 10_080
# What is open for longer than this is no window.
LONGEST_UNBROKEN = timedelta(days=31)
# How far occurrences that touch are followed to the end of the last of them: for longer than a year, as the longer
# day in autumn is where daily ones of 24 hours have their only break.
LONGEST_FOLLOWED = timedelta(days=400)
DAY = timedelta(days=1)
EARLIEST, LATEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 12, 31, tzinfo=UTC)

# Start and end, in UTC.
Occurrence = tuple[datetime, datetime]


class Window(Protocol):
    """Moments are aware: in any time zone where they go in, in UTC where they come out."""

    def ends(self, at: datetime) -> datetime | None:
        """When it ends, at `at`: the end of the occurrence then, or of the last of those that overlap or touch it.

        None where no occurrence covers `at`. Of occurrences that touch without a break, those are followed
        that start within 400 days.
        """
        ...

    def occurrences(self, since: datetime, until: datetime) -> list[Occurrence]:
        """All occurrences that reach into [since, until): whole, in order, those that overlap or touch as one."""
        ...

    def next_start(self, after: datetime) -> datetime | None:
        """When it next starts, later than `after`: not where a running occurrence only goes on into another.

        None where that is not within ten years.
        """
        ...


@dataclass(frozen=True, slots=True)
class SingleWindow:
    """Once, between two aware moments. A `Window`."""

    starts_at: datetime
    ends_at: datetime

    def ends(self, at: datetime) -> datetime | None:
        return self.ends_at.astimezone(UTC) if self.starts_at <= at < self.ends_at else None

    def occurrences(self, since: datetime, until: datetime) -> list[Occurrence]:
        if max(since, self.starts_at) >= min(until, self.ends_at):
            return []
        return [(self.starts_at.astimezone(UTC), self.ends_at.astimezone(UTC))]

    def next_start(self, after: datetime) -> datetime | None:
        return self.starts_at.astimezone(UTC) if after < self.starts_at else None


@dataclass(frozen=True, slots=True)
class RuleWindow:
    """What starts again and again, for some minutes each time. A `Window`.

    Its rule is one that `monitoring.recurrence.check_rrule` allows; `starts` is local (naive) time in the zone.
    """

    rule: str
    starts: datetime
    zone: str
    minutes: int

    def ends(self, at: datetime) -> datetime | None:
        length = timedelta(minutes=self.minutes)
        end = None
        for start in self._starts(at - length, at + LONGEST_FOLLOWED):
            if start > (end or at):
                break
            end = start + length
        return end

    def occurrences(self, since: datetime, until: datetime) -> list[Occurrence]:
        since, until = max(since, EARLIEST), min(until, LATEST)
        if since >= until:
            return []
        length = timedelta(minutes=self.minutes)
        return merge((start, start + length) for start in self._starts(since - length, until))

    def next_start(self, after: datetime) -> datetime | None:
        length = timedelta(minutes=self.minutes)
        end = after
        for start in self._starts(after - length, after + AHEAD):
            if start > end:
                return start
            end = start + length
        return None

    def _starts(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """The starts between two moments, in order."""
        after, before = after.astimezone(UTC), before.astimezone(UTC)
        # A zone's years begin and end up to 14 hours away from those of UTC.
        for year in range((after - DAY).year, (before + DAY).year + 1):
            starts = recurrence.starts_in(year, self.rule, self.starts, self.zone)
            yield from starts[bisect_right(starts, after) : bisect_left(starts, before)]


def merge(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    """Those that overlap or touch as one, in order."""
    merged: list[Occurrence] = []
    for start, end in sorted(occurrences):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def check_breaks(window: RuleWindow, since: datetime) -> None:
    """Raises `ValidationError` for a window that stays open for longer than a month in its first year from `since`."""
    if window.ends(since) is None:
        since = window.next_start(since) or since
    for start, end in window.occurrences(since, since + LONGEST_FOLLOWED):
        if end - start > LONGEST_UNBROKEN:
            raise ValidationError(
                f"This window would stay open for more than {LONGEST_UNBROKEN.days} days without a break:"
                " make it a single one, or pause the website.",
                code="invalid",
            )
