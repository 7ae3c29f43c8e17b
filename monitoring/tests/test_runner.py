"""From slots to rows: a real runner, real servers, a real database."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from pytest_django import Settings

from monitoring import recorder, stopping
from monitoring import runner as runner_module
from monitoring.findings import Check
from monitoring.models import MonitoringData, WebsiteState
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
    assert runner.missed == 1


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


def test_tasks_wait_while_too_many_checks_are_under_way(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_in_flight_cap", 1)
    with Server(hold) as silent, Server(ANSWER) as quick:
        first, second = add(silent.url()), add(quick.url())
        runner.submit([(first.pk, now_ms())])

        def submit_second() -> None:
            runner.submit([(second.pk, now_ms())])
            connections.close_all()

        task = threading.Thread(target=submit_second)
        task.start()
        wait_for(lambda: bool(silent.requests))
        assert not quick.requests
        assert task.is_alive()
        silent.closing.set()
        wait_for(lambda: MonitoringData.objects.count() == 2)
        task.join()


def test_a_slot_that_expires_while_its_task_waits_is_not_checked(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_in_flight_cap", 1)
    with Server(hold) as silent, Server(ANSWER) as quick:
        first, second = add(silent.url()), add(quick.url())
        runner.submit([(first.pk, now_ms())])
        task = threading.Thread(target=submit_and_close, args=(runner, second.pk, now_ms() - 4_900))
        task.start()
        wait_for(lambda: bool(silent.requests))
        time.sleep(0.2)
        silent.closing.set()
        task.join(10)
        assert not quick.requests
    assert runner.missed == 1


def submit_and_close(runner: Runner, website_id: int, slot: int) -> None:
    runner.submit([(website_id, slot)])
    connections.close_all()


def test_a_task_that_waits_ends_with_its_worker(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_in_flight_cap", 1)
    with Server(hold) as silent:
        first, second = add(silent.url()), add(silent.url("/second"))
        runner.submit([(first.pk, now_ms())])
        task = threading.Thread(target=submit_and_close, args=(runner, second.pk, now_ms()))
        task.start()
        wait_for(lambda: bool(silent.requests))
        monkeypatch.setattr(stopping, "is_asked", lambda: True)
        task.join(10)
        assert not task.is_alive()
        assert len(silent.requests) == 1
    assert runner.missed == 1


def test_bodies_that_wait_to_be_read_keep_others_from_coming(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "BODIES_CAP", 100_000)
    release, write = threading.Event(), recorder.Recorder.write

    def write_late(desk: recorder.Recorder, checks: list[Check]) -> None:
        release.wait(10)
        write(desk, checks)

    monkeypatch.setattr(recorder.Recorder, "write", write_late)
    with Server(answering(response(body=b"x" * 90_000))) as server:
        first, second, third = (add(server.url(path), regex="y") for path in ("/1", "/2", "/3"))
        runner.submit([(first.pk, now_ms())])
        wait_for(lambda: runner._held == 90_000)
        # That one would have room; a second one of such bodies has not.
        runner.submit([(second.pk, now_ms())])
        wait_for(lambda: runner._held == 180_000)
        task = threading.Thread(target=submit_and_close, args=(runner, third.pk, now_ms()))
        task.start()
        task.join(0.5)
        assert task.is_alive()
        release.set()
        wait_for(lambda: MonitoringData.objects.count() == 3)
        task.join()
    assert runner._held == 0


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
