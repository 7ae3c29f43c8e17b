"""A website's request options, credentials and certificate in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.models import Certificate, CheckError, Outcome
from monitoring.tests.admin_pages import DATA, change_url, check, filled, page, website
from websites import http_auth
from websites.models import Website

pytestmark = pytest.mark.django_db

ADD = reverse("admin:websites_website_add")
URL = "https://www0.example.org/"
WRITTEN = "Basic me:s3cr3t"


def form(**fields: Any) -> dict[str, Any]:
    return filled(website_url=URL, monitoring_interval="60", **fields)


def with_credentials() -> Website:
    return website(0, http_auth=http_auth.seal(WRITTEN))


def sent_of(one: Website) -> str:
    """The Authorization header of its checks, blank without one."""
    one.refresh_from_db()
    return http_auth.header(one.http_auth) if one.http_auth else ""


def test_every_option_is_saved(admin_client: Client) -> None:
    options = {
        "method": "POST",
        "request_headers": "X-One: 1\r\nX-Two: 2",
        "request_body": '{\r\n"a": 1}',
        "timeout": "2.5",
        "accepted_statuses": "201, 204",
        "regex": "ok",
        "regex_must_match": "on",
        "ip_version": "6",
        "http_auth": WRITTEN,
    }
    sent = form(**options)
    del sent["follow_redirects"], sent["verify_tls"]
    assert admin_client.post(ADD, sent).status_code == 302
    made = Website.objects.get()
    assert (made.method, made.timeout, made.ip_version, made.regex_must_match) == ("POST", 2.5, "6", True)
    assert (made.follow_redirects, made.verify_tls, made.accepted_statuses) == (False, False, "201, 204")
    # Browsers end lines with CR LF, whatever was typed.
    assert made.request_body == '{\n"a": 1}'
    assert sent_of(made) == http_auth.header(http_auth.seal(WRITTEN))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"request_headers": "nonsense"}, "request_headers", "Line 1 is not of the form Name: value"),
        ({"request_headers": "Authorization: x"}, "request_headers", "Give credentials as http_auth"),
        ({"request_body": "x"}, "request_body", "Only POST, PUT and PATCH"),
        ({"timeout": "nan"}, "timeout", "Enter a number."),
        ({"timeout": "0"}, "timeout", "from 0.1 to 60 seconds"),
        ({"timeout": "60.5"}, "timeout", "from 0.1 to 60 seconds"),
        ({"monitoring_interval": "5", "timeout": "6"}, "timeout", "at most 5 seconds"),
        ({"accepted_statuses": ""}, "accepted_statuses", "This field is required."),
        ({"accepted_statuses": "300-200"}, "accepted_statuses", "the smaller first"),
        ({"regex_must_match": "on"}, "regex_must_match", "no regex that must match"),
        ({"method": "HEAD", "regex": "x"}, "method", "no body that the regex could read"),
        ({"method": "TRACE"}, "method", "Select a valid choice"),
        ({"ip_version": "5"}, "ip_version", "Select a valid choice"),
        ({"http_auth": "s3cr3t"}, "http_auth", "Write"),
    ],
)
def test_a_bad_option_is_answered_beside_it_and_nothing_is_saved(
    admin_client: Client, fields: dict[str, str], field: str, words: str
) -> None:
    response = admin_client.post(ADD, form() | fields)
    errors = response.context["adminform"].form.errors
    assert set(errors) == {field}
    assert words in errors[field][0]
    assert "s3cr3t" not in response.content.decode()
    assert not Website.objects.exists()


def test_credentials_are_never_shown_and_stay_where_the_box_is_left_empty(admin_client: Client) -> None:
    one = with_credentials()
    kept = sent_of(one)
    content = page(admin_client, change_url(one))
    assert "Basic credentials are kept and not shown" in content
    assert "s3cr3t" not in content
    assert one.http_auth not in content
    assert admin_client.post(change_url(one), form() | {"monitoring_interval": "61"}).status_code == 302
    assert sent_of(one) == kept
    assert one.monitoring_interval == 61
    # What is told of the change tells nothing of them either.
    assert "credentials" not in str(LogEntry.objects.latest("pk").get_change_message()).lower()


def test_credentials_are_replaced_and_forgotten(admin_client: Client) -> None:
    one = with_credentials()
    admin_client.post(change_url(one), form(http_auth="Bearer t0ken"))
    assert sent_of(one) == "Bearer t0ken"
    assert "t0ken" not in LogEntry.objects.latest("pk").change_message
    admin_client.post(change_url(one), form(http_auth="", forget_http_auth="on"))
    assert sent_of(one) == ""


def test_only_a_website_with_credentials_can_forget_them(admin_client: Client) -> None:
    assert "forget_http_auth" in page(admin_client, change_url(with_credentials()))
    assert "forget_http_auth" not in page(admin_client, change_url(website(1)))
    assert "forget_http_auth" not in page(admin_client, ADD)


@pytest.mark.parametrize("url", ["https://evil.example/", "http://www0.example.org/", "https://www0.example.org:8443/"])
def test_credentials_do_not_move_to_another_host(admin_client: Client, url: str) -> None:
    one = with_credentials()
    response = admin_client.post(change_url(one), form() | {"website_url": url})
    assert "give its credentials again" in response.context["adminform"].form.errors["http_auth"][0]
    one.refresh_from_db()
    assert one.website_url == URL
    again = form(http_auth=WRITTEN) | {"website_url": url}
    assert admin_client.post(change_url(one), again).status_code == 302


def test_a_new_path_keeps_them(admin_client: Client) -> None:
    one = with_credentials()
    assert admin_client.post(change_url(one), form() | {"website_url": f"{URL}other"}).status_code == 302
    assert sent_of(one)


@pytest.mark.parametrize(("days", "words"), [(-1.5, "(expired)"), (1.5, "(1 day left)"), (30.5, "(30 days left)")])
def test_the_certificate_is_on_the_websites_page(admin_client: Client, days: float, words: str) -> None:
    one, now = website(0), timezone.now()
    assert 'id="certificate"' not in page(admin_client, change_url(one))
    Certificate.objects.create(
        website=one,
        host="www0.example.org",
        subject="CN = a",
        issuer="CN = <script>",
        names=["www0.example.org", "*.example.org"],
        not_before=now,
        not_after=now + timedelta(days=days),
        seen_at=now,
    )
    content = page(admin_client, change_url(one))
    for part in ("www0.example.org, *.example.org", "CN = &lt;script&gt;", words):
        assert part in content


def test_checks_say_their_outcome_and_what_went_wrong(admin_client: Client) -> None:
    one = website(0)
    check(one, 0, http_status=0, error=CheckError.DNS, error_detail="No such <name>.", outcome=Outcome.UNKNOWN)
    check(one, 5, http_status=404, error_detail="The status 404 is not accepted.", outcome=Outcome.DOWN)
    content = page(admin_client, change_url(one))
    for part in ("wm-unknown", "wm-down", "No such &lt;name&gt;.", "The status 404 is not accepted."):
        assert part in content


@pytest.mark.parametrize(("outcome", "statuses"), [("up", {201}), ("down", {404}), ("unknown", {503})])
def test_monitoring_data_is_filtered_by_outcome(admin_client: Client, outcome: str, statuses: set[int]) -> None:
    one = website(0)
    for status, own in ((201, Outcome.UP), (404, Outcome.DOWN), (503, Outcome.UNKNOWN)):
        check(one, 0, http_status=status, outcome=own)
    rows = admin_client.get(DATA, {"outcome": outcome}).context["cl"].result_list
    assert {row.http_status for row in rows} == statuses
