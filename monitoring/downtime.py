"""How long websites were down: within bounds, as nobody saw the moments at which an outage began and ended.

An outage is an incident of the kind down. The website was

- seen down, or *certainly* down, from when the first bad check was finished until the last bad one was sent
  (`started_before` to `ended_after`), and
- *possibly* down from when the last good check before it was sent until the first good one after it was finished
  (`started_after` to `ended_before`).

What lasts is taken to have lasted up to now, and what ended with a pause, up to the pause. Only time in which the
website was watched counts, without its maintenance. Time that belongs to two outages counts once.

When checks go, the maintenance of then is written down with the outages, and the hour from which on they may have
begun: like uptime, what is told of them changes no more, whatever becomes of windows, tags and hours.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from monitoring import maintenance, rollups, watch_periods, windows
from monitoring.maintenance_windows import Occurrence, merge
from monitoring.models import EndReason, HourlyRollup, Incident, IncidentKind
from monitoring.rollup_tables import HOUR
from monitoring.schedule import chunks
from monitoring.watch_periods import Span

INSTANT = timedelta(microseconds=1)
_MOMENTS = ("started_at", "started_after", "started_before", "ended_at", "ended_after", "ended_before")
_COLUMNS = ("pk", "website_id", "maintenance", "end_reason", *_MOMENTS)


@dataclass(frozen=True, slots=True)
class Downtime:
    """How many outages there were in some time, and for how many seconds the website was down at least and at most.

    An outage of which only the bounds reach into that time is not counted; its possible seconds there are.
    """

    count: int = 0
    at_least: float = 0.0
    at_most: float = 0.0


class _Outage(NamedTuple):
    pk: int
    website_id: int
    # As `Incident` has it.
    maintenance: list[list[float]] | None
    end_reason: str
    started_at: datetime
    started_after: datetime | None
    started_before: datetime
    ended_at: datetime | None
    ended_after: datetime | None
    ended_before: datetime | None
    # The hour in which it was last seen up, where `started_after` is not known but that is.
    up_hour: datetime | None = None

    def seen(self, now: datetime) -> Span:
        """From the first bad check to the first good one."""
        return Span(self.started_at, self.ended_at or now)

    def certain(self, now: datetime) -> Span:
        """False where nothing is certain but that a check failed."""
        end = self.ended_after if self.end_reason == EndReason.RECOVERED else self.ended_at or now
        return Span(self.started_before, end or self.started_before)

    def begun_after(self, watched: Iterable[Occurrence]) -> datetime | None:
        """None where it may have begun as soon as the website is watched without a break."""
        if self.started_after is None and self.up_hour is not None:
            return self.up_hour if self.up_hour >= (self._watched_since(watched) or self.up_hour) else None
        return self.started_after

    def possible(self, now: datetime, watched: Sequence[Occurrence]) -> Span:
        begin = self.begun_after(watched) or self._watched_since(watched) or self.started_at
        return Span(min(begin, self.started_at), self.ended_before or self.ended_at or now)

    def _watched_since(self, watched: Iterable[Occurrence]) -> datetime | None:
        return next((start for start, end in watched if start <= self.started_at < end), None)

    def left_out(self, maintained: Sequence[Span], checks_since: datetime) -> Sequence[Span]:
        """Its maintenance, of which what its windows say now is `maintained`."""
        if self.maintenance is None:
            return maintained
        later = filter(None, (Span(max(since, checks_since), until) for since, until in maintained))
        return [Span(*times) for times in merge([*self.kept(checks_since), *later])]

    def kept(self, until: datetime) -> Iterable[Span]:
        """The maintenance before then that is written down: what is later, a clock that was ahead has left there."""
        written = (Span(*(datetime.fromtimestamp(edge, UTC) for edge in edges)) for edges in self.maintenance or ())
        return filter(None, (Span(start, min(end, until)) for start, end in written))

    def unwritten(self, since: datetime, until: datetime) -> Span:
        """The time whose maintenance is to be written down, where all before the first of these moments is."""
        return Span(windows.EARLIEST if self.maintenance is None else since, until)


def downtimes(website_ids: Collection[int], window: Span) -> dict[int, Downtime]:
    """How long the websites were down within a window, by website id; every website asked for is there.

    What of the window is still to come counts as not in it.
    """
    window = Span(window.since, min(window.until, timezone.now()))
    found = dict.fromkeys(website_ids, Downtime())
    for chunk in chunks(list(website_ids)):
        # Before the outages, as it moves after what is written down with them.
        checks_since = rollups.progress().checks_since
        outages = _outages(chunk, window)
        if not outages:
            continue
        last = max(outage.started_at for of_one in outages.values() for outage in of_one)
        watched = _watched(outages, Span(window.since, max(window.until, last + INSTANT)))
        maintained = maintenance.spans(outages, window)
        for website_id, of_one in outages.items():
            left_out = [outage.left_out(maintained.get(website_id, ()), checks_since) for outage in of_one]
            found[website_id] = _downtime(of_one, window, watched[website_id], left_out)
    return found


def settle(since: datetime, until: datetime) -> None:
    """Write down the maintenance of a time with the outages that reach into it, and that of before with those without;
    and with those that began before its end, when they may have begun.

    Before `RollupProgress.checks_since` moves so: done twice, or broken off, it changes nothing that is told. A few
    websites at a time, as others wait to write.
    """
    reaching = Q(ended_at=None) | Q(ended_at__gt=since) | Q(ended_before__gt=since) | Q(maintenance__isnull=True)
    begun = Q(started_at__lt=until) | Q(started_after__lt=until)
    rows = Incident.objects.filter(begun, reaching, kind=IncidentKind.DOWN)
    for website_ids in chunks(list(rows.order_by().values_list("website", flat=True).distinct())):
        outages = _read(rows.filter(website__in=website_ids))
        watched = _watched(outages, Span(windows.EARLIEST, until))
        # Each with the time of it that is new.
        new = [
            (outage, outage.possible(until, watched[outage.website_id]).common(outage.unwritten(since, until)))
            for of_one in outages.values()
            for outage in of_one
        ]
        maintained = maintenance.spans(outages, Span(min(span.since for _, span in new), until))
        changed = []
        for outage, span in new:
            times = [span.common(gap) for gap in span.meeting(maintained.get(outage.website_id, ()))]
            after = outage.begun_after(watched[outage.website_id])
            kept = [[edge.timestamp() for edge in gap] for gap in merge([*outage.kept(since), *times])]
            if kept != outage.maintenance or after != outage.started_after:
                changed.append(Incident(pk=outage.pk, maintenance=kept, started_after=after))
        for some in chunks(changed):
            Incident.objects.bulk_update(some, ["maintenance", "started_after"])


def _watched(website_ids: Collection[int], span: Span) -> dict[int, list[Occurrence]]:
    """When the websites were watched, whatever the interval, by website id; every website asked for is there."""
    watches = watch_periods.watches(website_ids, span)
    return {website_id: merge(watch.span for watch in watches.get(website_id, ())) for website_id in website_ids}


def _downtime(
    outages: Sequence[_Outage], window: Span, watched: Sequence[Occurrence], left_out: Sequence[Sequence[Span]]
) -> Downtime:
    """`left_out` has the maintenance of each of the outages."""
    parts = list(filter(None, (Span(*times).common(window) for times in watched)))
    count, now = 0, window.until
    certain: list[Span] = []
    possible: list[Span] = []
    for outage, gaps in zip(outages, left_out, strict=True):
        span = outage.possible(now, watched)
        possible += span.without(gaps)
        certain += outage.certain(now).common(span).without(gaps)
        count += any(seen.meeting(parts) for seen in outage.seen(now).without(gaps))
    return Downtime(count, _common(certain, parts), _common(possible, parts))


def _outages(website_ids: Collection[int], window: Span) -> Mapping[int, list[_Outage]]:
    """Those that may reach into a window, by website id."""
    begun = Q(started_after__lt=window.until) | Q(started_after=None)
    lasting = Q(ended_at=None) | Q(ended_at__gt=window.since) | Q(ended_before__gt=window.since)
    rows = Incident.objects.filter(begun, lasting, website__in=website_ids, kind=IncidentKind.DOWN)
    return _read(rows)


def _read(rows: QuerySet[Incident]) -> Mapping[int, list[_Outage]]:
    rows = rows.order_by("started_at")
    outages = [_Outage(*row) for row in rows.values_list(*_COLUMNS)]
    if any(outage.started_after is None for outage in outages):
        unknown = rows.filter(started_after=None).values_list(*_COLUMNS, _up_hour())
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


def _common(some: Iterable[Span], others: Sequence[Span]) -> float:
    """Seconds that are in both; what overlaps counts once."""
    spans = [span for span in some if span]
    return (_length(spans) + _length(others) - _length([*spans, *others])).total_seconds()


def _length(spans: Iterable[Occurrence]) -> timedelta:
    return sum((end - start for start, end in merge(spans)), timedelta())
