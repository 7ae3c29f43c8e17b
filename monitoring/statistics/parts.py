"""Where a window of time is read from: days, hours, or checks."""

from typing import NamedTuple

from monitoring.models import DailyRollup, HourlyRollup, RecentRollup, Rollup, RollupProgress
from monitoring.rollup_tables import DAY, HOUR, TEN_MINUTES
from monitoring.rollups import ceil, floor, hours_since
from monitoring.watch_periods import Span


class Parts(NamedTuple):
    """Spans that follow each other without a gap; each may be empty."""

    head: Span
    hours_before: Span
    days: Span
    hours_after: Span
    # By ten minutes.
    recent: Span
    tail: Span

    @property
    def window(self) -> Span:
        return Span(self.head.since, self.tail.until)

    @property
    def rolled_up(self) -> list[tuple[type[Rollup], Span]]:
        """What is not empty of what is rolled up, and by what."""
        found: list[tuple[type[Rollup], Span]] = [
            (DailyRollup, self.days),
            (HourlyRollup, self.hours_before),
            (HourlyRollup, self.hours_after),
            (RecentRollup, self.recent),
        ]
        return [(rollup, span) for rollup, span in found if span]

    @property
    def checks(self) -> list[Span]:
        return [span for span in (self.head, self.tail) if span]


def snapped(window: Span, known: RollupProgress) -> Span:
    """The window, wider where what it cuts is there as a whole hour or day only."""
    since, until = window
    for kept_since, unit in ((known.checks_since, HOUR), (hours_since(), DAY)):
        if since < kept_since:
            since = floor(since, unit)
        if until < kept_since:
            until = ceil(until, unit)
    return Span(since, until)


def split(window: Span, known: RollupProgress, *, takes_days: bool = True) -> Parts:
    """The parts of a window, widened as `snapped` says; without days where those are too long."""
    since, until = snapped(window, known)
    first, last = ceil(since, HOUR), min(floor(until, HOUR), known.hours_until)
    if first > last:
        nothing = Span(until, until)
        return Parts(Span(since, until), nothing, nothing, nothing, nothing, nothing)
    first_day, last_day = ceil(first, DAY), min(floor(last, DAY), known.days_until)
    if first_day >= last_day or not takes_days:
        first_day = last_day = last
    recent = last
    if last == known.hours_until:
        recent = max(last, min(floor(until, TEN_MINUTES), known.recent_until))
    return Parts(
        Span(since, first),
        Span(first, first_day),
        Span(first_day, last_day),
        Span(last_day, last),
        Span(last, recent),
        Span(recent, until),
    )
