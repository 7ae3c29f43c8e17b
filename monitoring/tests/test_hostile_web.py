"""Every row of hostile answers, from the website's slot to its stored row, all at the same time in one worker.

The neighbours that behave are checked in the midst of them and must not notice.
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connection

from monitoring.findings import Check
from monitoring.inbox import Inbox
from monitoring.models import Heartbeat, MonitoringData, WebsiteState
from monitoring.probe import AddressGuard, Engine, ProbeRequest, RequestOptions, check
from monitoring.probe.names import Resolver
from monitoring.runner import Runner
from monitoring.tests.hostile import CASES, Case, bomb_behind_redirect
from monitoring.tests.hostile_servers import StubResolver, serving
from monitoring.tests.servers import Peer, Server, answering, redirect, response
from monitoring.tests.test_probe_guard import SPELLINGS, loopback_listeners
from websites.models import Website

pytestmark = pytest.mark.django_db

# Seconds: of the websites that misbehave, how far from it they may be given up, and in which all rows must be there.
TIMEOUT = 2.0
TOLERANCE = 0.5
PATIENCE = 60.0
NEIGHBOURS = 20
# Each neighbour is checked so many times, from before the others to after them.
ROUNDS = 8
LOOPBACK = [ip_network("127.0.0.0/8")]
# Stands for a public website.
PUBLIC = "127.0.0.2"


@dataclass
class Seen:
    """What was stored of the cases by title and of the neighbours, how long each case took, and the faults logged."""

    rows: dict[str, list[MonitoringData]]
    states: dict[str, str]
    neighbours: list[MonitoringData]
    # Seconds from the begin of the check until its outcome was handed over.
    took: dict[str, float]
    faults: list[str]


class TimedInbox(Inbox):
    """What the engine hands over to the recorder, with the seconds that each website's latest check took."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.give_back, lambda _: None)
        self.took: dict[int, float] = {}

    def put(self, check: Check) -> None:
        self.took[check.website_id] = time.time() - check.exchange.started_at
        super().put(check)


class Log(logging.Handler):
    """Notes errors, and whatever comes with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            self.faults.append(record.getMessage())


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def made_runner(ca_file: str, resolve: StubResolver) -> tuple[Runner, TimedInbox]:
    """A worker's runner that trusts the cases' authority and knows their names."""
    runner = Runner()
    engine = Engine(AddressGuard(LOOPBACK), user_agent="webmonitor/test", ca_file=ca_file)
    engine._resolver = Resolver(engine._on_lookup, by=resolve)
    runner._engine, runner._inbox = engine, (inbox := TimedInbox(engine))
    return runner, inbox


@contextlib.contextmanager
def working(runner: Runner) -> Iterator[list[str]]:
    """Let the runner work; yields the faults that are logged meanwhile."""
    log = Log()
    logging.getLogger().addHandler(log)
    runner.start()
    try:
        yield log.faults
    finally:
        runner.stop(10.0)
        logging.getLogger().removeHandler(log)


def wait_for_rows(count: int, websites: Iterable[Website]) -> None:
    """Wait for so many rows of these websites."""
    rows, deadline = MonitoringData.objects.filter(website__in=websites), time.monotonic() + PATIENCE
    while rows.count() < count:
        assert time.monotonic() < deadline, "not every check became a row"
        time.sleep(0.05)


def run(urls: dict[str, str], ca_file: str) -> Seen:
    resolve = StubResolver()
    websites = {
        case.title: Website.objects.create(
            website_url=urls[case.title],
            monitoring_interval=60,
            # Each is checked once only.
            failures_before_down=1,
            **{"timeout": TIMEOUT, **case.fields},
        )
        for case in CASES
    }
    with Server(answering(response(body=b"fine"))) as server:
        quiet = [
            Website.objects.create(website_url=server.url(f"/{n}"), monitoring_interval=60) for n in range(NEIGHBOURS)
        ]
        runner, inbox = made_runner(ca_file, resolve)
        with working(runner) as faults:
            try:
                for number in range(ROUNDS):
                    runner.submit([(website.pk, now_ms()) for website in quiet])
                    if number == 1:
                        runner.submit([(website.pk, now_ms()) for website in websites.values()])
                    time.sleep(TIMEOUT / (ROUNDS - 2))
                wait_for_rows(len(CASES) + NEIGHBOURS * ROUNDS, [*quiet, *websites.values()])
            finally:
                resolve.closing.set()
    return Seen(
        rows={title: list(website.monitoring_data.all()) for title, website in websites.items()},
        states=dict(WebsiteState.objects.values_list("website__website_url", "state")),
        neighbours=list(MonitoringData.objects.filter(website__in=quiet)),
        took={title: inbox.took[website.pk] for title, website in websites.items()},
        faults=faults,
    )


@pytest.fixture(scope="module")
def seen(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """One run of all cases, whose rows every test below reads."""
    with django_db_blocker.unblock(), serving(CASES, tmp_path_factory.mktemp("tls")) as (urls, ca_file):
        try:
            yield run(urls, ca_file)
        finally:
            # No test's transaction takes them back.
            Website.objects.all().delete()
            Heartbeat.objects.all().delete()
            connection.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_answer_is_recorded_truthfully(seen: Seen, case: Case) -> None:
    (row,) = seen.rows[case.title]
    assert (row.http_status, row.error, row.outcome) == (case.http_status, case.error, case.outcome)
    assert case.words in row.error_detail
    assert bool(row.error_detail) == bool(case.words or row.error)
    assert (row.response_time is None) == (row.http_status == 0)
    if case.matches is not None:
        assert row.regex_response is not None
        assert json.loads(row.regex_response)[: len(case.matches)] == case.matches
        assert bool(json.loads(row.regex_response)) == bool(case.matches)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_total_deadline_holds_and_is_made_use_of(seen: Seen, case: Case) -> None:
    timeout, took = case.fields.get("timeout", TIMEOUT), seen.took[case.title]
    assert took < timeout + TOLERANCE
    if case.error == "timeout" or "silent" in case.title:
        assert took > timeout - TOLERANCE


def test_the_neighbours_are_on_time_and_well(seen: Seen) -> None:
    assert len(seen.neighbours) == NEIGHBOURS * ROUNDS
    assert {(row.http_status, row.error, row.outcome) for row in seen.neighbours} == {(200, "", "up")}
    late = max((row.entry_timestamp - row.scheduled_at).total_seconds() for row in seen.neighbours if row.scheduled_at)
    assert late < 1.0


def test_the_log_has_no_traceback(seen: Seen) -> None:
    assert seen.faults == []


def test_the_bomb_behind_a_redirect_is_there_for_every_website_of_its_server() -> None:
    options = RequestOptions(follow_redirects=False)
    with Server(bomb_behind_redirect) as server:
        requests = [ProbeRequest(server.url(path), 20.0, options=options) for path in ("/", "/?site=1", "/there", "/")]
        results = [check(request, guard=AddressGuard(LOOPBACK), user_agent="webmonitor/test") for request in requests]
    assert [result.exchange.http_status for result in results] == [302, 302, 200, 302]


# --- Addresses that are not to be reached ------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["S1 itself", "S2 behind a redirect"])
def test_an_inner_address_becomes_a_row_and_no_connection(settings: Any, way: str) -> None:
    is_direct = way.startswith("S1")
    settings.PROBE_ALLOWED_NETWORKS = () if is_direct else (ip_network(PUBLIC),)

    def lead_inside(peer: Peer) -> None:
        number = int(peer.request().split(b" ", 2)[1].removeprefix(b"/"))
        peer.send(redirect(inner[number]))
        peer.finish()

    with loopback_listeners() as (four, six), Server(lead_inside, host=PUBLIC) as public:
        # Some of them have one spelling by the time they are stored, hence a path each.
        inner = [four.url(f"/{number}", host=host) for number, host in enumerate(SPELLINGS)]
        urls = inner if is_direct else [public.url(f"/{number}") for number in range(len(SPELLINGS))]
        websites = [
            Website.objects.create(website_url=url, monitoring_interval=60, failures_before_down=1) for url in urls
        ]
        runner = Runner()
        with working(runner) as faults:
            runner.submit([(website.pk, now_ms()) for website in websites])
            wait_for_rows(len(websites), websites)
        assert (four.accepted, six.accepted) == (0, 0)
        assert public.accepted == (0 if is_direct else len(SPELLINGS))
    rows = MonitoringData.objects.filter(website__in=websites).order_by("website")
    shown = rows.values_list("http_status", "error", "outcome", "remote_ip")
    assert dict(zip(SPELLINGS, shown, strict=True)) == dict.fromkeys(SPELLINGS, (0, "blocked_address", "down", None))
    assert faults == []
