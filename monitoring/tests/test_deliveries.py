"""Deliveries on their way to real receivers."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from monitoring.models import Alert, AlertKind, AlertStatus, Channel, Delivery, DeliveryAttempt
from monitoring.notifications import deliveries, gathering
from monitoring.tests.channels import SECRET, add_channel
from monitoring.tests.receivers import LOOPBACK, posts, taking
from monitoring.tests.scripted_checks import Desk, check, series
from monitoring.tests.servers import Peer, Server, refusing_port, response
from websites.encryption import encrypt
from websites.tests.websites import add

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    monkeypatch.setattr(gathering, "QUIET", timedelta())
    # What a pass sends has been sent when it is over, however busy the machine is.
    monkeypatch.setattr(deliveries, "PATIENCE", 60.0)
    monkeypatch.setattr(deliveries, "_slow", {})


@pytest.fixture
def dead_end() -> Iterator[str]:
    """The URL of a receiver that is not there."""
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}/"


def queue_delivery(channel: Channel, **fields: Any) -> Delivery:
    now = timezone.now()
    values = {"title": "Down: x", "text": "x", "payload": {"event": "began"}}
    moments = {"timely_until": now + timedelta(minutes=3), "tried_until": now + timedelta(days=1)}
    return Delivery.objects.create(channel=channel, **{**values, **moments, **fields})


def wait_until(done: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 30
    while not done():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def retry_all() -> None:
    Delivery.objects.update(due_at=timezone.now())
    deliveries.work()


def test_an_outage_and_its_end_arrive_signed_and_in_order() -> None:
    website, desk = add(), Desk()
    with Server(taking()) as server:
        add_channel(target=server.url("/hook"))
        desk.write_one_by_one(series(website, "uddu"))
        deliveries.work()
        deliveries.work()
        received = posts(server)
    assert [post.json()["event"] for post in received] == ["began", "ended"]
    assert [post.json()["late_by"] for post in received] == [0.0, 0.0]
    keys = [post.headers["idempotency-key"] for post in received]
    assert keys == [str(key) for key in Delivery.objects.order_by("pk").values_list("key", flat=True)]
    assert set(Delivery.objects.values_list("status", "attempts")) == {("sent", 1)}
    assert set(Alert.objects.values_list("status", flat=True)) == {AlertStatus.TOLD}


def test_what_does_not_arrive_is_sent_again_with_the_same_key_and_each_attempt_is_kept() -> None:
    with Server(taking(response("500 Oops"))) as failing:
        channel = add_channel(target=failing.url("/"))
        delivery = queue_delivery(channel)
        deliveries.work()
        first = posts(failing)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    assert delivery.due_at > timezone.now() + timedelta(seconds=5)
    # Not before it is due.
    deliveries.work()
    assert DeliveryAttempt.objects.count() == 1
    with Server(taking()) as server:
        Channel.objects.update(target=encrypt(server.url("/")))
        retry_all()
        second = posts(server)
    assert [post.headers["idempotency-key"] for post in first + second] == [str(delivery.key)] * 2
    attempts = list(DeliveryAttempt.objects.values_list("is_delivered", "detail"))
    assert attempts == [(False, "The receiver answered 500."), (True, "The receiver answered 200.")]


def test_a_receiver_says_when_to_come_again() -> None:
    with Server(taking(response("429 Slow down", b"", "Retry-After: 5000"))) as server:
        delivery = queue_delivery(add_channel(target=server.url("/")))
        deliveries.work()
    delivery.refresh_from_db()
    assert delivery.due_at > timezone.now() + timedelta(seconds=4_900)


def test_a_receiver_that_asks_for_more_than_a_day_is_tried_once_more_at_its_end() -> None:
    with Server(taking(response("429 Slow down", b"", "Retry-After: 999999"))) as server:
        delivery = queue_delivery(add_channel(target=server.url("/")))
        deliveries.work()
        delivery.refresh_from_db()
        assert (delivery.status, delivery.due_at) == ("pending", delivery.tried_until)
        Delivery.objects.update(due_at=timezone.now(), tried_until=timezone.now())
        deliveries.work()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("failed", 2)


def test_what_failed_before_quiet_hours_is_not_tried_in_them() -> None:
    now = timezone.now()
    start, end = ((now + timedelta(hours=hours)).time() for hours in (-1, 1))
    with Server(taking()) as server:
        channel = add_channel(target=server.url("/"), quiet_from=start, quiet_until=end)
        delivery = queue_delivery(channel, attempts=1)
        deliveries.work()
        assert posts(server) == []
        delivery.refresh_from_db()
        assert delivery.status == "pending"
        assert timedelta(minutes=59) < delivery.due_at - now < timedelta(minutes=61)
        Channel.objects.update(quiet_from=None, quiet_until=None)
        retry_all()
        assert len(posts(server)) == 1


def test_after_a_day_nobody_tries_any_more_until_somebody_asks_for_it(dead_end: str) -> None:
    delivery = queue_delivery(add_channel(target=dead_end), tried_until=timezone.now())
    deliveries.work()
    delivery.refresh_from_db()
    assert delivery.status == "failed"
    retry_all()
    assert DeliveryAttempt.objects.count() == 1
    assert deliveries.replay([delivery]) == 1
    retry_all()
    delivery.refresh_from_db()
    assert (delivery.attempts, delivery.status) == (2, "pending")
    assert deliveries.replay([delivery]) == 0


def test_what_is_late_says_how_late_it_is() -> None:
    with Server(taking()) as server:
        channel = add_channel(target=server.url("/"))
        queue_delivery(channel, timely_until=timezone.now() - timedelta(minutes=57))
        deliveries.work()
        (post,) = posts(server)
    assert 3_590 < post.json()["late_by"] < 3_700


def test_one_who_died_while_sending_leaves_it_to_the_next_with_the_same_key() -> None:
    with Server(taking()) as server:
        channel = add_channel(target=server.url("/"))
        delivery = queue_delivery(channel, claimed_until=timezone.now() + timedelta(seconds=50))
        # Claimed: perhaps it is being sent just now, and so nothing else of this channel is.
        queue_delivery(channel)
        deliveries.work()
        assert posts(server) == []
        Delivery.objects.filter(pk=delivery.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
        deliveries.work()
        first, _ = posts(server)
        assert first.headers["idempotency-key"] == str(delivery.key)


def test_a_dead_receiver_holds_up_nobody_else(dead_end: str) -> None:
    with Server(taking()) as server:
        dead = add_channel("dead", target=dead_end)
        living = add_channel("living", target=server.url("/"))
        for channel in (dead, living):
            for _ in range(3):
                queue_delivery(channel)
        deliveries.work()
        assert len(posts(server)) == 3
    # The dead one is tried until it is clear that it is dead, not once for each.
    assert DeliveryAttempt.objects.filter(delivery__channel=dead).count() == 2


def test_a_receiver_that_says_nothing_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PATIENCE", 0.01)
    with Server(taking()) as server, Server(Peer.hold) as silent:
        queue_delivery(add_channel("silent", target=silent.url("/")))
        deliveries.work()
        queue_delivery(add_channel("living", target=server.url("/")))
        deliveries.work()
        wait_until(lambda: len(posts(server)) == 1)
        assert not DeliveryAttempt.objects.filter(delivery__channel__name="silent").exists()
    # The silent one is gone: what was sent to it ends.
    wait_until(lambda: DeliveryAttempt.objects.count() == 2)
    monkeypatch.setattr(deliveries, "PATIENCE", 60.0)
    deliveries.work()


def test_receivers_that_were_slow_share_a_part_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PATIENCE", 0.01)
    monkeypatch.setattr(deliveries, "SLOW_AT_ONCE", 1)
    with Server(taking()) as server, Server(Peer.hold) as silent:
        for number in range(2):
            channel = add_channel(f"silent {number}", target=silent.url("/"))
            queue_delivery(channel)
            deliveries._slow[channel.pk] = 9.0 - number
        queue_delivery(add_channel("living", target=server.url("/")))
        deliveries.work()
        wait_until(lambda: len(posts(server)) == 1)
        deliveries.work()
        # The one whose last attempt is longest ago.
        assert deliveries._turns.keys() & deliveries._slow.keys() == {channel.pk}
    monkeypatch.setattr(deliveries, "PATIENCE", 60.0)
    deliveries.work()


def test_slow_ones_come_after_all_others_and_the_longest_waiting_first() -> None:
    deliveries._slow.update({1: 30.0, 2: 20.0, 3: 10.0})
    assert deliveries._first_to_last({1, 2, 3, 4, 5}) == [4, 5, 3, 2, 1]


def test_a_slow_receiver_gets_one_attempt_a_turn_until_it_is_quick(
    monkeypatch: pytest.MonkeyPatch, dead_end: str
) -> None:
    with Server(taking()) as server:
        channel = add_channel(target=dead_end)
        for _ in range(4):
            queue_delivery(channel)
        monkeypatch.setattr(deliveries, "SLOW", 0.0)
        deliveries.work()
        assert DeliveryAttempt.objects.count() == 1
        monkeypatch.undo()
        monkeypatch.setattr(deliveries, "PATIENCE", 60.0)
        Channel.objects.update(target=encrypt(server.url("/")))
        retry_all()
        assert len(posts(server)) == 4


@pytest.mark.parametrize(
    ("fields", "is_hastened"),
    [
        ({"attempts": 3}, True),
        ({"attempts": 7}, False),
        ({"attempts": 3, "not_before": timezone.now() + timedelta(hours=1)}, False),
    ],
)
def test_once_a_receiver_is_back_what_waits_for_it_is_sent_soon(fields: dict[str, Any], is_hastened: bool) -> None:
    with Server(taking()) as server:
        channel = add_channel(target=server.url("/"))
        waiting = queue_delivery(channel, due_at=timezone.now() + timedelta(minutes=20), **fields)
        queue_delivery(channel)
        deliveries.work()
    waiting.refresh_from_db()
    assert (waiting.due_at < timezone.now() + timedelta(seconds=11)) is is_hastened


def test_an_end_is_not_sent_before_its_beginning_has_arrived() -> None:
    website, desk = add(), Desk()
    with Server(taking(response("503 Not now"))) as server:
        channel = add_channel(target=server.url("/"))
        desk.write_one_by_one(series(website, "udd"))
        deliveries.work()
        desk.write([check(website, 100)])
        retry_all()
        retry_all()
        assert {post.json()["event"] for post in posts(server)} == {"began"}
    with Server(taking()) as server:
        channel.target = encrypt(server.url("/"))
        channel.save()
        retry_all()
        retry_all()
        assert [post.json()["event"] for post in posts(server)] == ["began", "ended"]


def test_where_a_beginning_that_failed_is_sent_again_its_end_follows() -> None:
    website, desk = add(), Desk()
    with Server(taking(response("500 Oops"))) as failing:
        channel = add_channel(target=failing.url("/"))
        desk.write_one_by_one(series(website, "udd"))
        deliveries.work()
        Delivery.objects.update(tried_until=timezone.now())
        retry_all()
    desk.write([check(website, 100)])
    deliveries.work()
    failed = Delivery.objects.get()
    assert failed.status == "failed"
    assert Alert.objects.get(kind=AlertKind.ENDED).status == AlertStatus.DROPPED
    with Server(taking()) as server:
        channel.target = encrypt(server.url("/"))
        channel.save()
        assert deliveries.replay([failed]) == 1
        deliveries.work()
        deliveries.work()
        assert [post.json()["event"] for post in posts(server)] == ["began", "ended"]


def test_a_channel_that_is_switched_off_sends_nothing() -> None:
    with Server(taking()) as server:
        queue_delivery(add_channel(target=server.url("/"), is_active=False))
        deliveries.work()
        assert posts(server) == []


def test_a_target_that_cannot_be_read_is_told_in_words(settings: Settings) -> None:
    channel = add_channel()
    settings.SECRET_KEY = "another key than the one that it was stored with"
    queue_delivery(channel)
    deliveries.work()
    detail = DeliveryAttempt.objects.get().detail
    assert detail == "The channel's address cannot be read: SECRET_KEY has changed since it was stored."


def test_a_channel_deleted_meanwhile_ends_its_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(taking()) as server:
        channel = add_channel(target=server.url("/"))
        delivery = queue_delivery(channel)
        channel.delete()
        assert deliveries.attempt(delivery)
    assert not DeliveryAttempt.objects.exists()


def test_a_test_message_is_sent_at_once_and_never_again(dead_end: str) -> None:
    with Server(taking()) as server:
        delivery = deliveries.send_test(add_channel(target=server.url("/")))
        (post,) = posts(server)
    assert post.json()["event"] == "test"
    assert delivery.status == "sent"
    failed = deliveries.send_test(add_channel("dead", target=dead_end))
    assert failed.status == "failed"
    assert failed.attempt_set.get().detail == "The receiver could not be connected to."


def test_many_websites_down_at_once_are_one_message() -> None:
    desk, websites = Desk(), [add(f"http://{number}.example/") for number in range(50)]
    with Server(taking()) as server:
        add_channel(target=server.url("/"))
        for second, letter in enumerate("ud"):
            desk.write([check(website, second, letter) for website in websites])
        desk.write([check(website, 2, "r", remote_ip=None) for website in websites])
        deliveries.work()
        (post,) = posts(server)
    assert post.json()["count"] == 50
    assert SECRET not in json.dumps(post.json())
    assert Alert.objects.filter(kind=AlertKind.BEGAN, status=AlertStatus.TOLD).count() == 50


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 8, 12), (2, 16, 24), (3, 32, 48), (30, 1_440, 2_160)])
def test_pauses_between_attempts_double_up_to_half_an_hour(attempts: int, least: float, most: float) -> None:
    for _ in range(50):
        assert least <= deliveries._delay(attempts) <= most


def test_checks_are_not_held_up_while_messages_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    usual = sys.getswitchinterval()
    monkeypatch.setattr("monitoring.notifications.gathering.gather", lambda _: seen.append(sys.getswitchinterval()))
    deliveries.work()
    assert seen == [pytest.approx(deliveries.SWITCH_INTERVAL)]
    assert sys.getswitchinterval() == usual
