"""Services on call: what a message opens is what its end closes, whatever comes between, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from monitoring.models import Delivery
from monitoring.notifications import deliveries, gathering
from monitoring.notifications.incident_services import KEY_ATTRIBUTES
from monitoring.notifications.messages import Kind, Message, Receipt
from monitoring.notifications.senders import send
from monitoring.tests.channels import add_channel
from monitoring.tests.receivers import LOOPBACK, posts
from monitoring.tests.services import ON_CALL, Deed, OnCall, World, accepting, open_incidents
from monitoring.tests.test_gathering import begin, end
from websites.tests.websites import add

FIRST, SECOND = "4f0f3ed7-8a5c-4b8e-9a4a-1f2b6f0a7c11", "5e1c6d1e-31f0-4a4b-8d7d-0d3b7f3a5c22"
DOWN = [{"website_url": "https://example.org/", "incident": {"kind": "down"}}]
SERVICES = pytest.mark.parametrize("name", ON_CALL)


@pytest.fixture
def world(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    return World(tmp_path, monkeypatch)


def message(event: str, key: str = "", over: Mapping[str, bool] | None = None) -> Message:
    """Of the beginning with this key, or of what is later told of beginnings: by key, whether they are over."""
    began_in = [{"delivery": began, "is_over": is_over} for began, is_over in (over or {}).items()]
    payload: dict[str, Any] = {"event": event, "websites": DOWN} | ({"began_in": began_in} if began_in else {})
    return Message(key or "3c2b", f"{event}: https://example.org/", "https://example.org/ | status 503", payload)


def told(world: World, service: OnCall, *messages: Message, url: str = "") -> list[Deed]:
    """What the service is asked to do when these arrive."""
    with world.server(service.host, accepting(service.status, service.answer)) as server:
        for each in messages:
            receipt = send(Kind.APPRISE, url or service.url, "", each)
            assert receipt.is_delivered, receipt
            assert receipt.detail.endswith(" accepted the message.")
    return service.deeds(server)


@SERVICES
def test_what_is_told_later_of_an_incident_changes_that_and_no_other(name: str, world: World) -> None:
    service = ON_CALL[name]
    opening = [message("began", FIRST), message("began", SECOND)]
    assert told(world, service, *opening) == [Deed("open", FIRST), Deed("open", SECOND)]
    later = [message("reminder", over={FIRST: False}), message("ended", over={FIRST: False})]
    assert open_incidents(told(world, service, *opening, *later)) == {FIRST, SECOND}
    assert {deed.key for deed in told(world, service, *later)} == {FIRST}
    assert told(world, service, message("ended", over={FIRST: True})) == [Deed("close", FIRST)]
    both = message("ended", over={FIRST: True, SECOND: False})
    assert open_incidents(told(world, service, *opening, both)) == {SECOND}


@SERVICES
@pytest.mark.parametrize("event", ["test", "flapping"])
def test_what_has_no_end_opens_an_incident_of_its_own(name: str, event: str, world: World) -> None:
    assert told(world, ON_CALL[name], message(event, FIRST)) == [Deed("open", FIRST)]


@pytest.mark.parametrize("name", ["opsgenie", "jira", "splunk"])
def test_where_there_are_notes_a_part_that_is_well_again_opens_nothing(name: str, world: World) -> None:
    assert told(world, ON_CALL[name], message("ended", over={FIRST: False})) == [Deed("note", FIRST)]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("pagerduty", "?action=resolve&dedup=theirs"),
        ("opsgenie", "?action=close&alias=theirs&entity=shop&:failure=note"),
        ("jira", "?action=note&alias=theirs&:warning=close"),
        ("splunk", "?action=recovery&entity_id=theirs&:failure=info"),
        ("signl4", "?status=resolved&external_id=theirs"),
        ("pagertree", "?action=resolve&tid=theirs"),
    ],
)
def test_a_url_can_not_make_an_outage_close_or_hide_what_is_open(name: str, options: str, world: World) -> None:
    service = ON_CALL[name]
    assert told(world, service, message("began", FIRST), url=service.url + options) == [Deed("open", FIRST)]
    assert told(world, service, message("ended", over={FIRST: True}), url=service.url + options) == [
        Deed("close", FIRST)
    ]


def test_all_who_are_to_hear_of_an_alert_stand_in_one_request(world: World) -> None:
    service = ON_CALL["opsgenie"]
    with world.server(service.host, accepting(service.status, service.answer)) as server:
        assert send(Kind.APPRISE, service.url, "", message("began", FIRST)).is_delivered
    [post] = posts(server)
    assert post.json()["responders"] == [{"type": "team", "name": "team"}, {"type": "user", "username": "ann"}]


@SERVICES
@pytest.mark.parametrize("event", ["began", "ended"])
def test_a_refusal_is_told_and_tried_again(name: str, event: str, world: World) -> None:
    service = ON_CALL[name]
    over = {FIRST: True, SECOND: True} if event == "ended" else {}
    with world.server(service.host, accepting("403 Forbidden", {"message": "t0psecret"})) as server:
        receipt = send(Kind.APPRISE, service.url, "", message(event, FIRST, over))
    assert not receipt.is_delivered
    assert receipt.detail.endswith(" answered 403.")
    assert len(server.requests) == 1


@pytest.mark.parametrize("event", ["began", "ended"])
def test_an_inner_address_is_not_sent_to(event: str, world: World, settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = []
    service = ON_CALL["opsgenie"]
    with world.server(service.host, accepting("202 Accepted")) as server:
        receipt = send(Kind.APPRISE, service.url, "", message(event, FIRST))
    assert receipt == Receipt(False, "The address 127.0.0.1 is not in a network that may be reached.")
    assert server.accepted == 0


def test_an_answer_that_says_failure_is_none(world: World) -> None:
    service = ON_CALL["splunk"]
    with world.server(service.host, accepting("200 OK", {"result": "failure", "message": "no such route"})):
        receipt = send(Kind.APPRISE, service.url, "", message("began", FIRST))
    assert receipt == Receipt(False, "Splunk On-Call answered 200, but refused the message.")


@pytest.mark.django_db(transaction=True)
def test_an_outage_of_several_websites_is_one_incident_until_the_last_is_well_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "QUIET", timedelta())
    monkeypatch.setattr(deliveries, "PATIENCE", 60.0)
    service, first, second = ON_CALL["pagerduty"], add("https://a.example/1"), add("https://a.example/2")
    with world.server(service.host, accepting(service.status, service.answer)) as server:
        add_channel(kind=Kind.APPRISE, target=service.url)
        began = [begin(first), begin(second)]
        deliveries.work()
        (opened,) = service.deeds(server)
        with transaction.atomic():
            end(began[0])
        deliveries.work()
        assert open_incidents(service.deeds(server)) == {opened.key}
        second.delete()
        deliveries.work()
    assert service.deeds(server)[-1] == Deed("close", opened.key)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_each_service_that_keeps_incidents_is_played() -> None:
    assert set(ON_CALL) == set(KEY_ATTRIBUTES)
