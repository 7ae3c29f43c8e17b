"""Hours and days are summed up once they are over, and again where what they are made of changed.

1. An hour is rolled up `GRACE` after its end, and what there is of it before by ten minutes, `LATE` after each: these
   lack checks that come later than that, so that nobody reads them while their hour is stale (`readable`). They go an
   hour after it is there.
   Checks that come to the database later than `LATE` mark their hour as
   stale in their own transaction, so that none is ever missed: a transaction that was open for as long as the two
   differ was ended by the database meanwhile (`idle_in_transaction_session_timeout`, `lock_timeout`). So do those of
   what is rolled up already, as the clock was set back since.
2. A day is made of its hours, once all of them are there.
3. What is stale is made once more from its checks: those are there as long as `retention.kept_since` says.
4. Where the clock was ahead and is right again, what was rolled up ahead of it is made anew when its time comes. Where
   it is behind, so is what is there of the time that it goes through, as long as its checks are there.

Each hour and each day is replaced as a whole, in a transaction of its own: a run that is broken off, or done twice,
leaves nothing half-done and nothing counted twice.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from monitoring import rollup_tables
from monitoring.clock import clock
from monitoring.models import DailyRollup, HourlyRollup, MonitoringData, RecentRollup, RollupProgress, StaleHour
from monitoring.rollup_tables import DAY, HOUR, TEN_MINUTES
from monitoring.schedule import chunks
from monitoring.watch_periods import Span
from websites import locks
from websites.models import Website

GRACE = timedelta(minutes=6)
LATE = timedelta(minutes=2)
# Days that hours are kept; days are for ever.
HOUR_DAYS = 400
# Seconds that one run takes at most; the next one goes on.
RUN_TIME = 40.0
# Marks read at once.
STALE_CHUNK = 10_000


def floor(at: datetime, unit: timedelta) -> datetime:
    """The beginning of the ten minutes, hour or day (UTC) of a moment."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // unit * unit


def ceil(at: datetime, unit: timedelta) -> datetime:
    """The beginning of the next ten minutes, hour or day, or the moment itself where it is one."""
    start = floor(at, unit)
    return start if start == at else start + unit


def hours_since() -> datetime:
    """Since when hours are kept; of what is older, days are."""
    return floor(timezone.now() - timedelta(days=HOUR_DAYS), DAY)


def late(checked_at: Iterable[tuple[int, datetime]]) -> None:
    """Mark what `(website_id, time of a check)` of rows that are just written make stale; within their transaction."""
    rolled_up = RollupProgress.objects.values_list("recent_until", flat=True).first()
    horizon = max(filter(None, (timezone.now() - LATE, rolled_up)))
    hours = {(website_id, floor(at, HOUR)) for website_id, at in checked_at if at < horizon}
    if hours:
        StaleHour.objects.bulk_create(StaleHour(website_id=website_id, started_at=hour) for website_id, hour in hours)


def mark_stale(spans: Iterable[Span]) -> None:
    """Have what is rolled up of these spans made once more, for all websites: their maintenance was changed."""
    known, now = progress(), timezone.now()
    hours: set[datetime] = set()
    for since, until in spans:
        hour = floor(max(since, known.checks_since), HOUR)
        # Also what has no hour yet: one that is just being made may have been begun before the change.
        while hour < min(until, now):
            hours.add(hour)
            hour += HOUR
    StaleHour.objects.bulk_create(StaleHour(website=None, started_at=hour) for hour in hours)


def progress() -> RollupProgress:
    """What is there in which form; it begins with the oldest check."""
    found = RollupProgress.objects.filter(pk=1).first()
    if found is None:
        hour = _first_hour()
        begin = {"checks_since": hour, "days_until": floor(hour, DAY), "hours_until": hour, "recent_until": hour}
        found, _ = RollupProgress.objects.get_or_create(pk=1, defaults=begin)
    return found


def _first_hour() -> datetime:
    """That of the oldest check, but for those that a clock that was ahead has made."""
    now = timezone.now()
    oldest = MonitoringData.objects.aggregate(oldest=Min("entry_timestamp"))["oldest"]
    return floor(min(oldest or now, now), HOUR)


def readable() -> RollupProgress:
    """As `progress`, but without ten minutes where those of a stale hour would lack something."""
    known = progress()
    recent = StaleHour.objects.filter(started_at__gte=known.hours_until, started_at__lt=known.recent_until)
    if known.hours_until < known.recent_until and recent.exists():
        known.recent_until = known.hours_until
    return known


def roll_up(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Sum up what is over and what is stale, until `is_stopping`; returns how many spans of time were done."""
    ends_at = time.monotonic() + RUN_TIME
    made = 0
    _follow_clock()
    for step in (_next_hour, _next_day, _next_ten_minutes, _next_stale_hour):
        while not is_stopping() and time.monotonic() < ends_at and step():
            made += 1
    return made


def _follow_clock() -> None:
    """Take back what was rolled up by a clock that was ahead: it is made when its time comes."""
    known, now = progress(), timezone.now()
    if not clock.is_believed() or max(known.recent_until, known.checks_since) <= now:
        return
    before, hour, next_hour = known.checks_since, floor(now, HOUR), ceil(now, HOUR)
    if before > next_hour and HourlyRollup.objects.exists():
        if _is_behind(next_hour, before):
            return
        # Checks of before have gone by a clock that was ahead, and those of this hour in part.
        hour = next_hour
    elif before > next_hour:
        hour = _first_hour()
    with transaction.atomic():
        known = RollupProgress.objects.select_for_update(no_key=True).get(pk=1)
        # Unless another worker did it meanwhile.
        if known.checks_since == before > next_hour:
            known.checks_since = hour
        known.hours_until = known.recent_until = max(min(known.hours_until, hour), known.checks_since)
        known.days_until = min(known.days_until, floor(known.hours_until, DAY))
        known.save()
        RecentRollup.objects.filter(started_at__gte=known.hours_until).delete()


def _is_behind(now: datetime, checks_since: datetime) -> bool:
    """Whether it is now that is wrong, where checks are there from later on: they were made in between, or none before.

    What is rolled up of then stays as it is; a clock that was ahead leaves hours and days without a check.
    """
    return _was_checked(started_at__gte=now, started_at__lt=checks_since) or not _was_checked(started_at__lt=now)


def _was_checked(**times: datetime) -> bool:
    """Whether any hour or day of such times has a check."""
    checked = Q(up__gt=0) | Q(down__gt=0) | Q(unknown__gt=0)
    return any(
        rollup.objects.filter(checked, website__in=website_ids, **times).exists()
        for website_ids in chunks(_all_websites())
        for rollup in (DailyRollup, HourlyRollup)
    )


def _next_hour() -> bool:
    """Roll up the next hour that is over; False where there is none."""
    hour = progress().hours_until
    if hour + HOUR + GRACE > timezone.now():
        return False
    with rollup_tables.one_session():
        rollup_tables.sum_up(Span(hour, hour + HOUR), _all_websites())
        with _writing():
            # Unless another worker did it meanwhile.
            if RollupProgress.objects.filter(hours_until=hour).update(hours_until=hour + HOUR):
                rollup_tables.replace_hour(hour)
                # Those of this hour stay for whoever has read before that there is no hour.
                RecentRollup.objects.filter(started_at__lt=hour).delete()
                RollupProgress.objects.filter(recent_until__lt=hour + HOUR).update(recent_until=hour + HOUR)
    return True


def _next_ten_minutes() -> bool:
    """Roll up the next ten minutes of what has no hour yet; False where there are none."""
    since = progress().recent_until
    if since + TEN_MINUTES + LATE > timezone.now():
        return False
    with rollup_tables.one_session():
        rollup_tables.sum_up(Span(since, since + TEN_MINUTES), _all_websites())
        with _writing():
            if RollupProgress.objects.filter(recent_until=since).update(recent_until=since + TEN_MINUTES):
                rollup_tables.add_recent()
    return True


def _next_day() -> bool:
    """Roll up the next day that is over, from its hours; False where there is none."""
    with _writing():
        known = progress()
        day = known.days_until
        if day + DAY > known.hours_until:
            return False
        if RollupProgress.objects.filter(days_until=day).update(days_until=day + DAY):
            rollup_tables.replace_day(day, _all_websites())
    return True


def _next_stale_hour() -> bool:
    """Roll up once more the oldest of the hours that are stale; False where there is none."""
    marks = StaleHour.objects.filter(started_at__lt=progress().hours_until)
    oldest = marks.order_by("started_at").values_list("started_at", flat=True).first()
    if oldest is None:
        return False
    stale = dict(marks.filter(started_at=oldest).order_by("pk").values_list("pk", "website_id")[:STALE_CHUNK])
    websites: set[int | None] = set(stale.values())
    website_ids = _all_websites() if None in websites else [pk for pk in websites if pk]
    with rollup_tables.one_session():
        rollup_tables.sum_up(Span(oldest, oldest + HOUR), website_ids)
        _replace_stale(oldest, stale, website_ids)
    return True


def _replace_stale(oldest: datetime, stale: Collection[int], website_ids: Collection[int]) -> None:
    """Put what was summed up of an hour in its place, and take its marks (ids) away."""
    with _writing():
        # A day that is just being made of its hours waits for this, or this for the day.
        known = RollupProgress.objects.select_for_update(no_key=True).get(pk=1)
        done = [StaleHour.objects.filter(pk__in=chunk) for chunk in chunks(list(stale))]
        if sum(some.count() for some in done) < len(stale):
            # Another worker did it meanwhile, and may have seen more; or websites are gone.
            return
        for some in done:
            some.delete()
        # Of an hour whose checks are deleted in part or as a whole, what was rolled up stays.
        if known.checks_since <= oldest:
            rollup_tables.replace_hour(oldest, website_ids)
            day = floor(oldest, DAY)
            # Of a day of which hours may be gone, what was rolled up stays as well.
            if day < known.days_until and (day >= known.checks_since or day >= hours_since()):
                rollup_tables.replace_day(day, website_ids)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """A transaction in which no website is deleted: nobody would delete again what it writes of one."""
    with transaction.atomic():
        locks.one_at_a_time()
        yield


def _all_websites() -> list[int]:
    return list(Website.objects.order_by().values_list("pk", flat=True))
