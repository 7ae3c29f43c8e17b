"""What people are told while nothing is checked."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from monitoring import admin_display, heartbeats
from monitoring.absences import absences
from monitoring.models import Heartbeat
from monitoring.tests.admin_pages import staff_client, website

pytestmark = pytest.mark.django_db

BEAT, WORKER = Heartbeat.Component.BEAT, Heartbeat.Component.WORKER


def seen(component: Heartbeat.Component, age: float, instance: str = "a:1") -> str:
    """A process that was last seen so many seconds ago; returns when."""
    at = timezone.now() - timedelta(seconds=age)
    Heartbeat.objects.create(component=component, instance=instance, seen_at=at)
    return admin_display.utc(at)


def test_nothing_is_told_where_one_of_each_kind_lives() -> None:
    seen(BEAT, 5)
    seen(WORKER, 600)
    seen(WORKER, 5, "b:1")
    assert absences() == []


def test_what_is_gone_and_what_never_was_is_told() -> None:
    since = seen(WORKER, heartbeats.FRESH_FOR + 1)
    assert absences() == ["No beat process has been seen.", f"No worker process has been seen since {since}."]


def test_what_ended_while_the_clock_was_ahead_does_not_live(client: Client) -> None:
    seen(BEAT, -40 * 86_400)
    since = seen(BEAT, 60, "b:1")
    seen(WORKER, -40 * 86_400)
    assert absences() == [f"No beat process has been seen since {since}.", "No worker process has been seen."]
    assert client.get("/readyz").json()["worker"] == "never seen"
    # Clocks of several machines need not agree.
    seen(WORKER, -60, "b:1")
    assert len(absences()) == 1
    assert client.get("/readyz").json()["worker"] == "ok"


@pytest.mark.parametrize("fragment", [{}, {"fragment": ""}])
def test_the_overview_and_the_page_of_a_website_tell_it(fragment: dict[str, str]) -> None:
    client, one = staff_client("viewer"), website()
    seen(BEAT, 5)
    since = seen(WORKER, 60)
    for address in ("/", f"/sites/{one.pk}"):
        page = client.get(address, fragment, follow=True).content.decode()
        assert f"No worker process has been seen since {since}. Nothing is checked meanwhile" in page
        assert "No beat" not in page
    heartbeats.write(WORKER, {})
    for address in ("/", f"/sites/{one.pk}"):
        assert 'id="absences"' not in client.get(address, fragment, follow=True).content.decode()
