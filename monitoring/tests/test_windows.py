"""Windows that people ask for."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError

from monitoring.models import DailyRollup, RollupProgress
from monitoring.watch_periods import Span
from monitoring.windows import EARLIEST, asked_for, with_data
from websites.tests.websites import add

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
LAST, FIRST = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
DAY, HOUR, INSTANT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("since", "until", "window"),
    [
        (None, None, (NOW - DAY, NOW)),
        (NOW - HOUR, None, (NOW - HOUR, NOW)),
        (None, NOW - HOUR, (NOW - HOUR - DAY, NOW - HOUR)),
        (NOW - HOUR, NOW + DAY, (NOW - HOUR, NOW)),
        (None, LAST, (NOW - DAY, NOW)),
        (NOW - INSTANT, LAST, (NOW - INSTANT, NOW)),
        (FIRST, LAST, (EARLIEST, NOW)),
        (FIRST, EARLIEST + INSTANT, (EARLIEST, EARLIEST + INSTANT)),
        (None, EARLIEST + HOUR, (EARLIEST, EARLIEST + HOUR)),
    ],
)
def test_a_window_is_what_is_between(
    since: datetime | None, until: datetime | None, window: tuple[datetime, datetime]
) -> None:
    assert asked_for(since, until, NOW) == Span(*window)


@pytest.mark.parametrize(
    ("since", "until", "name"),
    [
        (NOW, None, "since"),
        (NOW + DAY, None, "since"),
        (NOW + DAY, NOW + 2 * DAY, "since"),
        (LAST, None, "since"),
        (NOW - HOUR, NOW - HOUR, "since"),
        (NOW - HOUR, NOW - DAY, "since"),
        (NOW + HOUR, NOW - DAY, "since"),
        (None, FIRST, "until"),
        (None, EARLIEST, "until"),
        (FIRST, EARLIEST, "until"),
    ],
)
def test_what_is_no_window_is_a_sentence_about_the_moment_that_is_wrong(
    since: datetime | None, until: datetime | None, name: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        asked_for(since, until, NOW)
    assert list(refused.value.message_dict) == [name]
    assert refused.value.message_dict[name][0].endswith(".")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (NOW - 30 * DAY, NOW, NOW - 10 * DAY),
        (NOW - 5 * DAY, NOW, NOW - 5 * DAY),
        (EARLIEST, NOW - 9 * DAY, NOW - 10 * DAY),
        (NOW - 30 * DAY, NOW - 10 * DAY, NOW - 30 * DAY),
        (NOW - 30 * DAY, NOW - 20 * DAY, NOW - 30 * DAY),
    ],
)
def test_a_window_begins_with_the_data_where_it_has_any(since: datetime, until: datetime, expected: datetime) -> None:
    RollupProgress.objects.create(pk=1, checks_since=NOW - 4 * DAY, hours_until=NOW, recent_until=NOW, days_until=NOW)
    website, other = add(), add("http://other.example")
    for number, age in ((website, 9), (website, 10), (other, 20)):
        DailyRollup.objects.create(website=number, started_at=NOW - age * DAY, expected=1, up=1, down=0, unknown=0)
    assert with_data(website.pk, Span(since, until)) == Span(expected, until)


@pytest.mark.django_db
def test_a_website_that_was_never_rolled_up_has_its_data_in_its_checks() -> None:
    RollupProgress.objects.create(pk=1, checks_since=NOW - 4 * DAY, hours_until=NOW, recent_until=NOW, days_until=NOW)
    assert with_data(add().pk, Span(EARLIEST, NOW)) == Span(NOW - 4 * DAY, NOW)


@pytest.mark.django_db
def test_a_monitor_without_any_check_answers_too() -> None:
    with time_machine.travel(NOW, tick=False):
        assert with_data(add().pk, Span(NOW - DAY, NOW)) == Span(NOW - DAY, NOW)
