"""What a list of websites shows of each: the last day in half hours, and the uptime of days, a week and a month."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from monitoring import check_sums, maintenance, rollups, watch_periods
from monitoring.histogram import Histogram
from monitoring.models import DailyRollup, HourlyRollup, RecentRollup
from monitoring.rollup_tables import DAY, HOUR, TEN_MINUTES
from monitoring.rollups import floor
from monitoring.schedule import chunks
from monitoring.statistics.summaries import alike, read_checks
from monitoring.statistics.summary import Counts
from monitoring.watch_periods import Span

HALF_HOUR = timedelta(minutes=30)
HALF_HOURS = 48
WEEK, MONTH = 7 * DAY, 30 * DAY
_HISTOGRAM = check_sums.COLUMNS.index("histogram")


@dataclass(slots=True)
class Recent:
    """The last 24 hours in half hours, from `since` on (the last one is that of now), and uptimes.

    Of 24 hours by the half hours; of 7 and 30 days by that many whole days (UTC) before `today`, and that.
    """

    since: datetime
    today: datetime
    half_hours: list[Counts] = field(default_factory=lambda: [Counts() for _ in range(HALF_HOURS)])
    # How long answers took, by when the hour begins: histograms as rollups keep them, read where they are asked for.
    times: defaultdict[datetime, list[str]] = field(default_factory=lambda: defaultdict(list))
    day: Counts = field(default_factory=Counts)
    week: Counts = field(default_factory=Counts)
    month: Counts = field(default_factory=Counts)

    @property
    def medians(self) -> list[float | None]:
        """The median seconds of each hour, from that of `since` on; None where nothing was answered."""
        first = floor(self.since, HOUR)
        hours = -((first - self.since - HALF_HOURS * HALF_HOUR) // HOUR)
        texts = (self.times.get(first + n * HOUR, ()) for n in range(hours))
        return [Histogram.read(",".join(some)).percentile(50) for some in texts]

    def add(self, begins: datetime, counts: Counts) -> None:
        """Add to a half hour; to none where it is not of the last day."""
        n = (begins - self.since) // HALF_HOUR
        if 0 <= n < HALF_HOURS:
            self.half_hours[n].add_counts(counts)

    def add_to_all(self, begins: datetime, counts: Counts) -> None:
        self.add(begins, counts)
        self.add_to_days(begins, counts)

    def add_to_days(self, begins: datetime, counts: Counts) -> None:
        """Add to week and month, unless that began before them."""
        if begins >= self.today - WEEK:
            self.week.add_counts(counts)
        if begins >= self.today - MONTH:
            self.month.add_counts(counts)

    def add_times(self, hour: datetime, times: str) -> None:
        """Add a histogram, as rollups keep it."""
        if times:
            self.times[hour].append(times)


def recent(website_ids: Collection[int], now: datetime) -> dict[int, Recent]:
    """By website id; every website asked for is there."""
    half_hour = floor(now, HOUR) + (HALF_HOUR if now - floor(now, HOUR) >= HALF_HOUR else timedelta())
    since = half_hour - (HALF_HOURS - 1) * HALF_HOUR
    today = floor(now, DAY)
    found = {website_id: Recent(since, today) for website_id in website_ids}
    known = rollups.readable()
    _add_days(found, today, known.days_until)
    # However far behind rolling up may be.
    unsummed = Span(max(known.hours_until, known.recent_until, today - MONTH), now)
    _add_hours(found, Span(min(floor(since, HOUR), known.days_until), known.hours_until), known.days_until)
    _add_recent(found, Span(known.hours_until, known.recent_until))
    _add_checks(found, unsummed)
    for one in found.values():
        for counts in one.half_hours:
            one.day.add_counts(counts)
    return found


def _add_days(found: Mapping[int, Recent], today: datetime, until: datetime) -> None:
    """To week and month, what is rolled up by days."""
    week, columns = Q(started_at__gte=today - WEEK), ("expected", *check_sums.OUTCOMES)
    rows = DailyRollup.objects.filter(started_at__gte=today - MONTH, started_at__lt=until)
    for chunk in chunks(list(found)):
        sums = rows.filter(website__in=chunk).order_by().values_list("website_id")
        of_week = {f"week_{column}": Sum(column, filter=week, default=0) for column in columns}
        of_month = {f"month_{column}": Sum(column) for column in columns}
        for website_id, *counts in sums.annotate(**of_week, **of_month):
            found[website_id].week.add_counts(Counts(*counts[: len(columns)]))
            found[website_id].month.add_counts(Counts(*counts[len(columns) :]))


def _add_hours(found: Mapping[int, Recent], span: Span, days_until: datetime) -> None:
    """To all; to week and month, what is not rolled up by days."""
    rows = HourlyRollup.objects.filter(started_at__gte=span.since, started_at__lt=span.until)
    columns = ("expected", "early_expected", *check_sums.OUTCOMES, *check_sums.EARLY_COLUMNS, "histogram")
    for chunk in chunks(list(found)):
        for website_id, hour, expected, early_expected, *counts, times in rows.filter(website__in=chunk).values_list(
            "website_id", "started_at", *columns
        ):
            one, all_of, early = found[website_id], counts[:3], counts[3:]
            later = [number - of_early for number, of_early in zip(all_of, early, strict=True)]
            first = expected / 2 if early_expected is None else early_expected
            one.add(hour, Counts(first, *early))
            one.add(hour + HALF_HOUR, Counts(expected - first, *later))
            one.add_times(hour, times)
            if hour >= days_until:
                one.add_to_days(hour, Counts(expected, *all_of))


def _add_recent(found: Mapping[int, Recent], span: Span) -> None:
    """To all, what is rolled up by ten minutes."""
    rows = RecentRollup.objects.filter(started_at__gte=span.since, started_at__lt=span.until)
    for chunk in chunks(list(found)):
        for website_id, start, times, *counts in rows.filter(website__in=chunk).values_list(
            "website_id", "started_at", "histogram", "expected", *check_sums.OUTCOMES
        ):
            found[website_id].add_to_all(start, Counts(*counts))
            found[website_id].add_times(floor(start, HOUR), times)


def _add_checks(found: Mapping[int, Recent], span: Span) -> None:
    """To all, what is not rolled up; the span begins with one of the hour's ten minutes."""
    starts = [span.since + n * TEN_MINUTES for n in range(-((span.since - span.until) // TEN_MINUTES))]
    watches = watch_periods.watches(found, span)
    for website_ids, left_out in alike(found, maintenance.spans(found, span)):
        for website_id, piece, *sums in read_checks(website_ids, span, left_out, TEN_MINUTES):
            found[website_id].add_to_all(starts[piece], Counts(0.0, *sums[: len(check_sums.OUTCOMES)]))
            found[website_id].add_times(floor(starts[piece], HOUR), str(sums[_HISTOGRAM]))
        for start in starts:
            counted = Span(start, min(start + TEN_MINUTES, span.until)).without(left_out)
            for website_id in website_ids:
                slots = watch_periods.expected(watches.get(website_id, ()), counted)
                found[website_id].add_to_all(start, Counts(slots))
