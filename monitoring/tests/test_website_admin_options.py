"""A website's request options, credentials and certificate in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.models import Certificate, CheckError, Outcome
from monitoring.tests.admin_pages import DATA, WEBSITES, act, change_url, check, filled, page, staff_client, website
from websites import http_auth
from websites.models import Website

pytestmark = [pytest.mark.django_db, pytest.mark.once]

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


@pytest.mark.parametrize("url", [URL, "https://evil.example/", "http://www0.example.org/"])
# A browser always sends the empty box; whoever wants to keep the credentials while the website moves would not.
@pytest.mark.parametrize("box", [{"http_auth": ""}, {"http_auth": " "}, {}], ids=["empty", "blank", "left out"])
def test_s4_a_website_moves_without_the_credentials_that_it_is_to_forget(
    admin_client: Client, url: str, box: dict[str, str]
) -> None:
    one = with_credentials()
    sent = form(forget_http_auth="on", **box) | {"website_url": url}
    assert admin_client.post(change_url(one), sent).status_code == 302
    assert (sent_of(one), one.website_url) == ("", url)


@pytest.mark.parametrize("box", [{"http_auth": " "}, {}], ids=["blank", "left out"])
def test_credentials_stay_where_their_box_is_blank_or_left_out(admin_client: Client, box: dict[str, str]) -> None:
    one = with_credentials()
    kept = sent_of(one)
    assert admin_client.post(change_url(one), form(**box)).status_code == 302
    assert sent_of(one) == kept
    response = admin_client.post(change_url(one), form(**box) | {"website_url": "https://evil.example/"})
    assert set(response.context["adminform"].form.errors) == {"http_auth"}
    assert (sent_of(one), one.website_url) == (kept, URL)


@pytest.mark.parametrize("forget", [{}, {"forget_http_auth": "on"}])
def test_bad_credentials_do_not_let_a_website_move(admin_client: Client, forget: dict[str, str]) -> None:
    one = with_credentials()
    kept = sent_of(one)
    sent = form(http_auth="s3cr3t", **forget) | {"website_url": "https://evil.example/"}
    response = admin_client.post(change_url(one), sent)
    assert set(response.context["adminform"].form.errors) == {"http_auth"}
    assert (sent_of(one), one.website_url) == (kept, URL)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "must begin with http:// or https://"),
        ("", "This field is required."),
        ("https://me:s3cr3t@www0.example.org/", "no user name or password"),
    ],
)
def test_a_bad_url_of_a_website_with_credentials_is_answered_beside_it_once(
    admin_client: Client, url: str, words: str
) -> None:
    one = with_credentials()
    errors = admin_client.post(change_url(one), form() | {"website_url": url}).context["adminform"].form.errors
    assert set(errors) == {"website_url"}
    assert [words in message for message in errors["website_url"]] == [True]


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_no_role_sees_credentials_on_any_page(role: str) -> None:
    one = with_credentials()
    client = staff_client(role)
    for url in (WEBSITES, change_url(one), reverse("admin:websites_website_history", args=[one.pk])):
        content = page(client, url)
        assert "s3cr3t" not in content
        # Nor as they are stored: whoever has SECRET_KEY could read them out of a page that somebody kept.
        assert one.http_auth.partition(" ")[2] not in content


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
@pytest.mark.parametrize(("field", "text"), [("regex", "a\u202eb"), ("request_body", "a\u202eb\x1b"), ("regex", "\t")])
def test_every_role_opens_the_page_of_a_website_with_invisible_characters(role: str, field: str, text: str) -> None:
    one = website(0, **{"method": "POST", field: text})
    assert "www0.example.org" in page(staff_client(role), change_url(one))


def test_what_was_typed_as_credentials_is_not_sent_back_with_an_error_elsewhere(admin_client: Client) -> None:
    sent = filled(website_url="https://other.example/", monitoring_interval="4", http_auth="Basic me:t0ken")
    for url in (ADD, change_url(with_credentials())):
        response = admin_client.post(url, sent)
        assert set(response.context["adminform"].form.errors) == {"monitoring_interval"}
        # Nor sealed: Fernet's tokens begin so.
        for secret in ("t0ken", "gAAAA"):
            assert secret not in response.content.decode()
    assert Website.objects.get().website_url == URL


@pytest.mark.parametrize(
    "written",
    ["Basic s3cr3t", "Digest me:s3cr3t", "Basic me:s3\rcr3t", "Basic me:s3cr3t\0", "Basic me:".ljust(1001, "s")],
)
def test_what_are_no_credentials_is_refused_without_repeating_it(admin_client: Client, written: str) -> None:
    response = admin_client.post(ADD, form(http_auth=written))
    assert set(response.context["adminform"].form.errors) == {"http_auth"}
    assert written not in response.content.decode()
    assert "s3cr3t" not in response.content.decode()
    assert not Website.objects.exists()


def test_the_history_tells_that_credentials_changed_and_not_to_what(admin_client: Client) -> None:
    assert admin_client.post(ADD, form(http_auth=WRITTEN)).status_code == 302
    one = Website.objects.get()
    seals = [one.http_auth]
    for change in ({"http_auth": "Bearer t0ken"}, {"forget_http_auth": "on", "http_auth": ""}, {"http_auth": WRITTEN}):
        assert admin_client.post(change_url(one), form(**change)).status_code == 302
        one.refresh_from_db()
        seals.append(one.http_auth)
    assert [http_auth.scheme_of(seal) for seal in seals] == ["Basic", "Bearer", "", "Basic"]
    act(admin_client, WEBSITES, "delete_selected", one, post="yes")
    entries = [f"{entry.change_message} {entry.object_repr}" for entry in LogEntry.objects.order_by("pk")]
    assert len(entries) == 5
    assert "Credentials" in entries[1]
    for secret in ("s3cr3t", "t0ken", *(seal.partition(" ")[2] for seal in seals if seal)):
        assert not [entry for entry in entries if secret in entry]


@pytest.mark.parametrize("body", ["a\nb", " a\nb \n", "\n", "\n\ta"])
def test_saving_the_form_as_it_is_changes_no_body(admin_client: Client, body: str) -> None:
    """White space is part of a body, as it is by the API and in an import."""
    one = website(0, method="POST", request_body=body)
    shown = admin_client.get(change_url(one)).context["adminform"].form["request_body"].value()
    # As browsers send what stands in a box of several lines.
    sent = form(method="POST", request_body=shown.replace("\n", "\r\n"))
    assert admin_client.post(change_url(one), sent).status_code == 302
    one.refresh_from_db()
    assert one.request_body == body


def test_saving_the_form_as_it_is_changes_no_regex(admin_client: Client) -> None:
    """White space is part of a pattern, as it is by the API and in an import."""
    one = website(0, regex=" ok ")
    assert admin_client.post(change_url(one), form(regex=" ok ")).status_code == 302
    one.refresh_from_db()
    assert one.regex == " ok "


@pytest.mark.parametrize(
    ("field", "text"),
    [("request_body", "a\n" * 5_000), ("request_headers", "X-One: 1\n" * 444 + "X: 1")],
)
def test_line_ends_of_browsers_do_not_count_towards_the_length(admin_client: Client, field: str, text: str) -> None:
    """A box of `maxlength` counts each as one character, and each is sent as two."""
    response = admin_client.post(ADD, form(**{"method": "POST", field: text.replace("\n", "\r\n")}))
    assert response.status_code == 302
    assert Website.objects.get().method == "POST"


def test_a_form_without_a_change_leaves_every_option(admin_client: Client) -> None:
    options: dict[str, Any] = {
        "method": "PATCH",
        "request_headers": "X-One: 1\nX-Two: 2",
        "request_body": "{\n}",
        "timeout": 2.5,
        "accepted_statuses": "201, 204",
        "regex": "ok",
        "regex_must_match": True,
        "ip_version": "4",
        "follow_redirects": False,
        "verify_tls": False,
        "http_auth": http_auth.seal(WRITTEN),
    }
    one = website(0, **options)
    bound = admin_client.get(change_url(one)).context["adminform"].form
    shown = {name: bound[name].value() for name in bound.fields}
    sent = {name: "on" if value is True else value for name, value in shown.items() if value not in (None, False)}
    assert admin_client.post(change_url(one), sent).status_code == 302
    one.refresh_from_db()
    assert {name: getattr(one, name) for name in options} == options


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


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_a_certificate_drives_no_page_whoever_looks_at_it(role: str) -> None:
    one, now = website(0), timezone.now()
    Certificate.objects.create(
        website=one,
        host="www0.example.org",
        subject="CN = a",
        issuer="CN = \u202e\x1b[31m",
        names=["<b>", "\u2066x"],
        not_before=now,
        not_after=now + timedelta(hours=5),
        seen_at=now,
    )
    content = page(staff_client(role), change_url(one))
    assert "(0 days left)" in content
    assert "&lt;b&gt;, \\u2066x" in content
    assert "CN = \\u202e\\x1b[31m" in content
    assert not {"\u202e", "\x1b", "\u2066"} & set(content)


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
        check(website_of_another(), 0, http_status=599, outcome=own)
    rows = admin_client.get(DATA, {"outcome": outcome, "website": str(one.pk)}).context["cl"].result_list
    assert {row.http_status for row in rows} == statuses
    rows = admin_client.get(DATA, {"outcome": outcome}).context["cl"].result_list
    assert {row.http_status for row in rows} == statuses | {599}
    content = page(admin_client, DATA, outcome=outcome)
    assert f"wm-{outcome}" in content
    assert not [other for other in Outcome.values if other != outcome and f"wm-{other}" in content]


def website_of_another() -> Website:
    return Website.objects.filter(website_url="https://www1.example.org/").first() or website(1)


@pytest.mark.parametrize("query", [{}, {"outcome": "nonsense"}, {"outcome": "\0"}, {"outcome": "paused"}])
def test_an_outcome_that_there_is_not_hides_nothing(admin_client: Client, query: dict[str, Any]) -> None:
    for outcome in Outcome:
        check(website_of_another(), 0, outcome=outcome)
    response = admin_client.get(DATA, query, follow=True)
    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == 3
