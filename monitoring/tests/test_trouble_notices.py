"""Whom and when channels are told of troubles of the monitor itself."""

import threading
from datetime import datetime, time, timedelta

import pytest
from django.conf import LazySettings
from django.db import connections
from django.db.models import F
from django.utils import timezone

from monitoring import troubles
from monitoring.models import Delivery, Trouble, TroubleKind, TroubleNotice
from monitoring.notifications import deliveries, trouble_notices
from monitoring.notifications.messages import Message, Stage, Step, Urgency
from monitoring.tests.channels import add_channel
from monitoring.tests.receivers import LOOPBACK, posted, taking
from monitoring.tests.servers import Server
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

OVERLOADED = TroubleKind.OVERLOADED
WORDS = "3,412 checks missed in the last minute: no room for bodies"


def pass_time(seconds: float) -> None:
    """Let everything have happened so much earlier."""
    earlier = timedelta(seconds=seconds)
    for one in Trouble.objects.all():
        ended_at = one.ended_at and one.ended_at - earlier
        Trouble.objects.filter(pk=one.pk).update(
            began_at=one.began_at - earlier, seen_at=one.seen_at - earlier, ended_at=ended_at
        )
    TroubleNotice.objects.update(began_at=F("began_at") - earlier)


def begin(seconds_ago: float = 0, words: str = WORDS) -> None:
    """One that lasts, as a process says again now."""
    troubles.note(OVERLOADED, words, 300)
    began_at = timezone.now() - timedelta(seconds=seconds_ago)
    Trouble.objects.filter(ended_at=None).update(began_at=began_at)


def tell() -> list[Delivery]:
    trouble_notices.tell(timezone.now())
    return list(Delivery.objects.order_by("pk"))


def arrive() -> None:
    Delivery.objects.update(status=Delivery.Status.SENT, sent_at=timezone.now())


@pytest.mark.parametrize(("lasts", "told"), [(0, 0), (20, 0), (31, 1)])
def test_what_lasts_is_told_and_a_blip_is_not(lasts: float, told: int) -> None:
    add_channel()
    begin(lasts)
    assert len(tell()) == told
    assert Trouble.objects.exclude(told_at=None).count() == told


def test_the_message_says_what_why_and_how_many() -> None:
    add_channel()
    begin(60)
    (delivery,) = tell()
    assert delivery.title == "The monitor is overloaded"
    first, second = delivery.text.splitlines()
    assert first == f"the monitor is overloaded: {WORDS}, affected: 300 websites"
    assert second.startswith("Since 2")
    assert second.endswith("UTC. More workers, longer intervals or shorter timeouts make room: docs/operations.md.")
    payload = delivery.payload
    assert datetime.fromisoformat(payload["trouble"].pop("began_at")) == Trouble.objects.get().began_at
    assert payload == {
        "event": "trouble",
        "subject": "The monitor is overloaded",
        "count": 0,
        "websites": [],
        "trouble": {"kind": "overloaded", "words": WORDS, "affected": 300, "ended_at": None},
    }


def test_it_is_told_once_and_its_end_once_ten_minutes_after() -> None:
    add_channel()
    begin(60)
    tell()
    troubles.note(OVERLOADED, "another number of checks missed", 7)
    assert len(tell()) == 1
    arrive()
    troubles.clear(OVERLOADED)
    assert len(tell()) == 1
    pass_time(580)
    assert len(tell()) == 1
    pass_time(30)
    _, ended = tell()
    assert ended.title.startswith("The monitor is no longer overloaded: after 1 min")
    assert ended.text.startswith("the monitor is no longer overloaded: from 2")
    assert (ended.payload["event"], ended.payload["trouble"]["kind"]) == ("trouble_ended", "overloaded")
    assert len(tell()) == 2
    assert not TroubleNotice.objects.exists()


def test_what_comes_and_goes_is_one_and_what_comes_later_is_another() -> None:
    add_channel()
    begin(60)
    tell()
    arrive()
    for _ in range(3):
        troubles.clear(OVERLOADED)
        pass_time(500)
        begin(60)
        assert len(tell()) == 1
    troubles.clear(OVERLOADED)
    pass_time(601)
    assert len(tell()) == 2
    begin(60)
    assert len(tell()) == 3


def test_a_process_that_died_with_its_trouble_is_over_it() -> None:
    add_channel()
    begin(60)
    tell()
    arrive()
    pass_time(601)
    assert [delivery.payload["event"] for delivery in tell()] == ["trouble", "trouble_ended"]


def test_the_end_is_told_to_whom_the_beginning_has_arrived() -> None:
    names = ("arrived", "failed", "waits", "wants no end")
    for name in names:
        add_channel(name, wants_up=name != "wants no end")
    begin(60)
    assert len(tell()) == len(names)
    arrive()
    for name, status in (("failed", Delivery.Status.FAILED), ("waits", Delivery.Status.PENDING)):
        Delivery.objects.filter(channel__name=name).update(status=status)
    pass_time(601)

    def told() -> list[str]:
        return [delivery.channel.name for delivery in tell()[len(names) :]]

    assert told() == ["arrived"]
    arrive()
    assert told() == ["arrived", "waits"]


def test_every_active_channel_is_told_whatever_it_is_about() -> None:
    add_channel("all")
    add_channel("confined").websites.add(add("https://example.org/"))
    add_channel("nothing but certificates", wants_down=False, wants_up=False, wants_slow=False, wants_value=False)
    add_channel("switched off", is_active=False)
    begin(60)
    assert {delivery.channel.name for delivery in tell()} == {"all", "confined", "nothing but certificates"}


def test_a_channel_that_comes_later_is_told_too() -> None:
    add_channel("first")
    begin(60)
    tell()
    add_channel("second")
    assert [delivery.channel.name for delivery in tell()] == ["first", "second"]


def test_a_delay_holds_for_it_too() -> None:
    add_channel(delay=300)
    begin(280)
    assert tell() == []
    begin(301)
    assert len(tell()) == 1


def test_nothing_is_told_in_quiet_hours_and_afterwards_only_what_still_lasts() -> None:
    now = timezone.now()
    channel = add_channel(quiet_from=time(hour=now.hour), quiet_until=time(hour=(now.hour + 2) % 24))
    begin(60)
    assert tell() == []
    channel.quiet_from = channel.quiet_until = None
    channel.save()
    troubles.clear(OVERLOADED)
    assert tell() == []
    begin(60)
    assert len(tell()) == 1


def test_kinds_are_told_each_by_itself() -> None:
    add_channel()
    begin(60)
    troubles.note(TroubleKind.CUT_OFF, "nothing answers", 9)
    pass_time(40)
    assert sorted(delivery.title for delivery in tell()) == ["The monitor is cut off", "The monitor is overloaded"]


@pytest.mark.django_db(transaction=True)
def test_workers_that_tell_it_at_the_same_time_tell_it_once() -> None:
    for name in ("one", "two", "three"):
        add_channel(name)
    begin(60)
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def one_worker() -> None:
        try:
            barrier.wait()
            trouble_notices.tell(timezone.now())
        except BaseException as error:  # noqa: BLE001 - the test's own thread looks at it
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one_worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Delivery.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_it_goes_out_with_all_else_that_is_told(settings: LazySettings) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    with Server(taking()) as server:
        add_channel(target=server.url("/hook"))
        begin(60)
        deliveries.work()
        (request,) = server.requests
    assert posted(request).json()["trouble"]["words"] == WORDS
    assert Delivery.objects.get().status == Delivery.Status.SENT


def test_a_service_on_call_closes_with_the_end_what_the_beginning_opened() -> None:
    add_channel()
    begin(60)
    (began,) = tell()
    arrive()
    troubles.clear(OVERLOADED)
    pass_time(trouble_notices.CALM.total_seconds() + 1)
    _, ended = tell()
    opening, closing = (Message(str(one.key), one.title, one.text, one.payload) for one in (began, ended))
    assert (opening.steps, opening.urgency) == ([Step(Stage.OPENS, str(began.key))], Urgency.OUTAGE)
    assert (closing.steps, closing.urgency) == ([Step(Stage.CLOSES, str(began.key))], Urgency.OVER)
