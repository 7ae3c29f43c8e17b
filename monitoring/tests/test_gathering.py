"""Waiting alerts on their way into deliveries."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.models import (
    Alert,
    AlertKind,
    AlertStatus,
    Delivery,
    EndReason,
    Incident,
    IncidentKind,
    MaintenanceWindow,
)
from monitoring.notifications import deliveries, gathering, outbox, wording
from monitoring.tests.channels import add_channel
from websites.models import Website
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

LATER = timedelta(seconds=30)


def begin(website: Website, seconds_ago: float = 0, **fields: Any) -> Incident:
    """An incident that has just been noticed, and whoever is to be told of it."""
    started = timezone.now() - timedelta(seconds=seconds_ago)
    values = {"kind": IncidentKind.DOWN, "error": "refused", "started_at": started, "started_before": started}
    incident = Incident.objects.create(website=website, **{**values, **fields})
    outbox.began([incident])
    return incident


def end(incident: Incident, reason: EndReason = EndReason.RECOVERED) -> None:
    incident.ended_at = incident.closed_at = timezone.now()
    incident.end_reason = reason
    incident.save()
    outbox.ended([incident])


def gather(after: timedelta = LATER) -> list[Delivery]:
    """What becomes of the alerts when they are looked at that much later; the deliveries so far."""
    gathering.gather(timezone.now() + after)
    return list(Delivery.objects.order_by("pk"))


def arrive(delivery: Delivery) -> None:
    delivery.status, delivery.sent_at = Delivery.Status.SENT, timezone.now()
    delivery.save()


def websites(count: int, url: str = "http://host-{}.example/") -> list[Website]:
    return [add(url.format(number)) for number in range(count)]


def test_a_single_alert_waits_a_moment_for_company_and_is_told() -> None:
    add_channel()
    begin(add("https://example.org/"))
    assert gather(timedelta(seconds=1)) == []
    (delivery,) = gather()
    assert delivery.title == "Down: https://example.org/: connection refused"
    assert "since" in delivery.text
    assert delivery.payload["websites"][0]["incident"]["started_between"][0] is None
    assert (Alert.objects.get().status, Alert.objects.get().delivery) == (AlertStatus.TOLD, delivery)
    assert len(gather()) == 1


@pytest.mark.parametrize("few", [0, 10])
def test_those_that_go_on_coming_are_told_after_a_minute(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "FEW", few)
    add_channel()
    first = begin(add("http://127.0.0.1/1"))
    for seconds_ago, count in ((65, 0), (71, 1)):
        then = timezone.now() - timedelta(seconds=seconds_ago)
        Alert.objects.filter(incident=first).update(created_at=then, due_at=then)
        if not count:
            begin(add("http://127.0.0.1/2"))
        assert [delivery.payload["count"] for delivery in gather(timedelta())] == [2] * count


def pass_time(seconds: float) -> None:
    """Let everything have happened so much earlier."""
    for alert in Alert.objects.select_related("incident"):
        earlier = timedelta(seconds=seconds)
        Alert.objects.filter(pk=alert.pk).update(created_at=alert.created_at - earlier, due_at=alert.due_at - earlier)
        if alert.incident is not None:
            Incident.objects.filter(pk=alert.incident.pk).update(started_at=alert.incident.started_at - earlier)


@pytest.mark.parametrize(
    ("url", "fields", "sizes"),
    [
        ("http://a.example/{}", {}, [1, 9]),
        ("http://{}.example/", {"remote_ip": "192.0.2.1"}, [1, 9]),
        ("http://{}.example/", {}, [1] * 10),
    ],
)
def test_of_what_trickles_in_the_first_is_told_at_once_and_the_rest_as_one(
    url: str, fields: dict[str, Any], sizes: list[int]
) -> None:
    add_channel()
    for website in websites(10, url):
        begin(website, **fields)
        pass_time(6)
        gather(timedelta())
    pass_time(60)
    assert [delivery.payload["count"] for delivery in gather(timedelta())] == sizes


def test_a_website_that_goes_down_again_soon_waits_for_nobody() -> None:
    add_channel()
    website = add("http://a.example/")
    first = begin(website)
    (told,) = gather()
    arrive(told)
    end(first)
    pass_time(6)
    gather(timedelta())
    begin(website)
    pass_time(4)
    assert [delivery.payload["event"] for delivery in gather(timedelta())] == ["began", "ended", "began"]


@pytest.mark.parametrize(
    ("incidents", "sizes"),
    [
        # URL, seconds ago, fields of the incident
        ([("http://a.example/1", 0, {}), ("http://a.example/2", 50, {})], [2]),
        ([("http://a.example/1", 0, {}), ("http://a.example/2", 90, {})], [1, 1]),
        ([("http://a.example/", 0, {}), ("http://b.example/", 0, {})], [1, 1]),
        ([(f"http://{n}.example/", 0, {}) for n in range(5)], [1] * 5),
        ([(f"http://{n}.example/", 0, {}) for n in range(6)], [6]),
        ([(f"http://{n}.example/", 0, {"error": "", "http_status": 500 + n % 2}) for n in range(12)], [6, 6]),
        ([(f"http://{n}.example/", 0, {"remote_ip": "192.0.2.1"}) for n in range(3)], [3]),
        ([(f"http://{n}.example/", 0, {"remote_ip": f"192.0.2.{n}"}) for n in range(3)], [1, 1, 1]),
        ([(f"http://{n}.example/", 0, {"remote_ip": f"192.0.2.{n}", "error": "timeout"}) for n in range(3)], [3]),
        ([(f"http://{n}.example/", 0, {"remote_ip": f"192.0.{n}.2", "error": "timeout"}) for n in range(3)], [1, 1, 1]),
        ([(f"http://{n}.example.org/", 0, {"error": "dns"}) for n in range(3)], [3]),
        ([(f"http://{n}.example.org/", 0, {"error": "timeout"}) for n in range(3)], [1, 1, 1]),
        ([("http://a.example/1", 0, {}), ("http://a.example/2", 0, {"kind": IncidentKind.SLOW})], [1, 1]),
    ],
)
def test_what_shares_a_cause_and_a_minute_is_told_as_one(
    incidents: list[tuple[str, float, dict[str, Any]]], sizes: list[int]
) -> None:
    add_channel()
    for url, seconds_ago, fields in incidents:
        begin(add(url), seconds_ago, **fields)
    assert sorted(delivery.payload["count"] for delivery in gather()) == sorted(sizes)


@pytest.mark.parametrize(
    ("url", "fields", "title", "shared"),
    [
        ("http://a.example/{}", {}, "Down: 3 websites of a.example: connection refused", {"host": "a.example"}),
        (
            "http://{}.example/",
            {"remote_ip": "192.0.2.1"},
            "Down: 3 websites on one server (192.0.2.1): connection refused",
            {"address": "192.0.2.1"},
        ),
        (
            "http://192.0.2.{}/",
            {"remote_ip": "192.0.2.{}", "error": "timeout"},
            "Down: 3 websites in one network (192.0.2.0/24): timeout",
            {"network": "192.0.2.0/24"},
        ),
        (
            "http://{}.example.org/",
            {"error": "dns"},
            "Down: 3 websites with the name servers of example.org: name not found",
            {"domain": "example.org"},
        ),
    ],
)
def test_the_title_names_what_they_share(url: str, fields: dict[str, Any], title: str, shared: dict[str, str]) -> None:
    add_channel()
    for number in range(3):
        begin(add(url.format(number)), **{name: value.format(number) for name, value in fields.items()})
    (delivery,) = gather()
    assert delivery.title == title
    assert delivery.payload["shared"] == shared


def test_what_only_some_share_is_not_named() -> None:
    add_channel()
    begin(add("http://a.example/1"), remote_ip="192.0.2.1")
    begin(add("http://a.example/2"), remote_ip="192.0.2.2")
    begin(add("http://b.example/"), remote_ip="192.0.2.2")
    (delivery,) = gather()
    assert delivery.title == "Down: 3 websites: connection refused"
    assert delivery.payload["shared"] == {}


def test_the_text_names_some_and_the_payload_all() -> None:
    add_channel()
    for website in websites(60):
        begin(website)
    (delivery,) = gather()
    assert delivery.title == "Down: 60 websites: connection refused"
    assert delivery.text.splitlines()[-1] == "... and 10 more."
    assert len(delivery.payload["websites"]) == 60


class TestEnds:
    def test_an_end_waits_for_its_beginning_to_arrive(self) -> None:
        add_channel()
        incident = begin(add())
        end(incident)
        (down,) = gather()
        assert (down.payload["event"], len(gather())) == ("began", 1)
        arrive(down)
        _, up = gather()
        assert up.payload["event"] == "ended"
        assert up.title.startswith("Up again: https://example.org/health: after ")

    def test_an_end_whose_beginning_was_given_up_is_not_told(self) -> None:
        add_channel()
        incident = begin(add())
        (down,) = gather()
        Delivery.objects.update(status=Delivery.Status.FAILED)
        end(incident)
        assert gather() == [down]
        assert Alert.objects.get(kind=AlertKind.ENDED).reason == "Its beginning was not told."

    def test_it_is_told_after_all_where_the_beginning_is_replayed(self) -> None:
        add_channel()
        end(begin(add()))
        (down,) = gather()
        Delivery.objects.update(status=Delivery.Status.FAILED)
        assert gather() == [down]
        deliveries.replay([down])
        assert gather() == [down]
        arrive(down)
        assert [delivery.payload["event"] for delivery in gather()] == ["began", "ended"]

    def test_it_waits_for_a_reminder_that_is_on_its_way(self) -> None:
        add_channel(reminder_interval=60)
        incident = begin(add())
        arrive(gather()[0])
        gathering.remind(timezone.now() + timedelta(minutes=2))
        _, reminder = gather(timedelta(minutes=3))
        end(incident)
        assert len(gather()) == 2
        arrive(reminder)
        assert [delivery.payload["event"] for delivery in gather()] == ["began", "reminder", "ended"]

    def test_ends_of_what_was_told_as_one_are_told_as_one(self) -> None:
        add_channel()
        incidents = [begin(website) for website in websites(6)]
        arrive(gather()[0])
        for incident in incidents:
            end(incident)
        assert [delivery.payload["count"] for delivery in gather()] == [6, 6]

    def test_a_pause_is_called_that(self) -> None:
        add_channel()
        incident = begin(add("http://127.0.0.1/"))
        arrive(gather()[0])
        end(incident, EndReason.PAUSED)
        assert gather()[-1].title.startswith("Paused: http://127.0.0.1/")

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (IncidentKind.SLOW, "No longer watched for slow answers"),
            (IncidentKind.VALUE, "No longer out of the bounds that are set"),
        ],
    )
    def test_what_is_no_longer_watched_for_is_not_called_good(self, kind: IncidentKind, words: str) -> None:
        add_channel()
        incident = begin(add("http://127.0.0.1/"), kind=kind)
        arrive(gather()[0])
        end(incident, EndReason.DROPPED)
        assert gather()[-1].title.startswith(f"{words}: http://127.0.0.1/")


class TestQuietHours:
    @pytest.fixture(autouse=True)
    def quiet(self) -> None:
        now = datetime.now(UTC)
        add_channel(quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=1)).time())

    def test_what_lasts_is_told_when_they_end(self) -> None:
        begin(add())
        assert gather() == []
        assert len(gather(timedelta(hours=1, minutes=1))) == 1

    def test_what_is_over_by_then_is_not(self) -> None:
        incident = begin(add())
        gather()
        end(incident)
        assert gather(timedelta(hours=1, minutes=1)) == []
        assert set(Alert.objects.values_list("status", flat=True)) == {AlertStatus.DROPPED}

    def test_what_ends_before_anybody_looked_is_not_told_either(self) -> None:
        end(begin(add()))
        assert gather() == []
        assert gather(timedelta(hours=1, minutes=1)) == []

    def test_an_end_within_them_is_told_after(self) -> None:
        incident = begin(add())
        alert = Alert.objects.get()
        delivery = Delivery.objects.create(
            channel=alert.channel,
            title="",
            text="",
            payload={},
            timely_until=timezone.now(),
            tried_until=timezone.now(),
        )
        arrive(delivery)
        Alert.objects.update(status=AlertStatus.TOLD, delivery=delivery)
        end(incident)
        assert gather() == [delivery]
        assert len(gather(timedelta(hours=1, minutes=1))) == 2


class TestMaintenance:
    def window(self, **fields: Any) -> MaintenanceWindow:
        start = datetime.now(UTC) - timedelta(minutes=10)
        values = {"name": "work", "first_day": start.date(), "start_time": start.time(), "minutes": 60}
        return MaintenanceWindow.objects.create(**{**values, **fields})

    def test_websites_in_maintenance_are_not_told_of_until_it_ends(self) -> None:
        add_channel()
        self.window(tags=",shop,")
        begin(add("http://shop.example/", tags="shop"))
        begin(add("http://other.example/"))
        assert [delivery.title for delivery in gather()] == ["Down: http://other.example/: connection refused"]
        assert len(gather(timedelta(hours=1))) == 2

    def test_what_began_and_ended_within_it_is_never_told(self) -> None:
        add_channel()
        self.window()
        end(begin(add()))
        assert gather() == []
        assert gather(timedelta(hours=1)) == []

    @pytest.mark.parametrize(
        "fields", [{"is_active": False}, {"minutes": 5}, {"kind": "weekly", "weekdays": "nonsense"}]
    )
    def test_windows_that_are_not_open_or_not_readable_mute_nothing(self, fields: dict[str, Any]) -> None:
        add_channel()
        self.window(**fields)
        begin(add())
        assert len(gather()) == 1


class TestReminders:
    def remind(self, after: timedelta) -> None:
        gathering.remind(timezone.now() + after)

    def test_what_lasts_is_told_again_and_again(self) -> None:
        add_channel(reminder_interval=3600)
        begin(add())
        self.remind(timedelta(hours=2))
        assert Alert.objects.count() == 1
        arrive(gather()[0])
        self.remind(timedelta(minutes=59))
        assert Alert.objects.count() == 1
        self.remind(timedelta(minutes=61))
        self.remind(timedelta(minutes=62))
        assert Alert.objects.filter(kind=AlertKind.REMINDER).count() == 1
        (_, again) = gather(timedelta(hours=2))
        assert again.title.startswith("Still down: ")

    def test_one_that_failed_is_not_the_last(self) -> None:
        add_channel(reminder_interval=3600)
        begin(add())
        arrive(gather()[0])
        self.remind(timedelta(hours=2))
        _, reminder = gather(timedelta(hours=3))
        Delivery.objects.filter(pk=reminder.pk).update(status=Delivery.Status.FAILED)
        self.remind(timedelta(hours=27))
        assert Alert.objects.filter(kind=AlertKind.REMINDER).count() == 2

    @pytest.mark.parametrize("how", ["acknowledged", "ended", "paused channel"])
    def test_what_need_not_be_said_again_is_not(self, how: str) -> None:
        channel = add_channel(reminder_interval=3600)
        incident = begin(add())
        arrive(gather()[0])
        if how == "acknowledged":
            Incident.objects.update(acknowledged_at=timezone.now())
        elif how == "ended":
            end(incident)
        else:
            channel.is_active = False
            channel.save()
        self.remind(timedelta(hours=2))
        assert not Alert.objects.filter(kind=AlertKind.REMINDER).exists()


def test_quiet_hours_are_the_channels_own() -> None:
    add_channel("asleep", quiet_from=time(0), quiet_until=time(23, 59, 59))
    add_channel("awake")
    begin(add())
    assert [delivery.channel.name for delivery in gather()] == ["awake"]


@pytest.mark.django_db(transaction=True)
def test_what_ends_while_it_is_being_told_has_its_end_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time.")
    add_channel(delay=10)
    incident = begin(add())
    title = wording.title

    def end_elsewhere() -> None:
        try:
            with transaction.atomic():
                end(incident)
        finally:
            connections.close_all()

    ender = threading.Thread(target=end_elsewhere)

    def title_slowly(group: Sequence[Alert]) -> str:
        ender.start()
        # It may have to wait for what happens here.
        ender.join(1)
        return title(group)

    monkeypatch.setattr(wording, "title", title_slowly)
    assert len(gather()) == 1
    ender.join()
    told = Alert.objects.order_by("pk").values_list("kind", "status")
    assert list(told) == [(AlertKind.BEGAN, AlertStatus.TOLD), (AlertKind.ENDED, AlertStatus.WAITING)]


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"error": "tls", "error_detail": "The certificate has expired."}, "TLS failure"),
        ({"error": "", "http_status": 503, "error_detail": "The status 503 is not accepted."}, "status 503"),
        ({"error": "", "http_status": 200, "error_detail": "The regex matches nothing."}, "The regex matches nothing"),
        ({"error": "", "http_status": 200, "kind": IncidentKind.SLOW, "error_detail": "Too slow."}, "Too slow"),
        # The kind of error is that of an answer which came, slowly.
        (
            {"error": "body_too_large", "http_status": 200, "kind": IncidentKind.SLOW, "error_detail": "Too slow."},
            "Too slow",
        ),
    ],
)
def test_a_line_says_why_once(fields: dict[str, Any], cause: str) -> None:
    add_channel()
    begin(add("http://127.0.0.1/"), **fields)
    (delivery,) = gather()
    assert delivery.title.endswith(f": http://127.0.0.1/: {cause}")
    url, why, *rest = delivery.text.split(" | ")
    assert (url, why) == ("http://127.0.0.1/", cause)
    assert all(cause not in part for part in rest if part.startswith("The regex"))


def test_the_worst_is_named_first() -> None:
    add_channel()
    short, long, middle = (
        begin(add(f"https://a.example/{name}"), seconds)
        for name, seconds in (("short", 1), ("long", 50), ("middle", 20))
    )
    (beginning,) = gather()
    order = ["https://a.example/long", "https://a.example/middle", "https://a.example/short"]
    assert [line.split(" | ")[0] for line in beginning.text.splitlines()] == order
    arrive(beginning)
    for incident in (middle, short, long):
        end(incident)
    ending = gather()[-1]
    assert [line.split(" | ")[0] for line in ending.text.splitlines()] == order
    assert [website["website_url"] for website in ending.payload["websites"]] == order


def test_of_certificates_those_that_expire_first_are_named_first() -> None:
    channel = add_channel()
    for days_left in (30, -1, 7):
        website = add(f"https://a.example/{days_left}")
        data = {"days_left": days_left, "host": "a.example", "issuer": "x", "not_after": "2026-12-01T00:00:00Z"}
        Alert.objects.create(
            channel=channel, website=website, kind=AlertKind.CERTIFICATE, data=data, due_at=timezone.now()
        )
    (delivery,) = gather()
    assert [entry["days_left"] for entry in delivery.payload["websites"]] == [-1, 7, 30]


def test_an_end_and_a_reminder_name_the_messages_of_the_beginning() -> None:
    add_channel(reminder_interval=60)
    incidents = [begin(add(f"https://{name}.example/")) for name in "ab"]
    beginnings = gather()
    for beginning in beginnings:
        arrive(beginning)
    assert ["began_in" in beginning.payload for beginning in beginnings] == [False, False]
    gathering.remind(timezone.now() + timedelta(seconds=90))
    reminder = gather(timedelta(seconds=120))[-1]
    assert reminder.payload["began_in"][0]["is_over"] is False
    Delivery.objects.update(status=Delivery.Status.SENT, sent_at=timezone.now())
    for incident in incidents:
        end(incident)
    ended = [entry for delivery in gather()[-2:] for entry in delivery.payload["began_in"]]
    assert ended == [{"delivery": str(beginning.key), "is_over": True} for beginning in beginnings]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_end_is_told_without_reading_the_messages_of_the_beginning(is_deleted: bool) -> None:
    """Each of thousands of ends would read a text about thousands of websites."""
    add_channel()
    incidents = [begin(website) for website in websites(3, "http://127.0.0.1/{}")]
    (told,) = gather()
    arrive(told)
    with CaptureQueriesContext(connection) as queries:
        if is_deleted:
            Website.objects.all().delete()
        else:
            for incident in incidents:
                end(incident)
        _, over = gather()
    assert over.payload["count"] == 3
    reading = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and "payload" in query["sql"]]
    # What is looked at here: the messages that there are.
    assert len(reading) == 1
