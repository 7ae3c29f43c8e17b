"""First checks leave what judging them one by one would leave."""

import threading
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from monitoring import first_checks
from monitoring.findings import Check
from monitoring.models import ExtractedValue, Incident, StateChange, WebsiteState
from monitoring.tests.scripted_checks import Desk, at, check
from websites.models import Website
from websites.tests.websites import add

pytestmark = pytest.mark.django_db(transaction=True)

URL = "http://127.0.0.1/"


def left() -> list[list[dict[str, Any]]]:
    """All that is known of websites, by their URLs."""
    found = []
    for model in (WebsiteState, StateChange, ExtractedValue, Incident):
        rows: Any = model._default_manager.order_by("website__website_url", "pk").values()
        found.append(
            [{name: row[name] for name in row if name not in ("id", "website_id", "opened_at")} for row in rows]
        )
    return found


def first_checks_of(number: int, **fields: Any) -> list[Check]:
    """Of a website with these fields: those under the names of other fields are said of its checks."""
    said = {name: fields.pop(name) for name in ("response_time", "body", "remote_ip") if name in fields}
    letters = fields.pop("letters", "u")
    website = add(f"{URL}{number}", **fields)
    return [check(website, 10.0 * n, letter, **said) for n, letter in enumerate(letters)]


REGEX = {"regex": r"v(\d+)"}
WEBSITES: list[dict[str, Any]] = [
    {},
    {"remote_ip": None},
    {"is_active": False},
    {"letters": "d"},
    {"letters": "?"},
    {"letters": "uu"},
    {"letters": "ud", "failures_before_down": 1},
    {"successes_before_up": 3},
    {**REGEX, "body": "v12 v13"},
    {**REGEX, "body": "nothing"},
    {**REGEX, "body": "v12", "value_min": 10.0},
    {**REGEX, "body": "v12", "value_max": 10.0},
    {**REGEX, "body": "nothing", "alert_on_value_missing": True},
    {**REGEX, "body": "v12", "alert_on_value_change": True},
    {"slow_threshold": 1.0, "slow_checks": 1, "response_time": 2.0},
    {"slow_threshold": 1.0, "slow_checks": 1, "response_time": 0.5},
]


def test_they_leave_what_judging_each_by_itself_would(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for settles in (True, False):
        with monkeypatch.context() as patched:
            if not settles:
                patched.setattr(first_checks, "settle", lambda *_: set())
            with time_machine.travel(at(60), tick=False):
                checks = [one for number, fields in enumerate(WEBSITES) for one in first_checks_of(number, **fields)]
                Desk().write(checks)
            outcomes.append(left())
        Website.objects.all().delete()
    assert outcomes[0] == outcomes[1]
    assert sum(state["state"] == "up" for state in outcomes[0][0]) == len(WEBSITES) - 4


def test_a_website_that_is_up_is_known_without_looking_at_it() -> None:
    checks = [one for number in range(50) for one in first_checks_of(number, **REGEX, body="v12")]
    with CaptureQueriesContext(connection) as queries:
        Desk().write(checks)
    assert WebsiteState.objects.filter(state="up", value="12", since=at(0), judged_until=at(0)).count() == 50
    assert StateChange.objects.filter(old="unknown", new="up", changed_at=at(0), http_status=200).count() == 50
    if connection.vendor == "postgresql":
        locks = [query["sql"] for query in queries if "FOR UPDATE" in query["sql"]]
        assert not any(WebsiteState._meta.db_table in lock for lock in locks)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite writes one at a time")
def test_what_another_worker_has_judged_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """That one found it down, after this one had read that nothing is known."""
    website = add(URL, failures_before_down=1)
    settle = first_checks.settle

    def find_down() -> None:
        Desk().write([check(website, 0, "d")])
        connections.close_all()

    def settle_late(*arguments: Any) -> set[int]:
        monkeypatch.setattr(first_checks, "settle", settle)
        other = threading.Thread(target=find_down)
        other.start()
        other.join()
        return settle(*arguments)

    monkeypatch.setattr(first_checks, "settle", settle_late)
    Desk().write([check(website, 10, "u")])
    assert WebsiteState.objects.get().state == "up"
    changes = StateChange.objects.order_by("changed_at").values_list("old", "new")
    assert list(changes) == [("unknown", "down"), ("down", "up")]
    assert Incident.objects.get().ended_at == at(10)
