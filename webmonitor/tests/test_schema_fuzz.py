"""The API against its own description: whatever a signed-in user sends, each answer is one that is documented."""

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from webmonitor.tests.routes import SAMPLES
from webmonitor.tests.things import one_of_everything
from webmonitor.wsgi import application
from websites.tests.people import person

pytestmark = pytest.mark.once

schema = schemathesis.openapi.from_wsgi("/schema", application)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# What exists (`one_of_everything`), by the name of the parameter; the website's URL, and one that another may have.
EXISTING = {"website_id": 1, "id": 1, "key": SAMPLES["key"]}
KNOWN_URL, NEW_URL = "http://example.org/", "http://new.example.org/"
# What is good together, by the path; of every other body, this takes the place of what was drawn.
GOOD_BODIES: dict[str, dict[str, Any]] = {
    "/channels": {"name": "new", "kind": "webhook", "target": "http://example.org/", "secret": None},
    "/maintenance-windows": {
        "name": "new",
        "kind": "once",
        "first_day": "2030-01-01",
        "start_time": "02:00",
        "minutes": 30,
        "time_zone": "UTC",
        "weekdays": "",
        "rule": "",
        "tags": [],
        "websites": [],
    },
}
REQUIRED = ("name", "kind", "target", "first_day", "start_time", "minutes")
# Names of so many characters are replaced by what exists.
SHORT = 12
PASSWORD = "of an administrator"


@schema.hook
def map_case(_context: Any, case: Any) -> Any:
    """Put what exists in place of short names, and good values in place of blanks: hardly any are drawn at random."""
    for name, value in (case.path_parameters or {}).items():
        if len(str(value)) <= SHORT:
            case.path_parameters[name] = EXISTING.get(name, value)
    if isinstance(case.body, dict):
        url = KNOWN_URL if case.operation.label == "PUT /websites" else NEW_URL
        good = {"website_url": url, "accepted_statuses": "200-299"}
        case.body.update({name: value for name, value in good.items() if case.body.get(name) == ""})
        for path, body in GOOD_BODIES.items():
            if path in case.operation.label and len(case.body) % 2:
                case.body = {name: value for name, value in body.items() if name in case.body or name in REQUIRED}
    return case


@pytest.fixture
def headers(db: None) -> Iterator[dict[str, str]]:
    """Of an administrator, in a database with one of everything; its connection outlives requests, as with Django's
    client.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    admin = person("admin")
    # A token could make no tokens.
    admin.set_password(PASSWORD)
    admin.save()
    one_of_everything(admin)
    credentials = f"{admin.username}:{PASSWORD}".encode()
    yield {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def answers() -> Iterator[Counter[int]]:
    """Counts the statuses of an operation's answers; in the end, some of them must be those of a success."""
    counted: Counter[int] = Counter()
    yield counted
    assert sum(count for status, count in counted.items() if 200 <= status < 300) > 0, counted


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case: Any, headers: dict[str, str], answers: Counter[int]) -> None:
    with transaction.atomic():
        response = case.call(headers=headers)
        # What one example changes or deletes is there for the next.
        transaction.set_rollback(True)
    answers[response.status_code] += 1
    case.validate_response(response, checks=CHECKS)
