from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from monitoring import watch_periods
from monitoring.models import WatchPeriod
from monitoring.tests.checks_made import NOON
from monitoring.watch_periods import Span, Watch
from websites.models import Website

MINUTE = timedelta(minutes=1)
LATER = NOON + 10 * MINUTE


def span(since: int, until: int) -> Span:
    """Minutes from noon."""
    return Span(NOON + since * MINUTE, NOON + until * MINUTE)


@pytest.mark.parametrize(
    ("others", "left"),
    [
        ([], [(0, 60)]),
        ([(10, 20)], [(0, 10), (20, 60)]),
        ([(-10, 20), (40, 50)], [(20, 40), (50, 60)]),
        ([(0, 60)], []),
        ([(-10, 70)], []),
        ([(30, 90)], [(0, 30)]),
        ([(70, 80)], [(0, 60)]),
        ([(50, 60), (70, 80), (90, 95)], [(0, 50)]),
        ([(-20, -10)], [(0, 60)]),
    ],
)
def test_a_span_without_others(others: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert span(0, 60).without([span(*other) for other in others]) == [span(*part) for part in left]


@pytest.mark.parametrize(
    ("one", "other", "minutes"), [((0, 10), (5, 20), 5), ((0, 10), (10, 20), 0), ((0, 10), (-5, 50), 10)]
)
def test_what_two_spans_share(one: tuple[int, int], other: tuple[int, int], minutes: int) -> None:
    assert span(*one).overlap(span(*other)) == span(*other).overlap(span(*one)) == minutes * 60
    assert bool(span(*one).common(span(*other))) is bool(minutes)


def test_slots_are_expected_where_it_was_watched() -> None:
    watches = [Watch(span(0, 30), 60), Watch(span(40, 60), 10)]
    assert watch_periods.expected(watches, [span(-10, 10), span(20, 45)]) == pytest.approx(10 + 10 + 30)


def periods(website: Website) -> list[tuple[int, Span | None]]:
    rows = WatchPeriod.objects.filter(website=website).order_by("since")
    return [(row.interval, None if row.until is None else Span(row.since, row.until)) for row in rows]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda website: website.save(), [(60, None)]),
        (lambda website: Website.objects.update(regex="a"), [(60, None)]),
        (lambda website: Website.objects.update(monitoring_interval=5), [(60, span(0, 10)), (5, None)]),
        (lambda website: Website.objects.update(is_active=False), [(60, span(0, 10))]),
    ],
)
def test_a_period_ends_where_a_website_is_watched_otherwise(
    change: Callable[[Website], object], wanted: list[tuple[int, Span | None]]
) -> None:
    with time_machine.travel(NOON, tick=False):
        website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    with time_machine.travel(LATER, tick=False):
        change(website)
    assert periods(website) == wanted
    found = watch_periods.watches([website.pk], span(-10, 20))[website.pk]
    assert sum(one.span.overlap(span(-10, 20)) for one in found) == (1200 if wanted[-1][1] is None else 600)


@pytest.mark.django_db
def test_many_websites_come_with_a_period_each() -> None:
    Website.objects.bulk_create(
        Website(website_url=f"http://127.0.0.1/{number}", monitoring_interval=60, is_active=bool(number))
        for number in range(3)
    )
    assert sorted(WatchPeriod.objects.values_list("website__website_url", flat=True)) == [
        "http://127.0.0.1/1",
        "http://127.0.0.1/2",
    ]


@pytest.mark.django_db
def test_what_no_signal_told_of_is_mended() -> None:
    changed, paused, fresh, gone = (
        Website.objects.create(website_url=f"http://127.0.0.1/{number}", monitoring_interval=60) for number in range(4)
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE websites_website SET monitoring_interval = 30 WHERE website_id = %s", [changed.pk])
        cursor.execute("UPDATE websites_website SET is_active = %s WHERE website_id = %s", [False, paused.pk])
        cursor.execute("DELETE FROM monitoring_watchperiod WHERE website_id = %s", [fresh.pk])
        cursor.execute("DELETE FROM websites_website WHERE website_id = %s", [gone.pk])
    assert watch_periods.reconcile() == 3
    open_periods = WatchPeriod.objects.filter(until=None).values_list("website_id", "interval")
    assert sorted(open_periods) == [(changed.pk, 30), (fresh.pk, 60)]
    assert not WatchPeriod.objects.filter(website_id=gone.pk).exists()
    assert watch_periods.reconcile() == 0


@pytest.mark.django_db
def test_a_website_added_by_a_clock_that_was_ahead_is_expected_to_be_checked_once_it_was_paused() -> None:
    with time_machine.travel(NOON + 30 * MINUTE, tick=False) as traveller:
        website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
        traveller.move_to(NOON)
        for is_active in (False, True):
            website.is_active = is_active
            website.save()
        watches = watch_periods.watches([website.pk], span(0, 60))[website.pk]
        assert watch_periods.expected(watches, [span(0, 60)]) == 60
