"""Every row of hostile answers, from the website's slot to its stored row, all at the same time in one worker.

The neighbours that behave are checked in the midst of them and must not notice.
"""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connection

from monitoring.models import MonitoringData, WebsiteState
from monitoring.probe import AddressGuard, Engine
from monitoring.probe.names import Resolver
from monitoring.runner import Runner
from monitoring.tests.hostile import CASES, Case
from monitoring.tests.hostile_servers import StubResolver, serving
from monitoring.tests.servers import Server, answering, response
from websites.models import Website

pytestmark = pytest.mark.django_db

# Seconds: of the websites that misbehave, and in which all rows must be there.
TIMEOUT = 2.0
PATIENCE = 60.0
NEIGHBOURS = 20
# Each neighbour is checked so many times, from before the others to after them.
ROUNDS = 8
LOOPBACK = [ip_network("127.0.0.0/8")]


@dataclass
class Seen:
    """What was stored of the cases by title and of the neighbours, and what was logged."""

    rows: dict[str, list[MonitoringData]]
    states: dict[str, str]
    neighbours: list[MonitoringData]
    log: list[logging.LogRecord]


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def made_runner(ca_file: str, resolve: StubResolver) -> Runner:
    """A worker's runner that trusts the cases' authority and knows their names."""
    runner = Runner()
    engine = Engine(AddressGuard(LOOPBACK), user_agent="webmonitor/test", ca_file=ca_file)
    engine._resolver = Resolver(engine._on_lookup, by=resolve)
    runner._engine = engine
    return runner


def wait_for_rows(count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while MonitoringData.objects.count() < count:
        assert time.monotonic() < deadline, "not every check became a row"
        time.sleep(0.05)


def run(urls: dict[str, str], ca_file: str) -> Seen:
    resolve, log = StubResolver(), Log()
    websites = {
        case.title: Website.objects.create(
            website_url=urls[case.title], monitoring_interval=60, **{"timeout": TIMEOUT, **case.fields}
        )
        for case in CASES
    }
    with Server(answering(response(body=b"fine"))) as server:
        quiet = [
            Website.objects.create(website_url=server.url(f"/{n}"), monitoring_interval=60) for n in range(NEIGHBOURS)
        ]
        logging.getLogger().addHandler(log)
        runner = made_runner(ca_file, resolve)
        runner.start()
        try:
            for number in range(ROUNDS):
                runner.submit([(website.pk, now_ms()) for website in quiet])
                if number == 1:
                    runner.submit([(website.pk, now_ms()) for website in websites.values()])
                time.sleep(TIMEOUT / (ROUNDS - 2))
            wait_for_rows(len(CASES) + NEIGHBOURS * ROUNDS)
        finally:
            resolve.closing.set()
            runner.stop(10.0)
            logging.getLogger().removeHandler(log)
    return Seen(
        rows={title: list(website.monitoring_data.all()) for title, website in websites.items()},
        states=dict(WebsiteState.objects.values_list("website__website_url", "state")),
        neighbours=list(MonitoringData.objects.filter(website__in=quiet)),
        log=log.records,
    )


@pytest.fixture(scope="module")
def seen(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """One run of all cases, whose rows every test below reads."""
    with django_db_blocker.unblock(), serving(CASES, tmp_path_factory.mktemp("tls")) as (urls, ca_file):
        try:
            yield run(urls, ca_file)
        finally:
            Website.objects.all().delete()
            connection.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_answer_is_recorded_truthfully(seen: Seen, case: Case) -> None:
    (row,) = seen.rows[case.title]
    assert (row.http_status, row.error, row.outcome) == (case.http_status, case.error, case.outcome)
    assert case.words in row.error_detail
    assert bool(row.error_detail) == bool(case.words or row.error)
    assert (row.response_time is None) == (row.http_status == 0)
    if row.error == "timeout" or "silent" in case.title:
        ended = row.response_time or TIMEOUT
        assert abs(ended - TIMEOUT) < 0.5
    if case.matches is not None:
        assert row.regex_response is not None
        assert json.loads(row.regex_response)[: len(case.matches)] == case.matches
        assert bool(json.loads(row.regex_response)) == bool(case.matches)


def test_the_neighbours_are_on_time_and_well(seen: Seen) -> None:
    assert len(seen.neighbours) == NEIGHBOURS * ROUNDS
    assert {(row.http_status, row.error, row.outcome) for row in seen.neighbours} == {(200, "", "up")}
    late = max((row.entry_timestamp - row.scheduled_at).total_seconds() for row in seen.neighbours)
    assert late < 1.0


def test_the_log_has_no_traceback(seen: Seen) -> None:
    assert [record.getMessage() for record in seen.log if record.exc_info or record.levelno >= logging.ERROR] == []
