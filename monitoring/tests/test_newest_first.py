"""What is newest is found wherever it lies: in the last days, long ago, or ahead of now."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from monitoring import histories, newest_first, rows
from monitoring.current import latest_checks
from monitoring.models import MonitoringData
from monitoring.rows import Row
from websites.models import Website

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def add(name: str, *days: float) -> Website:
    """With checks so many days ago."""
    website = Website.objects.create(website_url=f"http://127.0.0.1/{name}", monitoring_interval=60)
    now = timezone.now()
    moments = [now - number * DAY for number in days]
    rows.insert(
        [Row(website.pk, 200, at, 0.1, None, at, "up", "", "", None, None, None, None, None, None) for at in moments]
    )
    return website


def ago(moment: datetime) -> float:
    return round((timezone.now() - moment) / DAY, 1)


def test_the_latest_check_is_found_however_long_ago() -> None:
    websites = {
        add("now", 0, 1, 2): 0.0,
        add("of-a-slow-clock", 0.5, 1, 2): 0.5,
        add("paused", 20, 25): 20.0,
        add("paused-long-ago", 900): 900.0,
        add("of-a-fast-clock", -200): -200.0,
    }
    never = add("never")
    found = latest_checks([never.pk, *(website.pk for website in websites)])
    assert {pk: ago(check.entry_timestamp) for pk, check in found.items()} == {
        website.pk: days for website, days in websites.items()
    }


def test_the_newest_checks_are_gathered_from_all_days_where_the_last_ones_have_too_few() -> None:
    busy, rare, never = add("busy", 0, 0.1, 0.2, 9), add("rare", 0, 5, 50, 500), add("never")
    Website.objects.update(created_at=timezone.now() - 900 * DAY)
    found = histories.newest([busy.pk, rare.pk, never.pk], 3)
    assert {pk: [ago(check.checked_at) for check in checks] for pk, checks in found.items()} == {
        busy.pk: [0.0, 0.1, 0.2],
        rare.pk: [0.0, 5.0, 50.0],
        never.pk: [],
    }


def test_of_a_new_website_nothing_is_looked_for_before_it_came() -> None:
    # Nobody can have checked it then; a check long ago shows that no look was taken.
    new = add("new", 0, 5)
    assert [ago(check.checked_at) for check in histories.newest([new.pk], 3)[new.pk]] == [0.0]


@pytest.mark.parametrize(
    ("count", "before", "found"),
    [
        (2, None, [0.0, 0.1]),
        (3, None, [0.0, 0.1, 5.0]),
        (5, None, [0.0, 0.1, 5.0, 30.0, 31.0]),
        (9, None, [0.0, 0.1, 5.0, 30.0, 31.0]),
        (1, 20, [30.0]),
        (2, 20, [30.0, 31.0]),
        (9, 20, [30.0, 31.0]),
    ],
)
def test_the_first_rows_are_the_same_as_without_looks(count: int, before: float | None, found: list[float]) -> None:
    website = add("some", 0, 0.1, 5, 30, 31)
    since = None if before is None else timezone.now() - before * DAY
    rows = MonitoringData.objects.filter(website=website).order_by("-entry_timestamp")
    rows = rows if since is None else rows.filter(entry_timestamp__lt=since)
    assert [ago(row.entry_timestamp) for row in newest_first.first(rows, count, since)] == found
