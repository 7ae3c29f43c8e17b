"""From slots to rows: a real runner, real servers, a real database."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from pytest_django import Settings

from monitoring import runner as runner_module
from monitoring.models import MonitoringData, WebsiteState
from monitoring.runner import Runner
from monitoring.tests.servers import Peer, Server, answering, response
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
    monkeypatch.setattr(runner_module, "IN_FLIGHT_CAP", 1)
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
