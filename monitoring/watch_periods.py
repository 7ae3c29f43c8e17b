"""When websites were to be checked, and in which interval: so that it is known how many checks are missing."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from monitoring.models import WatchPeriod
from monitoring.schedule import chunks
from websites.models import Website


class Span(NamedTuple):
    """A time: from `since` on, before `until`."""

    since: datetime
    until: datetime

    def __bool__(self) -> bool:
        return self.since < self.until

    def common(self, other: "Span") -> "Span":
        """What is in both; false where that is nothing."""
        return Span(max(self.since, other.since), min(self.until, other.until))

    def overlap(self, other: "Span") -> float:
        """Seconds that are in both."""
        return max(0.0, (min(self.until, other.until) - max(self.since, other.since)).total_seconds())

    def meeting(self, others: Sequence["Span"]) -> Sequence["Span"]:
        """Those that have something in common with it; the others are in order and do not overlap."""
        first = bisect_right(others, self.since, key=attrgetter("until"))
        return others[first : bisect_left(others, self.until, lo=first, key=attrgetter("since"))]

    def without(self, others: Sequence["Span"]) -> list["Span"]:
        """What is left of it; the others are in order and do not overlap."""
        left, since = [], self.since
        for other in self.meeting(others):
            left.append(Span(since, other.since))
            since = max(since, other.until)
        left.append(Span(since, self.until))
        return [span for span in left if span]


class Watch(NamedTuple):
    """A span in which a website was checked every `interval` seconds."""

    span: Span
    interval: int


def on_websites_saved(website_ids: Sequence[int], **_: Any) -> None:
    follow(website_ids)


def follow(website_ids: Sequence[int]) -> None:
    """Begin a new period for those of the websites that are not watched as before; what is gone is passed over."""
    with transaction.atomic():
        for chunk in chunks(sorted(website_ids)):
            # Locked, so that nobody begins another one meanwhile.
            websites = Website.objects.select_for_update(no_key=True).filter(pk__in=chunk).order_by("pk")
            wanted = websites.values_list("pk", "monitoring_interval", "is_active")
            _follow({pk: interval if is_active else None for pk, interval, is_active in wanted})


def _follow(wanted: Mapping[int, int | None]) -> None:
    """`wanted` has the interval of each website, None where it is paused."""
    now = timezone.now()
    lasting = dict(WatchPeriod.objects.filter(website__in=wanted, until=None).values_list("website_id", "interval"))
    changed = [website_id for website_id, interval in wanted.items() if lasting.get(website_id) != interval]
    WatchPeriod.objects.filter(website__in=changed, until=None).update(until=now)
    begun = ((website_id, wanted[website_id]) for website_id in changed)
    WatchPeriod.objects.bulk_create(
        WatchPeriod(website_id=website_id, interval=interval, since=now) for website_id, interval in begun if interval
    )


def reconcile() -> int:
    """Mend what no signal told of; returns how many websites were not watched as their last period says."""
    lasting = dict(WatchPeriod.objects.filter(until=None).values_list("website_id", "interval"))
    websites = Website.objects.order_by().values_list("pk", "monitoring_interval", "is_active")
    wrong = [pk for pk, interval, is_active in websites if lasting.get(pk) != (interval if is_active else None)]
    follow(wrong)
    WatchPeriod.objects.exclude(website__in=Website.objects.order_by().values("pk")).delete()
    return len(wrong)


def watches(website_ids: Collection[int], span: Span) -> dict[int, list[Watch]]:
    """When the websites were watched within a span, by website id."""
    found: dict[int, list[Watch]] = defaultdict(list)
    rows = WatchPeriod.objects.filter(Q(until=None) | Q(until__gt=span.since), since__lt=span.until)
    for chunk in chunks(list(website_ids)):
        for website_id, interval, since, until in rows.filter(website__in=chunk).values_list(
            "website_id", "interval", "since", "until"
        ):
            found[website_id].append(Watch(Span(since, until or span.until), interval))
    return found


def expected(watches: Iterable[Watch], spans: Sequence[Span]) -> float:
    """How many slots the spans have, whole or in part."""
    return sum(span.overlap(watch.span) / watch.interval for watch in watches for span in spans)
