"""What a worker knows of websites, against a real database."""

import pytest
from pytest_django import DjangoAssertNumQueries

from monitoring import watchlist
from monitoring.plan import Version
from monitoring.probe.types import PLAIN, RequestOptions
from monitoring.watchlist import Watchlist, watched
from websites import http_auth
from websites.models import Website

pytestmark = pytest.mark.django_db

FIRST = Version("beat", 1, 1)


def add(path: str, **fields: object) -> Website:
    defaults: dict[str, object] = {"monitoring_interval": 10}
    return Website.objects.create(website_url=f"http://127.0.0.1/{path}", **defaults | fields)


@pytest.mark.parametrize(("interval", "timeout"), [(5, 4.0), (10, 8.0), (13, 10.0), (300, 10.0)])
def test_a_check_ends_before_the_next_one_is_due(interval: int, timeout: float) -> None:
    website = Website(website_url="http://127.0.0.1/", monitoring_interval=interval)
    assert watched(website).request.timeout == timeout


def test_active_websites_are_known_and_others_passed_over() -> None:
    active, paused = add("active", regex="x"), add("paused", is_active=False)
    known = Watchlist().get([active.pk, paused.pk, 10**9], FIRST)
    assert list(known) == [active.pk]
    assert known[active.pk].interval == 10_000
    assert (known[active.pk].request.url, known[active.pk].request.pattern) == ("http://127.0.0.1/active", "x")


def test_the_database_is_asked_once(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ids = [add("one").pk, add("two").pk]
    known = Watchlist()
    with django_assert_num_queries(1):
        known.get(ids, FIRST)
        known.get(ids, FIRST)
        known.get(ids[:1], Version("beat", 2, 1))


def test_a_change_is_seen_at_the_version_that_shows_it() -> None:
    website = add("before")
    known = Watchlist()
    known.get([website.pk], FIRST)
    website.website_url = "http://127.0.0.1/after"
    website.save()
    assert known.get([website.pk], FIRST)[website.pk].request.url.endswith("/before")
    assert known.get([website.pk], Version("beat", 2, 2))[website.pk].request.url.endswith("/after")
    website.delete()
    assert known.get([website.pk], Version("beat", 3, 3)) == {}


def test_what_others_are_changed_to_is_not_read(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ids = [add(f"{number}").pk for number in range(4)]
    known = Watchlist()
    known.get(ids, FIRST)
    with django_assert_num_queries(1):
        known.get(ids[:2], Version("beat", 2, 2))
        known.get(ids[2:], Version("beat", 2, 1))
        # Later, together with others: what was read since then is as new as that.
        known.get(ids[:2], Version("beat", 9, 2))


def test_what_was_read_early_and_comes_late_is_not_taken_for_new() -> None:
    website = add("before")
    known = Watchlist()
    known.get([website.pk], Version("beat", 5, 2))
    website.website_url = "http://127.0.0.1/after"
    website.save()
    # A message that waited, of a reading before the change.
    known.get([website.pk], Version("beat", 5, 2))
    assert known.get([website.pk], Version("beat", 6, 6))[website.pk].request.url.endswith("/after")


def test_the_readings_of_another_beat_say_nothing_of_what_is_known() -> None:
    website = add("before")
    known = Watchlist()
    known.get([website.pk], Version("beat", 70, 70))
    Website.objects.filter(pk=website.pk).update(website_url="http://127.0.0.1/after")
    assert known.get([website.pk], Version("other", 1, 1))[website.pk].request.url.endswith("/after")


def test_without_a_version_nothing_is_taken_from_memory() -> None:
    website = add("before")
    known = Watchlist()
    known.get([website.pk], FIRST)
    Website.objects.filter(pk=website.pk).update(website_url="http://127.0.0.1/after")
    assert known.get([website.pk], None)[website.pk].request.url.endswith("/after")


def test_what_no_periodic_task_tells_of_is_seen_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlist, "TRUSTED_FOR", -1.0)
    website = add("before")
    known = Watchlist()
    known.get([website.pk], FIRST)
    Website.objects.filter(pk=website.pk).update(website_url="http://127.0.0.1/after")
    assert known.get([website.pk], FIRST)[website.pk].request.url.endswith("/after")


def test_websites_that_nobody_checks_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlist, "TRUSTED_FOR", -1.0)
    gone, other = add("gone"), add("other")
    known = Watchlist()
    known.get([gone.pk], FIRST)
    known.get([other.pk], FIRST)
    assert list(known._known) == [other.pk]


@pytest.mark.parametrize("column", ["method", "ip_version", "accepted_statuses", "request_headers"])
def test_what_was_written_past_the_checks_is_a_problem_of_that_website_alone(column: str) -> None:
    good, bad = add("good"), add("bad")
    Website.objects.filter(pk=bad.pk).update(**{column: "no!"})
    known = Watchlist().get([good.pk, bad.pk], FIRST)
    assert (known[good.pk].problem, known[good.pk].request.options) == ("", PLAIN)
    assert known[bad.pk].problem


def test_websites_that_are_asked_plainly_share_their_options() -> None:
    one, other = add("one"), add("other", timeout=2.0, regex="x")
    own = add("own", method="POST", request_body="ä", http_auth=http_auth.seal("Bearer t"), ip_version="6")
    known = Watchlist().get([one.pk, other.pk, own.pk], FIRST)
    assert known[one.pk].request.options is known[other.pk].request.options is PLAIN
    assert known[other.pk].request.timeout == 2.0
    assert known[own.pk].request.options == RequestOptions("POST", (), "ä".encode(), "Bearer t", ip_version=6)
