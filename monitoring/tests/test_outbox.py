"""What is to be told, as the checks that make it so are stored."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from monitoring.models import Alert, AlertKind, AlertStatus, Channel, Incident, MonitoringData
from monitoring.notifications import outbox
from monitoring.notifications.routing import Routing
from monitoring.tests.channels import add_channel
from monitoring.tests.scripted_checks import START, Desk, check, series
from websites.models import Website
from websites.tests.websites import add

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def told() -> list[str]:
    return [f"{alert.channel.name} {alert.kind}" for alert in Alert.objects.select_related("channel").order_by("pk")]


def test_a_beginning_and_an_end_are_told(desk: Desk) -> None:
    add_channel()
    desk.write_one_by_one(series(add(), "uddu"))
    assert told() == ["people began", "people ended"]
    assert {alert.incident for alert in Alert.objects.all()} == {Incident.objects.get()}


def test_what_is_no_change_is_not_told(desk: Desk) -> None:
    add_channel()
    desk.write_one_by_one(series(add(), "udu?udd"))
    assert told() == ["people began"]


@pytest.mark.parametrize(
    ("channel", "website", "is_told"),
    [
        ({}, {}, True),
        ({"is_active": False}, {}, False),
        ({"wants_down": False}, {}, False),
        ({"tags": ",shop,"}, {}, False),
        ({"tags": ",shop,"}, {"tags": "prod, shop"}, True),
        ({"tags": ",shop,"}, {"tags": "workshop"}, False),
        ({"wants_slow": False, "wants_value": False}, {}, True),
    ],
)
def test_channels_are_told_of_their_websites(
    desk: Desk, channel: dict[str, Any], website: dict[str, Any], is_told: bool
) -> None:
    add_channel(**channel)
    desk.write_one_by_one(series(add(**website), "udd"))
    assert told() == ["people began"] * is_told


def test_channels_are_told_of_websites_chosen_one_by_one(desk: Desk) -> None:
    chosen, other = add("http://chosen.example/"), add("http://other.example/")
    add_channel("one").websites.add(chosen)
    add_channel("both", tags=",shop,").websites.add(other)
    for website in (chosen, other):
        desk.write_one_by_one(series(website, "udd"))
    assert told() == ["one began", "both began"]


def test_an_end_is_told_to_whom_the_beginning_was(desk: Desk) -> None:
    website = add()
    add_channel("before")
    desk.write_one_by_one(series(website, "udd"))
    add_channel("after")
    add_channel("not ends", wants_up=False)
    desk.write([check(website, 100)])
    assert told() == ["before began", "before ended"]


def test_what_ends_within_the_delay_is_not_told(desk: Desk) -> None:
    add_channel(delay=300)
    website = add()
    desk.write_one_by_one(series(website, "udd"))
    alert = Alert.objects.get()
    assert alert.due_at - alert.created_at >= timedelta(seconds=299)
    desk.write([check(website, 100)])
    alert.refresh_from_db()
    assert (alert.status, alert.reason) == (AlertStatus.DROPPED, "It was over before it was told.")
    assert told() == ["people began"]


def test_what_ended_before_anybody_was_told_is_told_all_the_same_without_a_delay(desk: Desk) -> None:
    add_channel()
    desk.write_one_by_one(series(add(), "uddu"))
    assert {alert.status for alert in Alert.objects.all()} == {AlertStatus.WAITING}


class TestFlapping:
    @pytest.fixture(autouse=True)
    def limits(self, settings: Settings) -> None:
        settings.FLAPPING_OUTAGES, settings.FLAPPING_WINDOW = 3, 600

    def flap(self, desk: Desk, website: Website, times: int) -> None:
        now = timezone.now().timestamp() - START
        desk.write_one_by_one(series(website, "u" + "ddu" * times, since=now - 10 * times, every=2))

    def test_a_website_that_flaps_is_told_of_once(self, desk: Desk) -> None:
        add_channel()
        self.flap(desk, add(), 6)
        kinds = [alert.kind for alert in Alert.objects.exclude(status=AlertStatus.DROPPED).order_by("pk")]
        assert kinds == ["began", "ended", "began", "ended", "flapping"]
        assert Alert.objects.get(kind=AlertKind.FLAPPING).data["outages"] == 3

    def test_it_is_told_once_where_the_database_was_away(self, desk: Desk) -> None:
        add_channel()
        now = timezone.now().timestamp() - START
        desk.write(series(add(), "u" + "ddu" * 6, since=now - 60, every=2))
        assert Alert.objects.filter(kind=AlertKind.FLAPPING).count() == 1

    @pytest.mark.parametrize(
        ("calm", "is_dropped", "times"),
        [
            # For two windows without a break; for one, then well for longer than one, and again.
            (0, False, 1),
            (700, False, 2),
            # Muted by maintenance that ended meanwhile.
            (0, True, 2),
        ],
    )
    def test_it_is_told_once_however_long_it_goes_on(self, desk: Desk, calm: int, is_dropped: bool, times: int) -> None:
        add_channel()
        website = add()
        for since in (0, 900 + calm):
            for one in series(website, "ddu" * 10, since=since, every=30):
                with time_machine.travel(one.exchange.started_at + 1, tick=False):
                    desk.write([one])
            if is_dropped:
                Alert.objects.filter(kind=AlertKind.FLAPPING).update(status=AlertStatus.DROPPED)
                is_dropped = False
        assert Alert.objects.filter(kind=AlertKind.FLAPPING).count() == times

    def test_one_that_stays_down_is_told_later(self, desk: Desk) -> None:
        add_channel()
        website = add()
        self.flap(desk, website, 3)
        now = timezone.now().timestamp() - START
        desk.write_one_by_one(series(website, "dd", since=now - 5, every=5))
        last = Alert.objects.filter(kind=AlertKind.BEGAN).latest("pk")
        assert (last.status, last.is_deferred) == (AlertStatus.WAITING, True)
        assert last.due_at > timezone.now() + timedelta(seconds=500)

    def test_zero_tells_of_each_time(self, desk: Desk, settings: Settings) -> None:
        settings.FLAPPING_OUTAGES = 0
        add_channel()
        self.flap(desk, add(), 4)
        assert told() == ["people began", "people ended"] * 4


class TestValues:
    @pytest.fixture
    def website(self) -> Website:
        return add(regex=r"v(\d+)", alert_on_value_change=True)

    def test_another_value_is_told_with_the_one_before(self, desk: Desk, website: Website) -> None:
        add_channel()
        add_channel("not values", wants_value=False)
        for second, body in enumerate(["v1", "v1", "v2", "none"]):
            desk.write([check(website, second, body=body)])
        assert told() == ["people value"] * 2
        facts = [(alert.data["old"], alert.data["new"]) for alert in Alert.objects.order_by("pk")]
        assert facts == [("1", "2"), ("2", "")]

    def test_it_is_not_where_nobody_asked_for_that(self, desk: Desk, website: Website) -> None:
        add_channel()
        Website.objects.update(alert_on_value_change=False)
        for second, body in enumerate(["v1", "v2"]):
            desk.write([check(website, second, body=body)])
        assert told() == []


def test_alerts_go_with_the_transaction_that_made_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitoring import certificates

    add_channel()
    website = add()
    desk.write([check(website, 0)])
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "write", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            desk.write([check(website, 10, "d"), check(website, 20, "d")])
    assert not Alert.objects.exists()
    assert not Incident.objects.exists()


def test_a_channel_that_is_deleted_just_then_costs_no_check(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time.")
    add_channel()
    website = add()
    desk.write_one_by_one(series(website, "ud"))

    def delete_elsewhere() -> None:
        try:
            Channel.objects.all().delete()
        finally:
            connections.close_all()

    class Overtaken(Routing):
        def __init__(self) -> None:
            super().__init__()
            deleter = threading.Thread(target=delete_elsewhere)
            deleter.start()
            deleter.join()

    monkeypatch.setattr(outbox, "Routing", Overtaken)
    desk.write([check(website, 20, "d")])
    assert MonitoringData.objects.count() == 3
    assert Incident.objects.count() == 1


def test_deleting_a_channel_takes_its_alerts_along(desk: Desk) -> None:
    add_channel()
    desk.write_one_by_one(series(add(), "udd"))
    Channel.objects.all().delete()
    assert not Alert.objects.exists()
