"""How long websites were down: within bounds, as nobody saw the moments at which an outage began and ended.

An outage is an incident of the kind down. The website was

- *certainly* down from when the first bad check was finished until the last bad one was sent (`started_before` to
  `ended_after`), and
- *possibly* down from when the last good check before it was sent until the first good one after it was finished
  (`started_after` to `ended_before`).

What lasts is taken to have lasted up to now, and what ended with a pause, up to the pause. Only time in which the
website was watched counts, without its maintenance. Time that belongs to two outages counts once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from monitoring import maintenance, watch_periods
from monitoring.maintenance_windows import Occurrence, merge
from monitoring.models import EndReason, HourlyRollup, Incident, IncidentKind
from monitoring.rollup_tables import HOUR
from monitoring.schedule import chunks
from monitoring.watch_periods import Span

INSTANT = timedelta(microseconds=1)
_MOMENTS = ("started_at", "started_after", "started_before", "ended_at", "ended_after", "ended_before")


@dataclass(frozen=True, slots=True)
class Downtime:
    """How many outages there were in some time, and for how many seconds the website was down at least and at most.

    An outage of which only the bounds reach into that time is not counted; its possible seconds there are.
    """

    count: int = 0
    at_least: float = 0.0
    at_most: float = 0.0


class _Outage(NamedTuple):
    website_id: int
    started_at: datetime
    started_after: datetime | None
    started_before: datetime
    ended_at: datetime | None
    ended_after: datetime | None
    ended_before: datetime | None
    end_reason: str
    # The hour in which it was last seen up, where `started_after` is not known but that is.
    up_hour: datetime | None = None

    def seen(self, now: datetime) -> Span:
        """From the first bad check to the first good one."""
        return Span(self.started_at, self.ended_at or now)

    def certain(self, now: datetime) -> Span:
        """False where nothing is certain but that a check failed."""
        end = self.ended_after if self.end_reason == EndReason.RECOVERED else self.ended_at or now
        return Span(self.started_before, end or self.started_before)

    def possible(self, now: datetime, watched: Iterable[Occurrence]) -> Span:
        """Where no good check before it is known, since the website is watched without a break."""
        begin = self.started_after
        if begin is None:
            watched_since = (start for start, end in watched if start <= self.started_at < end)
            known = filter(None, (self.up_hour, next(watched_since, None)))
            begin = max(known, default=self.started_at)
        return Span(min(begin, self.started_at), self.ended_before or self.ended_at or now)


def downtimes(website_ids: Collection[int], window: Span) -> dict[int, Downtime]:
    """How long the websites were down within a window, by website id; every website asked for is there.

    What of the window is still to come counts as not in it.
    """
    window = Span(window.since, min(window.until, timezone.now()))
    found = dict.fromkeys(website_ids, Downtime())
    for chunk in chunks(list(website_ids)):
        outages = _outages(chunk, window)
        if not outages:
            continue
        last = max(outage.started_at for of_one in outages.values() for outage in of_one)
        watches = watch_periods.watches(outages, Span(window.since, max(window.until, last + INSTANT)))
        maintained = maintenance.spans(outages, window)
        for website_id, of_one in outages.items():
            watched = merge(watch.span for watch in watches.get(website_id, ()))
            found[website_id] = _downtime(of_one, window, watched, maintained.get(website_id, ()))
    return found


def _downtime(
    outages: Sequence[_Outage], window: Span, watched: Sequence[Occurrence], left_out: Sequence[Span]
) -> Downtime:
    parts = filter(None, (Span(*times).common(window) for times in watched))
    counted = [left for part in parts for left in part.without(left_out) if left]
    now = window.until
    possible = [outage.possible(now, watched) for outage in outages]
    certain = [outage.certain(now).common(span) for outage, span in zip(outages, possible, strict=True)]
    ends = [span.until for span in counted]
    return Downtime(
        sum(_meets(outage.seen(now), counted, ends) for outage in outages),
        _common(certain, counted),
        _common(possible, counted),
    )


def _outages(website_ids: Collection[int], window: Span) -> Mapping[int, list[_Outage]]:
    """Those that may reach into a window, by website id."""
    begun = Q(started_after__lt=window.until) | Q(started_after=None)
    lasting = Q(ended_at=None) | Q(ended_at__gt=window.since) | Q(ended_before__gt=window.since)
    rows = Incident.objects.filter(begun, lasting, website__in=website_ids, kind=IncidentKind.DOWN)
    rows = rows.order_by("started_at")
    columns = ("website_id", *_MOMENTS, "end_reason")
    outages = [_Outage(*row) for row in rows.values_list(*columns)]
    if any(outage.started_after is None for outage in outages):
        unknown = rows.filter(started_after=None).values_list(*columns, _up_hour())
        outages = [outage for outage in outages if outage.started_after] + [_Outage(*row) for row in unknown]
    found: dict[int, list[_Outage]] = defaultdict(list)
    for outage in outages:
        found[outage.website_id].append(outage)
    return found


def _up_hour() -> Subquery:
    """The last hour before an incident in which a check found its website up."""
    hours = HourlyRollup.objects.filter(
        website=OuterRef("website"), started_at__lte=OuterRef("started_at") - HOUR, up__gt=0
    )
    return Subquery(hours.order_by(F("started_at").desc()).values("started_at")[:1])


def _meets(span: Span, parts: Sequence[Span], ends: Sequence[datetime]) -> bool:
    """Whether a span has anything in common with parts that are in order and end at these moments."""
    following = bisect_right(ends, span.since)
    return following < len(parts) and bool(span.common(parts[following]))


def _common(some: Iterable[Span], others: Sequence[Span]) -> float:
    """Seconds that are in both; what overlaps counts once."""
    spans = [span for span in some if span]
    return (_length(spans) + _length(others) - _length([*spans, *others])).total_seconds()


def _length(spans: Iterable[Occurrence]) -> timedelta:
    return sum((end - start for start, end in merge(spans)), timedelta())
