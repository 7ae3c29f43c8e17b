"""Log lines as text and as JSON."""

import json
import logging

import pytest
import redis
from django.db import OperationalError

from webmonitor.logs import JsonFormatter, TextFormatter


def record(message: str, *, failed: bool = False, **fields: object) -> logging.LogRecord:
    fault = ValueError("what went wrong")
    made = logging.getLogger("monitoring.test").makeRecord(
        "monitoring.test",
        logging.WARNING,
        __file__,
        1,
        message,
        (),
        (ValueError, fault, None) if failed else None,
        extra=fields,
    )
    made.created = 1_800_000_000.25
    return made


def test_a_line_of_text_has_time_level_source_event_and_fields() -> None:
    line = TextFormatter().format(record("slots missed", slots=3))
    assert line == "2027-01-15T08:00:00.250Z WARNING monitoring.test slots missed slots=3"


def test_a_line_of_json_has_the_same_by_name() -> None:
    entry = json.loads(JsonFormatter().format(record("slots missed", slots=3)))
    assert entry == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "WARNING",
        "logger": "monitoring.test",
        "event": "slots missed",
        "slots": 3,
    }


@pytest.mark.parametrize("text", ["a\nforged line", "\x1b[31mred", "right\u202eleft", "bell\x07"])
def test_what_a_stranger_sent_neither_forges_lines_nor_drives_the_terminal(text: str) -> None:
    line = TextFormatter().format(record(f"got {text}", where=text))
    assert line.isprintable()


def test_a_fault_of_ours_comes_with_its_traceback() -> None:
    assert "ValueError: what went wrong" in TextFormatter().format(record("failed", failed=True))
    assert "what went wrong" in json.loads(JsonFormatter().format(record("failed", failed=True)))["traceback"]


def test_a_refused_request_is_one_line() -> None:
    refused = record("Forbidden: /admin/", failed=True, status_code=403)
    assert "\n" not in TextFormatter().format(refused)
    assert "traceback" not in json.loads(JsonFormatter().format(refused))


def test_what_a_server_that_is_away_says_is_one_line_without_a_traceback() -> None:
    for fault in (OperationalError("the connection\n\tis closed"), redis.ConnectionError("the connection is closed")):
        away = record("it is tried again")
        away.exc_info = (type(fault), fault, None)
        assert TextFormatter().format(away).endswith("it is tried again error=the connection is closed")
        entry = json.loads(JsonFormatter().format(away))
        assert (entry["error"], "traceback" in entry) == ("the connection is closed", False)
