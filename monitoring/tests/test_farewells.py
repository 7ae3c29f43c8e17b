"""Websites that are deleted while something is wrong with them."""

import threading
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from monitoring.models import Channel, Delivery, IncidentKind
from monitoring.notifications import deliveries
from monitoring.tests.channels import add_channel
from monitoring.tests.receivers import LOOPBACK, posts, taking
from monitoring.tests.servers import Server
from monitoring.tests.test_gathering import LATER, arrive, begin, end, gather
from websites.models import Website
from websites.tests.people import person, signed_in
from websites.tests.websites import add

pytestmark = pytest.mark.django_db


def told(website: Website, **fields: Any) -> Delivery:
    """An outage whose beginning has arrived."""
    begin(website, **fields)
    delivery = gather()[-1]
    arrive(delivery)
    return delivery


def farewells() -> list[Delivery]:
    return list(Delivery.objects.exclude(follows=None).order_by("pk"))


def test_who_was_told_of_an_outage_is_told_that_its_website_was_deleted() -> None:
    add_channel()
    website = add("https://example.org/")
    beginning = told(website)
    website.delete()
    (farewell,) = farewells()
    assert farewell.title.startswith("Deleted from the monitor: https://example.org/: after")
    assert farewell.follows == beginning
    payload = farewell.payload
    assert (payload["event"], payload["count"]) == ("ended", 1)
    assert payload["began_in"] == [{"delivery": str(beginning.key), "is_over": True}]
    assert payload["websites"][0]["incident"]["end_reason"] == "deleted"
    assert payload["websites"][0]["incident"]["ended_at"]


def by_queryset(websites: list[Website]) -> None:
    Website.objects.filter(pk__in=[website.pk for website in websites]).delete()


def one_by_one(websites: list[Website]) -> None:
    for website in websites:
        website.delete()


def by_api(websites: list[Website]) -> None:
    client = signed_in("admin")
    for website in websites:
        assert client.delete(f"/websites/{website.pk}").status_code == 204


def by_admin(websites: list[Website]) -> None:
    client = Client()
    client.force_login(person("admin", staff=True))
    data = {"action": "delete_selected", "_selected_action": [website.pk for website in websites], "post": "yes"}
    assert client.post("/admin/websites/website/", data).status_code == 302


@pytest.mark.parametrize("delete", [by_queryset, one_by_one, by_api, by_admin])
def test_it_is_told_however_they_are_deleted(delete: Any) -> None:
    add_channel()
    websites = [add(f"https://a.example/{number}") for number in range(3)]
    for website in websites:
        begin(website)
    (beginning,) = gather()
    arrive(beginning)
    delete(websites)
    assert not Website.objects.exists()
    counts = [farewell.payload["count"] for farewell in farewells()]
    assert counts == ([1, 1, 1] if delete in (one_by_one, by_api) else [3])
    (last,) = farewells()[-1].payload["began_in"]
    assert last == {"delivery": str(beginning.key), "is_over": True}


def test_an_incident_kept_elsewhere_lasts_until_the_last_of_its_websites_is_gone_or_well() -> None:
    add_channel()
    first, second = add("https://a.example/1"), add("https://a.example/2")
    begin(first)
    incident = begin(second)
    (beginning,) = gather()
    arrive(beginning)
    first.delete()
    (farewell,) = farewells()
    assert farewell.payload["began_in"] == [{"delivery": str(beginning.key), "is_over": False}]
    arrive(farewell)
    end(incident)
    assert gather()[-1].payload["began_in"] == [{"delivery": str(beginning.key), "is_over": True}]


def test_an_end_that_was_still_to_be_told_is_told_as_it_was() -> None:
    add_channel()
    website = add("https://example.org/")
    incident = begin(website)
    arrive(gather()[-1])
    end(incident)
    website.delete()
    (farewell,) = farewells()
    assert farewell.title.startswith("Up again: https://example.org/")


def test_what_has_ended_and_been_told_is_not_told_again() -> None:
    add_channel()
    website = add("https://example.org/")
    incident = begin(website)
    arrive(gather()[-1])
    end(incident)
    assert gather()[-1].payload["event"] == "ended"
    website.delete()
    assert farewells() == []


@pytest.mark.parametrize("fields", [{"wants_up": False}, {"is_active": False}])
def test_who_does_not_want_ends_is_not_told(fields: dict[str, Any]) -> None:
    channel = add_channel()
    website = add("https://example.org/")
    told(website)
    Channel.objects.filter(pk=channel.pk).update(**fields)
    website.delete()
    assert farewells() == []


def test_who_has_not_been_told_of_the_beginning_is_told_nothing() -> None:
    add_channel()
    waiting, failed = add("https://a.example/"), add("https://b.example/")
    begin(failed)
    Delivery.objects.filter(pk=gather()[-1].pk).update(status=Delivery.Status.FAILED)
    begin(waiting)
    Website.objects.all().delete()
    assert farewells() == []


def test_what_is_slow_and_what_is_down_end_in_messages_of_their_own() -> None:
    add_channel()
    website = add("https://example.org/")
    told(website)
    told(website, kind=IncidentKind.SLOW, error="")
    website.delete()
    assert {farewell.payload["websites"][0]["incident"]["kind"] for farewell in farewells()} == {"down", "slow"}


@pytest.mark.django_db(transaction=True)
def test_it_goes_out_after_the_beginning_and_not_before(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    monkeypatch.setattr(deliveries, "PATIENCE", 60.0)
    website = add("https://example.org/")
    with Server(taking()) as server:
        add_channel(target=server.url()).websites.add(website)
        begin(website)
        (beginning,) = gather()
        # It was tried in vain.
        Delivery.objects.update(due_at=timezone.now() + LATER)
        website.delete()
        assert not Channel.objects.get().is_active
        deliveries.work()
        assert posts(server) == []
        arrive(beginning)
        deliveries.work()
    assert [post.json()["event"] for post in posts(server)] == ["ended"]


def test_it_fails_with_its_beginning_and_is_told_with_it_after_all() -> None:
    add_channel()
    website = add("https://example.org/")
    begin(website)
    (beginning,) = gather()
    website.delete()
    Delivery.objects.filter(pk=beginning.pk).update(tried_until=beginning.created_at)
    beginning.refresh_from_db()
    assert not deliveries.attempt(beginning)
    assert farewells()[0].status == Delivery.Status.FAILED
    assert deliveries.replay([beginning]) == 1
    assert farewells()[0].status == Delivery.Status.PENDING


@pytest.mark.django_db(transaction=True)
def test_who_is_being_told_of_the_beginning_in_this_moment_is_told_of_the_end() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time.")
    add_channel()
    website = add("https://example.org/")
    begin(website)

    def delete() -> None:
        website.delete()
        connections.close_all()

    deleting = threading.Thread(target=delete)
    with transaction.atomic():
        gather()
        deleting.start()
        deleting.join(0.3)
        assert deleting.is_alive()
    deleting.join(10)
    assert len(farewells()) == 1
