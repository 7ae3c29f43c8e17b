"""From slots to rows: a real runner, real servers, a real database."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from pytest_django import Settings

from monitoring.findings import Finding
from monitoring.inbox import Inbox
from monitoring.models import MonitoringData, WebsiteState
from monitoring.overload import Reason
from monitoring.probe import bodies
from monitoring.probe.admission import Admission
from monitoring.probe.bodies import BodyRoom
from monitoring.runner import Runner
from monitoring.tests.servers import Peer, Server, answering, response
from websites import http_auth
from websites.models import Website

pytestmark = pytest.mark.django_db(transaction=True)

ANSWER = answering(response(body=b"hello"))


def hold(peer: Peer) -> None:
    """Accept and say nothing."""
    peer.request()
    peer.hold()


@pytest.fixture
def runner(settings: Settings) -> Iterator[Runner]:
    settings.PROBE_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)
    runner = Runner()
    runner.start()
    yield runner
    runner.stop(5.0)
    connections.close_all()


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def add(url: str, *, interval: int = 5, regex: str | None = None, is_active: bool = True) -> Website:
    return Website.objects.create(website_url=url, monitoring_interval=interval, regex=regex, is_active=is_active)


def test_a_slot_becomes_a_row_and_a_state(runner: Runner) -> None:
    slot = now_ms()
    with Server(ANSWER) as server:
        website = add(server.url(), regex="h(.)l")
        runner.submit([(website.pk, slot)])
        wait_for(MonitoringData.objects.exists)
    row = MonitoringData.objects.get()
    assert (row.website_id, row.http_status, row.regex_response, row.error) == (website.pk, 200, '["e"]', "")
    assert row.scheduled_at is not None
    assert round(row.scheduled_at.timestamp() * 1000) == slot
    assert row.entry_timestamp.timestamp() * 1000 >= slot
    assert WebsiteState.objects.get().state == "up"
    assert b"User-Agent: webmonitor/" in server.requests[0]


def test_a_silent_website_does_not_hold_up_the_rows_of_its_neighbours(runner: Runner) -> None:
    with Server(ANSWER) as quick, Server(hold) as silent:
        slow = add(silent.url())
        neighbours = [add(quick.url(f"/{n}")) for n in range(20)]
        runner.submit([(website.pk, now_ms()) for website in [slow, *neighbours]])
        wait_for(lambda: MonitoringData.objects.count() == 20)
        assert not MonitoringData.objects.filter(website=slow).exists()
        wait_for(lambda: MonitoringData.objects.filter(website=slow, error="timeout", http_status=0).exists())


def test_an_expired_slot_is_dropped_and_counted(runner: Runner) -> None:
    with Server(ANSWER) as server:
        old, fresh = add(server.url("/old")), add(server.url("/fresh"))
        runner.submit([(old.pk, now_ms() - 5_001), (fresh.pk, now_ms())])
        wait_for(MonitoringData.objects.exists)
    assert [row.website_id for row in MonitoringData.objects.all()] == [fresh.pk]
    assert runner.misses.total == 1


def test_paused_and_deleted_websites_are_not_requested(runner: Runner) -> None:
    with Server(ANSWER) as server:
        paused, deleted, active = (
            add(server.url(path), is_active=path != "/paused") for path in ("/paused", "/", "/x")
        )
        gone = deleted.pk
        deleted.delete()
        runner.submit([(pk, now_ms()) for pk in (paused.pk, gone, active.pk)])
        wait_for(MonitoringData.objects.exists)
    assert len(server.requests) == 1


def test_a_website_deleted_while_it_is_checked_leaves_nothing_behind(runner: Runner) -> None:
    with Server(hold) as silent, Server(ANSWER) as quick:
        website, other = add(silent.url()), add(quick.url())
        runner.submit([(website.pk, now_ms())])
        wait_for(lambda: bool(silent.requests))
        website.delete()
        silent.closing.set()
        runner.submit([(other.pk, now_ms())])
        wait_for(lambda: MonitoringData.objects.filter(website=other).exists())
    runner.stop(5.0)
    assert MonitoringData.objects.count() == 1


def test_a_website_that_is_still_checked_at_its_next_slot_is_checked_as_soon_as_that_is_over(runner: Runner) -> None:
    release = threading.Event()

    def first_late(peer: Peer) -> None:
        peer.request()
        if len(peer.server.requests) == 1:
            release.wait(10)
        peer.send(response(body=b"hello"))
        peer.finish()

    with Server(first_late) as server:
        website = add(server.url())
        slots = [now_ms(), now_ms() + 1]
        runner.submit([(website.pk, slots[0])])
        wait_for(lambda: bool(server.requests))
        # The task ends, whatever is under way.
        runner.submit([(website.pk, slots[1])])
        runner.submit([(website.pk, None)])
        assert len(server.requests) == 1
        release.set()
        wait_for(lambda: MonitoringData.objects.count() == 2)
    assert len(server.requests) == 2
    assert runner.misses.by_reason() == {}


def test_what_has_no_room_within_its_interval_is_missed_and_counted(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner._engine, "_admission", Admission(1))
    with Server(hold) as silent, Server(ANSWER) as quick:
        first, second = add(silent.url(), interval=60), add(quick.url())
        runner.submit([(first.pk, now_ms())])
        wait_for(lambda: bool(silent.requests))
        runner.submit([(second.pk, now_ms() - 4_500)])
        wait_for(lambda: runner.misses.total == 1)
        # What comes beside the slots is made up for by the next one.
        runner.submit([(second.pk, None)])
        assert runner.misses.by_reason() == {Reason.NO_ROOM: 1}
        assert not quick.requests
        silent.closing.set()
        wait_for(lambda: MonitoringData.objects.count() == 2)


def test_checks_that_wait_for_room_at_a_stop_are_missed(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner._engine, "_admission", Admission(1))
    with Server(hold) as silent:
        first, second = add(silent.url()), add(silent.url("/second"))
        runner.submit([(first.pk, now_ms()), (second.pk, now_ms())])
        wait_for(lambda: bool(silent.requests))
        silent.closing.set()
        runner.stop(1.0)
        assert len(silent.requests) <= 2
    assert runner.misses.by_reason()[Reason.STOPPING] + MonitoringData.objects.count() == 2


def test_bodies_that_wait_to_be_read_keep_others_from_coming(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner._engine, "_bodies", BodyRoom(100_000))
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    release, take = threading.Event(), Inbox.take

    def take_late(inbox: Inbox) -> list[Finding]:
        release.wait(10)
        return take(inbox)

    monkeypatch.setattr(Inbox, "take", take_late)
    with Server(answering(response(body=b"x" * 90_000))) as server:
        first, second = (add(server.url(path), regex="y") for path in ("/1", "/2"))
        # Whatever the recorder waits for already is over.
        runner.submit([(add(server.url()).pk, now_ms())])
        wait_for(lambda: MonitoringData.objects.count() == 1)
        runner.submit([(first.pk, now_ms())])
        wait_for(lambda: runner._engine._bodies.held == 90_000)
        runner.submit([(second.pk, now_ms())])
        wait_for(lambda: runner._engine._bodies.has_paused)
        assert runner._engine._bodies.held < 100_000 + bodies.FREE
        release.set()
        wait_for(lambda: MonitoringData.objects.count() == 3)
    assert runner._engine._bodies.held == 0
    assert set(MonitoringData.objects.values_list("error", flat=True)) == {""}


def test_a_check_that_ends_for_want_of_room_for_its_body_is_unknown_and_counts_as_missed(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner._engine, "_bodies", BodyRoom(0))
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    with Server(answering(response(body=b"x" * 500_000))) as server:
        website = Website.objects.create(website_url=server.url(), monitoring_interval=5, regex="y", timeout=1)
        runner.submit([(website.pk, now_ms())])
        wait_for(MonitoringData.objects.exists)
    row = MonitoringData.objects.get()
    assert (row.error, row.outcome) == ("internal", "unknown")
    assert row.error_detail == "The monitor could not make this check: there was no room for its body."
    assert runner.misses.by_reason() == {Reason.NO_ROOM_FOR_BODIES: 1}
    assert runner._engine._bodies.held == 0


def test_credentials_that_cannot_be_read_any_more_are_our_own_fault(runner: Runner, settings: Settings) -> None:
    with Server(ANSWER) as server:
        website = add(server.url())
        Website.objects.filter(pk=website.pk).update(http_auth=http_auth.seal("Basic me:secret"))
        settings.SECRET_KEY = "another one"
        runner.submit([(website.pk, now_ms())])
        wait_for(MonitoringData.objects.exists)
    row = MonitoringData.objects.get()
    assert (row.error, row.outcome, server.requests) == ("internal", "unknown", [])
    assert "SECRET_KEY has changed" in row.error_detail


def test_the_websites_own_options_and_rules_decide(runner: Runner) -> None:
    with Server(answering(response("404 Not Found", b"hello"))) as server:
        website = Website.objects.create(
            website_url=server.url(),
            monitoring_interval=5,
            regex="bye",
            regex_must_match=True,
            accepted_statuses="404",
            method="POST",
            request_body="text",
            request_headers="X-One: 1\nX-Two: 2",
            http_auth=http_auth.seal("Bearer token"),
        )
        runner.submit([(website.pk, now_ms())])
        wait_for(MonitoringData.objects.exists)
    row = MonitoringData.objects.get()
    assert (row.http_status, row.error, row.outcome) == (404, "", "down")
    assert row.error_detail == "The regex matches nothing."
    head = server.requests[0]
    assert head.startswith(b"POST / HTTP/1.1")
    for line in (b"X-One: 1", b"X-Two: 2", b"Authorization: Bearer token"):
        assert line in head


def test_what_is_under_way_at_a_stop_is_finished_and_written(runner: Runner) -> None:
    def answer_late(peer: Peer) -> None:
        peer.request()
        peer.server.closing.wait(0.5)
        peer.send(response(body=b"late"))
        peer.finish()

    with Server(answer_late) as server:
        website = add(server.url())
        runner.submit([(website.pk, now_ms())])
        wait_for(lambda: bool(server.requests))
        runner.stop(10.0)
    assert MonitoringData.objects.get().http_status == 200
