"""Badges over HTTP: what they show, and to whom."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from rest_framework.test import APIClient

from monitoring.models import MonitoringData, WebsiteState
from monitoring.tests.slots import checked, watched
from monitoring.website_badges import BADGES
from websites.models import Website
from websites.tests.people import person, signed_in, token_for, with_token
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def website() -> Website:
    """Was up for three of the last four hours and down for one, with one check in ten missing."""
    website = add()
    watched(website, NOW - 4 * HOUR)
    checked(website, NOW - 4 * HOUR, "uuuuuuuuu." * 18 + "ddddddddd." * 6)
    WebsiteState.objects.create(website=website, state="down", since=NOW - HOUR)
    return website


def title(response: Any) -> str | None:
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "image/svg+xml"
    return ElementTree.fromstring(response.content).findtext("{http://www.w3.org/2000/svg}title")


def get(client: APIClient, path: str, **headers: str) -> Any:
    with time_machine.travel(NOW, tick=False):
        return client.get(path, headers=headers or None)


@pytest.fixture
def viewer() -> APIClient:
    with time_machine.travel(NOW, tick=False):
        return signed_in("viewer")


@pytest.mark.parametrize(
    ("badge", "text"),
    [
        ("state", "state: down"),
        ("uptime-24h", "uptime 24h: 75.00 % (coverage 90.00 %)"),
        ("uptime-7d", "uptime 7d: 75.00 % (coverage 90.00 %)"),
        ("uptime-30d", "uptime 30d: 75.00 % (coverage 90.00 %)"),
        ("p95", "p95: 100 ms (coverage 90.00 %)"),
    ],
)
def test_each_badge_shows_what_is_known(viewer: APIClient, website: Website, badge: str, text: str) -> None:
    for slash in ("", "/"):
        assert title(get(viewer, f"/websites/{website.pk}/badge/{badge}.svg{slash}")) == text


def test_a_state_is_unknown_where_nobody_checks_any_more(viewer: APIClient, website: Website) -> None:
    address = f"/websites/{website.pk}/badge/state.svg"
    MonitoringData.objects.update(entry_timestamp=NOW - timedelta(minutes=3))
    assert title(get(viewer, address)) == "state: down"
    MonitoringData.objects.update(entry_timestamp=NOW - timedelta(minutes=5))
    assert title(get(viewer, address)) == "state: unknown"
    Website.objects.update(is_active=False)
    assert title(get(viewer, address)) == "state: paused"


def test_checks_that_say_nothing_of_the_website_confirm_no_state(viewer: APIClient, website: Website) -> None:
    address = f"/websites/{website.pk}/badge/state.svg"
    checked(website, NOW - 20 * MINUTE, "d" + "?" * 20)
    MonitoringData.objects.filter(entry_timestamp__gt=NOW - 20 * MINUTE, outcome="down").delete()
    assert title(get(viewer, address)) == "state: unknown"
    checked(website, NOW - 3 * MINUTE, "d")
    assert title(get(viewer, address)) == "state: down"


@pytest.mark.parametrize("badge", BADGES)
def test_a_website_without_data_has_badges_that_say_so(viewer: APIClient, badge: str) -> None:
    assert ("unknown" if badge == "state" else "no data") in (
        title(get(viewer, f"/websites/{add().pk}/badge/{badge}.svg")) or ""
    )


@pytest.mark.parametrize(
    "accept", ["*/*", "image/svg+xml", "image/avif,image/webp", "text/html", "application/json", "x"]
)
def test_a_badge_is_a_picture_whatever_is_asked_for(viewer: APIClient, website: Website, accept: str) -> None:
    assert title(get(viewer, f"/websites/{website.pk}/badge/state.svg", Accept=accept))
    missing = get(viewer, "/websites/77/badge/state.svg", Accept=accept)
    assert (missing.status_code, missing["Content-Type"]) == (404, "application/json")


def test_a_label_takes_the_place_of_the_subject(viewer: APIClient, website: Website) -> None:
    response = get(viewer, f"/websites/{website.pk}/badge/state.svg?label=%3Cscript%3Eshop%E2%80%AE")
    assert title(response) == "<script>shop\\u202e, state: down"
    assert b"<script>" not in response.content


@pytest.mark.parametrize(
    ("query", "field"),
    [(f"label={'x' * 61}", "label"), ("label=%00", "label"), ("lable=x", "lable"), ("since=x", "since")],
)
def test_a_query_that_means_nothing_is_refused(viewer: APIClient, website: Website, query: str, field: str) -> None:
    response = get(viewer, f"/websites/{website.pk}/badge/state.svg?{query}")
    assert (response.status_code, list(response.json())) == (400, [field])


@pytest.mark.parametrize("name", ["uptime", "uptime-1d", "State", "state.png", "", "p99", "state.svg.svg"])
def test_there_are_no_other_badges(viewer: APIClient, website: Website, name: str) -> None:
    assert get(viewer, f"/websites/{website.pk}/badge/{name}.svg").status_code == 404


def test_strangers_do_not_learn_which_websites_there_are(website: Website) -> None:
    answers = [
        APIClient().get(f"/websites/{number}/badge/{badge}.svg")
        for badge in BADGES
        for number in (website.pk, website.pk + 1, 0, "9" * 19, "9" * 5000)
    ]
    assert {response.status_code for response in answers} == {401}
    assert len({response.content for response in answers}) == 1


@pytest.mark.parametrize(("role", "code"), [(None, 403), ("viewer", 200), ("editor", 200), ("admin", 200)])
def test_who_may_see_websites_sees_their_badges(website: Website, role: str | None, code: int) -> None:
    assert signed_in(role).get(f"/websites/{website.pk}/badge/state.svg").status_code == code
    client = APIClient()
    client.force_login(person(role, "with-a-session"))
    assert client.get(f"/websites/{website.pk}/badge/state.svg").status_code == code


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Callable[[Website], None]:
    """Shows a website, and no other, on the public status page."""

    def run(website: Website) -> None:
        monkeypatch.setattr("monitoring.api.badges.is_public", lambda website_id: website_id == website.pk)

    return run


def test_what_the_public_page_shows_everybody_sees(website: Website, publish: Callable[[Website], None]) -> None:
    other = add("http://other.example")
    path = "/websites/{}/badge/uptime-24h.svg".format
    publish(website)
    for client in (APIClient(), signed_in(None)):
        response = get(client, path(website.pk))
        assert title(response) == "uptime 24h: 75.00 % (coverage 90.00 %)"
        assert response["Cache-Control"] == "max-age=60, public"
        assert website.website_url.encode() not in response.content
        assert client.get(path(other.pk)).status_code == client.get(path("9" * 5000)).status_code in (401, 403)
        assert client.get(f"/websites/{website.pk}/stats").status_code in (401, 403)
        assert client.post(path(website.pk)).status_code in (401, 403)


def test_what_is_not_public_is_kept_by_no_cache_between(viewer: APIClient, website: Website) -> None:
    response = get(viewer, f"/websites/{website.pk}/badge/state.svg")
    assert response["Cache-Control"] == "max-age=60, private"


def test_a_token_that_is_no_more_is_refused_even_where_everybody_may_look(
    website: Website, publish: Callable[[Website], None]
) -> None:
    publish(website)
    expired = with_token(token_for(person("viewer"), timedelta(seconds=-1)))
    assert expired.get(f"/websites/{website.pk}/badge/state.svg").status_code == 401
