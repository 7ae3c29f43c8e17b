from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from monitoring.models import MonitoringData, State, WebsiteState
from websites.models import Website
from websites.tests.people import signed_in

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def add(letter: str, state: State | None = None, **fields: Any) -> Website:
    website = Website.objects.create(website_url=f"http://{letter}.example/", monitoring_interval=60, **fields)
    if state is not None:
        WebsiteState.objects.create(website=website, state=state, since=NOON)
    return website


def checked(website: Website, seconds: int, **fields: Any) -> MonitoringData:
    moment = NOON + timedelta(seconds=seconds)
    return MonitoringData.objects.create(
        website=website, entry_timestamp=moment, scheduled_at=moment, **{"http_status": 200, **fields}
    )


@pytest.fixture
def every_state() -> dict[str, Website]:
    return {
        "a": add("a", State.UP),
        "b": add("b", State.DOWN),
        "c": add("c"),
        "d": add("d", State.UP, is_active=False),
        "e": add("e", State.UNKNOWN),
        "f": add("f", is_active=False),
    }


def test_a_website_says_how_it_is(every_state: dict[str, Website]) -> None:
    results = signed_in("viewer").get("/websites").json()["results"]
    assert [website["state"] for website in results] == ["up", "down", "unknown", "paused", "unknown", "paused"]


@pytest.mark.parametrize(("state", "found"), [("up", "a"), ("down", "b"), ("unknown", "ce"), ("paused", "df")])
def test_websites_are_filtered_by_state(every_state: dict[str, Website], state: str, found: str) -> None:
    results = signed_in("viewer").get(f"/websites?state={state}").json()["results"]
    assert "".join(website["website_url"][7] for website in results) == found
    assert {website["state"] for website in results} == {state}


def test_the_newest_check_is_the_last_check() -> None:
    website, other = add("a"), add("b")
    checked(website, 60, http_status=503, error="", response_time=0.25, regex_response='["x", "y"]')
    checked(website, 0)
    checked(other, 120)
    client = signed_in("viewer")
    one = client.get(f"/websites/{website.pk}").json()
    assert one["last_check"] == {
        "entry_timestamp": "2026-01-31T12:01:00Z",
        "outcome": "unknown",
        "http_status": 503,
        "response_time": 0.25,
        "error": "",
        "error_detail": "",
        "regex_response": ["x", "y"],
    }
    results = client.get("/websites").json()["results"]
    assert results[0] == one
    assert results[1]["last_check"]["entry_timestamp"] == "2026-01-31T12:02:00Z"


def test_a_website_that_was_never_checked_has_no_last_check() -> None:
    response = signed_in("editor").post("/websites", {"website_url": "http://a.example", "monitoring_interval": 5})
    assert (response.json()["state"], response.json()["last_check"]) == ("unknown", None)


def test_a_longer_list_takes_no_more_queries() -> None:
    client = signed_in("viewer")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/websites").status_code == 200
        return len(captured)

    checked(add("a", State.UP), 0)
    few = queries()
    for letter in "bcdefghij":
        checked(add(letter, State.UP), 0)
    assert 0 < few <= 10
    assert queries() == few


def last_run(website: Website) -> datetime | None:
    return PeriodicTask.objects.get(name=f"website-{website.pk}").last_run_at  # type: ignore[no-any-return]


def mark_run(website: Website) -> None:
    PeriodicTask.objects.filter(name=f"website-{website.pk}").update(last_run_at=NOON)
    PeriodicTasks.objects.update(last_update=NOON)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_check_is_requested_from_the_scheduler(slash: str) -> None:
    website = add("a")
    mark_run(website)
    response = signed_in("editor").post(f"/websites/{website.pk}/check{slash}")
    assert response.status_code == 202
    assert response.json()["website_id"] == website.pk
    assert last_run(website) is None
    assert PeriodicTasks.last_change() > NOON


def test_a_paused_website_is_not_checked() -> None:
    website = add("a", is_active=False)
    response = signed_in("editor").post(f"/websites/{website.pk}/check")
    assert response.status_code == 409
    assert "Resume it" in response.json()["detail"]


def test_a_website_is_paused_and_resumed() -> None:
    website = add("a", State.UP)
    mark_run(website)
    client = signed_in("editor")
    for _ in range(2):
        response = client.post(f"/websites/{website.pk}/pause")
        assert (response.status_code, response.json()["state"]) == (202, "paused")
        assert response.json()["is_active"] is False
        assert not PeriodicTask.objects.get(name=f"website-{website.pk}").enabled
    for _ in range(2):
        response = client.post(f"/websites/{website.pk}/resume/")
        assert (response.status_code, response.json()["state"]) == (202, "unknown")
        assert PeriodicTask.objects.get(name=f"website-{website.pk}").enabled
    assert last_run(website) is None


@pytest.mark.parametrize("verb", ["check", "pause", "resume"])
def test_an_action_on_no_website_is_a_sentence(verb: str) -> None:
    response = signed_in("editor").post(f"/websites/77/{verb}")
    assert (response.status_code, response.json()) == (404, {"detail": "There is no website with the id 77."})
