"""The API against its own description: whatever a signed-in user sends, each answer is one that is documented."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from webmonitor.wsgi import application
from websites.models import Website
from websites.tests.people import person, token_for

schema = schemathesis.openapi.from_wsgi("/schema", application)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def token(db: None) -> Iterator[str]:
    """Of an editor, in a database with one website; its connection outlives requests, as under Django's client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    Website.objects.create(website_id=1, website_url="http://127.0.0.1/", monitoring_interval=60)
    yield token_for(person("editor"))
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case: Any, token: str) -> None:
    response = case.call(headers={"Authorization": f"Token {token}"})
    case.validate_response(response, checks=CHECKS)
