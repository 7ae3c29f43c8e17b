"""How long websites were down, at least and at most."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.downtime import Downtime, downtimes, settle
from monitoring.models import (
    EndReason,
    HourlyRollup,
    Incident,
    IncidentKind,
    MaintenanceWindow,
    RollupProgress,
    WatchPeriod,
)
from monitoring.watch_periods import Span
from websites.models import Website
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

START = datetime(2026, 10, 5, tzinfo=UTC)
DAY_END = 1440


def at(minute: float | None) -> datetime | None:
    return None if minute is None else START + timedelta(minutes=minute)


def moment(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def outage(website: Website, *minutes: float | None, reason: str = "recovered", **fields: Any) -> None:
    """The minutes are those of an incident's moments: began after, at and before, ended after, at and before."""
    names = ("started_after", "started_at", "started_before", "ended_after", "ended_at", "ended_before")
    moments = {name: at(minute) for name, minute in zip(names, minutes, strict=True)}
    end_reason = reason if moments["ended_at"] else ""
    Incident.objects.create(website=website, end_reason=end_reason, **moments, **fields)


def watch(website: Website, *spans: tuple[float, float | None]) -> None:
    WatchPeriod.objects.filter(website=website).delete()
    for since, until in spans:
        WatchPeriod.objects.create(website=website, interval=60, since=moment(since), until=at(until))


def maintain(name: str, since: int, minutes: int) -> None:
    MaintenanceWindow.objects.create(
        name=name, first_day=START.date(), start_time=time(since // 60, since % 60), minutes=minutes
    )


def hour_of(website: Website, since: float, up: int) -> None:
    counts = {"expected": 60, "up": up, "down": 0, "unknown": 0, "early_up": 0, "early_down": 0, "early_unknown": 0}
    HourlyRollup.objects.create(website=website, started_at=moment(since), **counts)


@pytest.fixture
def website() -> Website:
    """Watched since midnight."""
    website = add()
    watch(website, (0, None))
    return website


def found(website: Website, since: float = 0, until: float = 600, now: float = 1000) -> tuple[int, float, float]:
    """Count, and minutes at least and at most."""
    with time_machine.travel(moment(now), tick=False):
        one = downtimes([website.pk], Span(moment(since), moment(until)))[website.pk]
    return one.count, one.at_least / 60, one.at_most / 60


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((0, 600), (1, 18, 24)),
        ((0, 105), (1, 3, 6)),
        ((105, 110), (1, 5, 5)),
        ((0, 100), (0, 0, 1)),
        ((0, 99), (0, 0, 0)),
        ((121, 600), (1, 0, 2)),
        ((122, 600), (0, 0, 1)),
        ((123, 600), (0, 0, 0)),
    ],
)
def test_an_outage_counts_where_it_meets_the_window(
    website: Website, window: tuple[int, int], expected: tuple[int, float, float]
) -> None:
    outage(website, 99, 100, 102, 120, 122, 123)
    assert found(website, *window) == expected


def test_what_lasts_has_lasted_up_to_now_and_no_longer(website: Website) -> None:
    outage(website, 99, 100, 102, None, None, None)
    assert found(website, 0, 600, now=150) == (1, 48, 51)
    assert found(website, 0, 130, now=150) == (1, 28, 31)
    assert found(website, 140, 600, now=150) == (1, 10, 10)


def test_what_ended_with_a_pause_lasted_up_to_the_pause(website: Website) -> None:
    watch(website, (0, 130))
    outage(website, 99, 100, 102, None, 130, None, reason=EndReason.PAUSED)
    assert found(website) == (1, 28, 31)


def test_an_end_of_which_no_bad_check_before_it_is_known_is_certain_of_nothing(website: Website) -> None:
    outage(website, 99, 100, 102, None, 130, 131)
    assert found(website) == (1, 0, 32)


def test_a_single_bad_check_is_certain_of_nothing(website: Website) -> None:
    outage(website, 99, 100, 101, 100, 102, 103)
    assert found(website) == (1, 0, 4)


def test_a_first_check_that_fails_says_nothing_of_the_time_before_the_website_was_watched(website: Website) -> None:
    watch(website, (50, 60), (90, 95), (95, None))
    outage(website, None, 100, 102, 120, 122, 123)
    assert found(website) == (1, 18, 33)


def test_what_was_seen_up_before_a_gap_was_not_down_then(website: Website) -> None:
    """The last good check before the outage is not remembered, but the hour in which it was made is."""
    watch(website, (-6000, None))
    for hour, up in ((-2000, 60), (-1980, 1), (-1920, 0)):
        hour_of(website, hour, up)
    outage(website, None, 100, 102, 120, 122, 123)
    assert found(website, -6000) == (1, 18, 123 + 1980)


def test_time_that_belongs_to_two_outages_counts_once(website: Website) -> None:
    # The good check between them was sent at 110 and finished at 112.
    outage(website, 99, 100, 101, 105, 110, 112)
    outage(website, 110, 115, 116, 120, 122, 123)
    assert found(website) == (2, 8, 24)


def test_maintenance_and_pauses_are_left_out(website: Website) -> None:
    watch(website, (0, 130), (140, None))
    maintain("some", 90, 15)
    maintain("more", 100, 10)
    outage(website, 99, 100, 102, 150, 152, 153)
    assert found(website) == (1, 30, 33)
    maintain("all", 80, 100)
    assert found(website) == (0, 0, 0)


def go_up_to(minute: float) -> None:
    """Checks of before that moment go."""
    since = RollupProgress.objects.get().checks_since
    RollupProgress.objects.update(checks_since=moment(minute))
    settle(since, moment(minute))


@pytest.fixture
def _checks_are_there() -> None:
    midnight = moment(0)
    RollupProgress.objects.create(
        pk=1, checks_since=midnight, days_until=midnight, hours_until=midnight, recent_until=midnight
    )


@pytest.mark.usefixtures("_checks_are_there")
def test_what_is_told_of_outages_stays_when_checks_go(website: Website) -> None:
    maintain("some", 110, 5)
    outage(website, 99, 100, 102, 120, 122, 123)
    outage(website, None, 300, 302, 320, 322, 323)
    assert found(website) == (2, 13 + 18, 323 - 5)
    go_up_to(200)
    assert found(website) == (2, 13 + 18, 323 - 5)
    # What is entered for the time from then on counts.
    maintain("more", 310, 5)
    assert found(website) == (2, 13 + 13, 323 - 10)
    go_up_to(400)
    MaintenanceWindow.objects.all().delete()
    maintain("another", 0, 600)
    assert found(website) == (2, 13 + 13, 323 - 10)


@pytest.mark.usefixtures("_checks_are_there")
def test_an_outage_that_lasts_is_written_down_as_far_as_checks_go(website: Website) -> None:
    maintain("begun", 110, 60)
    outage(website, 99, 100, 102, None, None, None)
    for minute in (105, 120, 160, 200):
        go_up_to(minute)
    go_up_to(200)
    MaintenanceWindow.objects.all().delete()
    maintain("all", 0, 250)
    assert found(website, now=300) == (1, (110 - 102) + (200 - 170) + 50, (110 - 99) + (200 - 170) + 50)
    kept = Incident.objects.get().maintenance
    assert kept is not None
    assert sum(until - since for since, until in kept) == 60 * 60


@pytest.mark.usefixtures("_checks_are_there")
def test_maintenance_that_is_written_down_twice_counts_once(website: Website) -> None:
    """By two workers, or by one that was broken off before the checks went."""
    maintain("some", 110, 5)
    outage(website, 99, 100, 102, 120, 122, 123)
    outage(website, 199, 200, 202, None, None, None)
    before = found(website)
    for _ in range(2):
        settle(moment(0), moment(250))
        assert found(website) == before
    go_up_to(250)
    MaintenanceWindow.objects.all().delete()
    assert found(website) == before


@pytest.mark.usefixtures("_checks_are_there")
def test_what_a_clock_that_was_ahead_wrote_down_of_later_is_not_counted(website: Website) -> None:
    maintain("some", 110, 5)
    maintain("later", 310, 5)
    outage(website, 99, 100, 102, None, None, None)
    go_up_to(400)
    RollupProgress.objects.update(checks_since=moment(200))
    MaintenanceWindow.objects.get(name="later").delete()
    assert found(website, now=420) == (1, 420 - 102 - 5, 420 - 99 - 5)
    go_up_to(410)
    assert found(website, now=420) == (1, 420 - 102 - 5, 420 - 99 - 5)


@pytest.mark.usefixtures("_checks_are_there")
def test_the_time_before_an_outage_in_which_it_may_have_been_down_is_settled_too(website: Website) -> None:
    maintain("some", 120, 60)
    outage(website, 99, 300, 302, 320, 322, 323)
    assert found(website) == (1, 18, 323 - 99 - 60)
    go_up_to(200)
    MaintenanceWindow.objects.all().delete()
    assert found(website) == (1, 18, 323 - 99 - 60)
    go_up_to(400)
    assert found(website) == (1, 18, 323 - 99 - 60)


@pytest.mark.usefixtures("_checks_are_there")
@pytest.mark.parametrize(
    ("watched", "longest"), [([(0, None)], 243), ([(0, 50), (55, None)], 243), ([(0, 70), (90, None)], 213)]
)
def test_the_hour_in_which_it_was_last_seen_up_is_known_when_that_is_gone(
    website: Website, watched: list[tuple[float, float | None]], longest: int
) -> None:
    watch(website, *watched)
    hour_of(website, 60, 1)
    outage(website, None, 300, 301, 302, 302, 303)
    assert found(website)[2] == longest
    go_up_to(400)
    assert found(website)[2] == longest
    HourlyRollup.objects.all().delete()
    assert found(website)[2] == longest


@pytest.mark.usefixtures("_checks_are_there")
def test_tags_changed_later_change_no_outage_of_before(website: Website) -> None:
    Website.objects.update(tags=",shop,")
    MaintenanceWindow.objects.create(
        name="of the shop", first_day=START.date(), start_time=time(1, 50), minutes=5, tags=",shop,"
    )
    outage(website, 99, 100, 102, 120, 122, 123)
    assert found(website) == (1, 13, 19)
    go_up_to(130)
    Website.objects.update(tags="")
    assert found(website) == (1, 13, 19)


def test_maintenance_after_the_watched_time_takes_nothing_away(website: Website) -> None:
    watch(website, (0, 110))
    maintain("some", 200, 10)
    maintain("more", 300, 10)
    outage(website, 99, 100, 102, 120, 122, 123)
    assert found(website) == (1, 8, 11)


@pytest.mark.parametrize("kind", [IncidentKind.SLOW, IncidentKind.VALUE])
def test_only_what_is_down_is_down(website: Website, kind: str) -> None:
    outage(website, 99, 100, 102, 120, 122, 123, kind=kind)
    assert found(website) == (0, 0, 0)


def test_each_website_has_its_own(website: Website) -> None:
    other = add("http://other.example")
    watch(other, (0, None))
    outage(website, 99, 100, 102, 120, 122, 123)
    outage(other, 199, 200, 202, 203, 204, 205)
    both = downtimes([website.pk, other.pk, 77], Span(moment(0), moment(600)))
    assert both == {
        website.pk: Downtime(1, 18 * 60, 24 * 60),
        other.pk: Downtime(1, 60, 6 * 60),
        77: Downtime(),
    }
    assert downtimes([], Span(moment(0), moment(600))) == {}


steps = st.integers(0, 12)
Minutes = list[int | None]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Minutes, str]]:
    """Outages one after the other, as checks that take up to three minutes find them."""
    found: list[tuple[Minutes, str]] = []
    now = 0
    for _ in range(draw(st.integers(0, 4))):
        after = now + draw(steps)
        began = after + draw(st.integers(1, 12))
        before = began + draw(st.integers(0, 3))
        last_bad = began + draw(steps)
        now = last_bad + draw(st.integers(1, 12))
        ended = [draw(st.sampled_from([last_bad, None])), now, now + draw(st.integers(0, 3))]
        found.append(([draw(st.sampled_from([after, None])), began, before, *ended], "recovered"))
    ends = draw(st.sampled_from(["recovered", "not yet", "paused"]))
    if found and ends != "recovered":
        minutes, _ = found[-1]
        if ends == "not yet":
            found[-1] = [*minutes[:3], None, None, None], ""
        else:
            found[-1] = [*minutes[:3], None, minutes[4], None], "paused"
    return found


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    """In order; some touch."""
    edges = sorted(draw(st.lists(st.integers(0, 120), max_size=8)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [(since, until) for since, until in pairs if since < until]


def by_the_minute(
    outages: list[tuple[Minutes, str]],
    window: range,
    watched: list[tuple[int, int]],
    maintained: list[tuple[int, int]],
    now: int,
) -> tuple[int, float, float]:
    """The same as `downtimes`, by looking at every minute."""
    seen: set[int] = set()
    certain: set[int] = set()
    possible: set[int] = set()
    is_watched = {minute for since, until in watched for minute in range(since, until)}
    counted = {minute for minute in window if minute < now} & is_watched
    counted -= {minute for since, minutes in maintained for minute in range(since, since + minutes)}
    now = min(now, window.stop)
    for number, ((after, began, before, last_bad, ended, ended_before), reason) in enumerate(outages):
        assert began is not None
        assert before is not None
        first = began if after is None else after
        while after is None and began in is_watched and first - 1 in is_watched:
            first -= 1
        sure_until = last_bad if reason == "recovered" else ended or now
        possible |= set(range(first, ended_before or ended or now))
        certain |= set(range(before, sure_until or 0))
        if counted & set(range(began, ended or now)):
            seen.add(number)
    return len(seen), len(certain & counted), len(possible & counted)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    outages=histories(),
    window=st.tuples(st.integers(0, 60), st.integers(1, 90)),
    watched=spans(),
    maintained=st.lists(st.tuples(st.integers(0, 120), st.integers(1, 20)), max_size=3),
    now=st.integers(1, 150),
)
def test_bounds_are_those_of_a_timeline_looked_at_minute_by_minute(
    outages: list[tuple[Minutes, str]],
    window: tuple[int, int],
    watched: list[tuple[int, int]],
    maintained: list[tuple[int, int]],
    now: int,
) -> None:
    since, length = window
    with transaction.atomic():
        website = add()
        watch(website, *watched)
        for minutes, reason in outages:
            outage(website, *minutes, reason=reason)
        for number, (start, minutes_long) in enumerate(maintained):
            maintain(str(number), start, minutes_long)
        assert found(website, since, since + length, now) == by_the_minute(
            outages, range(since, since + length), watched, maintained, now
        )
        transaction.set_rollback(True)
