"""What people are answered while somebody keeps a lock on the database, or while it is not there at all."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from monitoring.schedule import owned_tasks
from monitoring.tests.admin_pages import filled
from monitoring.tests.servers import refusing_port
from webmonitor.logs import TextFormatter
from websites.models import Website
from websites.tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)

URL = "http://127.0.0.1/"
SENTENCE = "The database cannot do this just now. Try again in a moment."


@pytest.fixture
def editor() -> APIClient:
    return signed_in("editor")


@pytest.fixture
def locked(editor: APIClient, admin_client: Client) -> Iterator[None]:
    """Another connection keeps the change marker (SQLite: the right to write); ours waits a moment only."""
    embedded = connection.vendor == "sqlite"
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE" if embedded else "BEGIN")
        if not embedded:
            cursor.execute("LOCK TABLE django_celery_beat_periodictasks IN EXCLUSIVE MODE")
        with connection.cursor() as own:
            own.execute("PRAGMA busy_timeout = 200" if embedded else "SET lock_timeout = '200ms'")
        yield
        cursor.execute("ROLLBACK")
    other.close()
    connection.close()


@pytest.mark.usefixtures("locked")
def test_the_api_says_that_it_is_for_a_moment_and_writes_nothing(editor: APIClient) -> None:
    response = editor.post("/websites", {"website_url": URL, "monitoring_interval": 5}, format="json")
    assert (response.status_code, response.json()) == (503, {"detail": SENTENCE})
    assert response["Retry-After"] == "10"
    assert not Website.objects.exists()
    assert not owned_tasks().exists()


@pytest.mark.usefixtures("locked")
def test_what_only_reads_is_answered(editor: APIClient) -> None:
    assert editor.get("/websites").status_code == 200


@pytest.mark.usefixtures("locked")
def test_the_admin_says_it_in_a_sentence(admin_client: Client) -> None:
    body = filled(website_url=URL, monitoring_interval="5")
    response = admin_client.post("/admin/websites/website/add/", body, headers={"Accept": "text/html"})
    assert (response.status_code, response.content.decode()) == (503, SENTENCE)
    assert not Website.objects.exists()


@pytest.fixture
def read_only(editor: APIClient, admin_client: Client) -> Iterator[None]:
    """The database takes no writes."""
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on")
    yield
    connection.close()


@pytest.mark.usefixtures("read_only")
def test_the_api_says_that_it_cannot_write_for_a_moment(editor: APIClient) -> None:
    response = editor.post("/websites", {"website_url": URL, "monitoring_interval": 5}, format="json")
    assert (response.status_code, response.json()) == (503, {"detail": SENTENCE})
    assert editor.get("/websites").status_code == 200


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("address", ["/admin/websites/website/add/", "/sign-out", "/password"])
def test_a_page_says_it_in_a_sentence_and_no_traceback_is_logged(
    admin_client: Client, settings: LazySettings, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    admin_client.raise_request_exception = False
    # A session that cannot be kept fails in a middleware, after the view.
    settings.SESSION_SAVE_EVERY_REQUEST = address == "/password"
    body = filled(website_url=URL, monitoring_interval="5")
    response = admin_client.post(address, body, headers={"Accept": "text/html"})
    assert (response.status_code, response.content.decode()) == (503, SENTENCE)
    assert "Traceback" not in "".join(map(TextFormatter().format, caplog.records))


@pytest.fixture
def gone(editor: APIClient, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody listens where PostgreSQL was; SQLite's file has no folder."""
    connection.close()
    with monkeypatch.context() as patch, refusing_port() as port:
        if connection.vendor == "sqlite":
            patch.setitem(connection.settings_dict, "NAME", "/nonexistent/database")
        else:
            patch.setitem(connection.settings_dict, "PORT", port)
        yield
    connection.close()


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("path", ["/websites", "/monitoring", "/website?keyword=x"])
def test_without_a_database_the_api_says_so(editor: APIClient, path: str) -> None:
    response = editor.get(path)
    assert (response.status_code, response.json()) == (503, {"detail": SENTENCE})


@pytest.mark.usefixtures("gone")
def test_without_a_database_the_admin_says_so(admin_client: Client) -> None:
    response = admin_client.get("/admin/websites/website/", headers={"Accept": "text/html"})
    assert (response.status_code, response.content.decode()) == (503, SENTENCE)
