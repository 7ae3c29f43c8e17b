import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from webmonitor.tests.routes import SAMPLES, every_route

UNDOCUMENTED = {"/schema", "/docs"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    response = Client().get("/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    loaded: dict[str, Any] = json.loads(response.content)
    return loaded


def test_the_document_is_valid_and_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True)
    assert "openapi: 3" in capsys.readouterr().out


def test_every_route_and_method_of_the_api_is_documented(document: dict[str, Any]) -> None:
    documented = {
        (re.sub(r"\{\w*id\}", "1", path).format(**SAMPLES), method)
        for path, operations in document["paths"].items()
        for method in operations
    }
    actual = {
        (route.path, method)
        for route in every_route()
        if route.is_api and route.path not in UNDOCUMENTED
        for method in route.view.actions
    } - {(path, "head") for path, _ in documented}
    assert documented == actual


def test_every_operation_tells_its_errors_and_how_to_sign_in(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        assert not path.endswith("/")
        for method, operation in operations.items():
            expected = {"401", "403"}
            if method in ("post", "put", "patch") and "requestBody" in operation:
                expected |= {"400", "413", "415"}
            if "{" in path:
                expected |= {"404"}
            assert expected <= operation["responses"].keys(), (path, method)
            assert operation["description"], (path, method)
            assert {scheme for entry in operation["security"] for scheme in entry} == {
                "tokenAuth",
                "basicAuth",
                "cookieAuth",
            }


def test_every_query_parameter_says_what_it_does(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert parameter["in"] == "path" or parameter.get("description"), (path, parameter["name"])


def test_the_documentation_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/docs").content.decode()
    assert "swagger-ui-bundle.js" in page
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith("/") and not source.startswith("//") for source in sources)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
