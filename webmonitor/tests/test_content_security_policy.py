"""What browsers may load and run; the pages themselves are tried in one by `test_pages`."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from webmonitor.middleware import content_security_policy

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def policy(client: Client, path: str, **headers: str) -> dict[str, str]:
    response = client.get(path, headers=headers)
    [header] = [value for name, value in response.headers.items() if name == "Content-Security-Policy"]
    return dict(directive.strip().split(" ", 1) for directive in header.split(";"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin/",
        "/admin/websites/website/add/",
        "/admin/login/",
        "/admin/nothing/",
        "/docs",
        "/docs?script=",
        "/schema",
        "/healthz",
        "/nothing",
        "/favicon.ico",
    ],
)
def test_pages_load_and_run_nothing_but_files_of_the_monitors_own(admin_client: Client, path: str) -> None:
    assert policy(admin_client, path) == STRICT


@pytest.mark.django_db
def test_refusals_say_so_too(client: Client) -> None:
    assert policy(client, "/") == STRICT
    assert policy(client, "/", Host="elsewhere.example") == STRICT
    assert policy(client, "/websites") == STRICT


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/websites", "/monitoring", "/websites/1"])
def test_browsable_api_pages_may_besides_have_styles_in_attributes(admin_client: Client, path: str) -> None:
    assert policy(admin_client, path, Accept="text/html") == {**STRICT, "style-src-attr": "'unsafe-inline'"}
    assert policy(admin_client, path, Accept="application/json") == STRICT


@pytest.mark.django_db
def test_the_documentation_has_its_script_apart(client: Client) -> None:
    page = client.get("/docs").content.decode()
    assert "<style" not in page
    assert '<script src="/docs?script="></script>' in page
    script = client.get("/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert "SwaggerUIBundle" in script.content.decode()


@pytest.mark.parametrize(("debug", "status", "has_policy"), [(True, 500, False), (True, 404, True), (False, 500, True)])
def test_only_the_report_of_an_error_for_developers_goes_without(debug: bool, status: int, has_policy: bool) -> None:
    answer = content_security_policy(lambda request: HttpResponse(status=status))
    with override_settings(DEBUG=debug):
        response = answer(RequestFactory().get("/"))
    assert ("Content-Security-Policy" in response.headers) is has_policy
