"""Request options of websites through the API: JSON, forms and the browsable pages."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from websites import http_auth
from websites.models import Website
from websites.tests.people import send, signed_in
from websites.tests.websites import URL, add, raw

pytestmark = [pytest.mark.django_db, pytest.mark.once]

WRITTEN = "Basic me:s3cr3t"
SENT = "Basic bWU6czNjcjN0"
MOVED = {"http_auth": ["The website moves to another host: give its credentials again, or none."]}
DEFAULTS: dict[str, Any] = {
    "regex": None,
    "is_active": True,
    "regex_must_match": False,
    "accepted_statuses": "200-399",
    "timeout": None,
    "method": "GET",
    "request_headers": "",
    "request_body": "",
    "http_auth_scheme": "",
    "follow_redirects": True,
    "verify_tls": True,
    "ip_version": "any",
}
MEGABYTE = 1 << 20


def options(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in DEFAULTS}


def sent_of(website: Website) -> str:
    """The Authorization header of the website's checks, blank without one."""
    website.refresh_from_db()
    return http_auth.header(website.http_auth) if website.http_auth else ""


@pytest.fixture
def guarded() -> Website:
    """A website with credentials."""
    return add(http_auth=http_auth.seal(WRITTEN))


# --- Values ------------------------------------------------------------------------------


@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_options_that_are_not_given_are_the_defaults(editor: APIClient, body_format: str) -> None:
    response = send(editor, "post", "/websites", {"website_url": URL, "monitoring_interval": 60}, body_format)
    assert response.status_code == 201
    assert options(response.json()) == DEFAULTS
    website = Website.objects.get()
    assert {name: getattr(website, name) for name in DEFAULTS.keys() - {"http_auth_scheme"}} == {
        name: value for name, value in DEFAULTS.items() if name != "http_auth_scheme"
    }
    assert website.http_auth == ""


def test_a_form_typed_by_hand_has_the_defaults_too(editor: APIClient) -> None:
    form = f"website_url={URL}&monitoring_interval=60"
    response = editor.post("/websites", form, content_type="application/x-www-form-urlencoded")
    assert options(response.json()) == DEFAULTS


# Each with what must be there already.
GOOD: list[tuple[dict[str, Any], str, Any, Any]] = [
    ({}, "method", "HEAD", "HEAD"),
    ({}, "method", "options", "OPTIONS"),
    ({}, "method", "pAtCh", "PATCH"),
    ({}, "request_headers", "X-One: 1\nHost: b.example", "X-One: 1\nHost: b.example"),
    ({}, "request_headers", "X-One: 1\r\nX-Two: 2", "X-One: 1\r\nX-Two: 2"),
    ({"request_headers": "X-One: 1"}, "request_headers", "", ""),
    ({}, "request_headers", "X-One: ".ljust(4000, "a"), "X-One: ".ljust(4000, "a")),
    ({"method": "POST"}, "request_body", ' {"ä": "€"}\n', ' {"ä": "€"}\n'),
    ({"method": "POST"}, "request_body", "a\r\nb", "a\r\nb"),
    ({"method": "PUT"}, "request_body", "😀" * 10_000, "😀" * 10_000),
    ({"method": "PATCH", "request_body": "x"}, "request_body", "", ""),
    ({}, "timeout", 0.1, 0.1),
    ({}, "timeout", "2.5", 2.5),
    ({}, "timeout", 60, 60.0),
    ({}, "follow_redirects", False, False),
    ({}, "follow_redirects", "no", False),
    ({"follow_redirects": False}, "follow_redirects", "true", True),
    ({}, "verify_tls", False, False),
    ({}, "verify_tls", "off", False),
    ({"regex": "ok"}, "regex_must_match", True, True),
    ({"regex": "ok", "regex_must_match": True}, "regex_must_match", "false", False),
    ({}, "accepted_statuses", "200-204, 404", "200-204, 404"),
    ({}, "ip_version", "4", "4"),
    ({}, "ip_version", "6", "6"),
    ({"ip_version": "6"}, "ip_version", "ANY", "any"),
]


@pytest.mark.parametrize("body_format", ["json", "multipart"])
@pytest.mark.parametrize(("beside", "field", "given", "kept"), GOOD)
def test_an_option_is_set_when_a_website_is_added(  # noqa: PLR0917
    editor: APIClient, beside: dict[str, Any], field: str, given: Any, kept: Any, body_format: str
) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, **beside, field: given}
    response = send(editor, "post", "/websites", body, body_format)
    assert response.status_code == 201
    assert options(response.json()) == {**DEFAULTS, **beside, field: kept}
    assert options(editor.get(f"/websites/{response.json()['website_id']}").json()) == {
        **DEFAULTS,
        **beside,
        field: kept,
    }
    assert getattr(Website.objects.get(), field) == kept


@pytest.mark.parametrize("body_format", ["json", "multipart"])
@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(("beside", "field", "given", "kept"), GOOD)
def test_an_option_is_changed_and_the_others_stay(  # noqa: PLR0917
    editor: APIClient, beside: dict[str, Any], field: str, given: Any, kept: Any, method: str, body_format: str
) -> None:
    website = add(**beside)
    response = send(editor, method, f"/websites/{website.pk}", {field: given}, body_format)
    assert response.status_code == 200
    assert options(response.json()) == {**DEFAULTS, **beside, field: kept}
    assert raw(website)[field] == kept


def test_all_options_are_set_at_once_and_by_the_url(editor: APIClient) -> None:
    wanted = {
        "regex": "ok",
        "is_active": False,
        "regex_must_match": True,
        "accepted_statuses": "201",
        "timeout": 1.5,
        "method": "POST",
        "request_headers": "X-One: 1",
        "request_body": "{}",
        "follow_redirects": False,
        "verify_tls": False,
        "ip_version": "6",
    }
    add()
    response = editor.put("/websites", {"website_url": URL, "http_auth": "Bearer s3cr3t", **wanted}, format="json")
    assert response.status_code == 200
    assert options(response.json()) == {**wanted, "http_auth_scheme": "Bearer"}


def test_ip_version_may_be_a_number_in_json(editor: APIClient) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, "ip_version": 4}
    assert editor.post("/websites", body, format="json").json()["ip_version"] == "4"


@pytest.mark.parametrize(("given", "body_format"), [(None, "json"), ("", "multipart")])
def test_a_timeout_is_given_up_again(editor: APIClient, given: str | None, body_format: str) -> None:
    website = add(timeout=5.0)
    response = send(editor, "patch", f"/websites/{website.pk}", {"timeout": given}, body_format)
    assert (response.status_code, response.json()["timeout"]) == (200, None)


# --- Refusals ----------------------------------------------------------------------------

NUMBER = "A valid number is required."
RANGE = "The timeout must be from 0.1 to 60 seconds."
STATUSES = "Write statuses and ranges with commas between, such as 200-299,304."
HEADER = "Line 1 is not of the form Name: value (in ASCII)."
CREDENTIALS = 'Write "Basic user:password" or "Bearer token".'
WORDS = "Must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS."
VERSIONS = "Must be one of any, 4, 6."
BOOLEAN = "Must be a valid boolean."
NULL = "This field may not be null."
STRING = "Not a valid string."
NUL = "Null characters are not allowed."

NO_METHODS: list[Any] = ["", "CONNECT", "TRACE", "GET ", "nonsense", 1, True, [], {}, ["GET"], "\0"]
NO_SECONDS: list[Any] = ["", "abc", "nan", "NaN", "inf", "-Infinity", [], {}, True, False, "1,5"]
NO_FLAGS: list[Any] = ["perhaps", "", 2, []]

BAD: list[tuple[str, Any, str]] = [
    *(("method", value, WORDS) for value in NO_METHODS),
    ("method", None, NULL),
    *(("ip_version", value, VERSIONS) for value in ("", "5", 5, 4.0, "ipv4", "IPv4 only", True, [4], "\u0664")),
    ("ip_version", None, NULL),
    *(("timeout", value, NUMBER) for value in NO_SECONDS),
    # As for the interval, other programs' and scripts' digits are none.
    *(("timeout", value, NUMBER) for value in ("1_0", "\u0665", "\uff15")),
    ("timeout", 10**400, "too large"),
    ("timeout", "9" * 5000, "too large"),
    *(("timeout", value, RANGE) for value in (0, 0.09, -1, 60.1, "61", 1e308)),
    *(
        ("accepted_statuses", value, STATUSES)
        for value in ("nonsense", "99", "1000", "200,", "200--299", "\u0662\u0660\u0660")
    ),
    ("accepted_statuses", "300-200", "300-200: statuses are from 100 to 999, the smaller first."),
    ("accepted_statuses", "099", "099: statuses are from 100 to 999, the smaller first."),
    ("accepted_statuses", "", "This field may not be blank."),
    ("accepted_statuses", None, NULL),
    ("accepted_statuses", ["200"], STRING),
    ("accepted_statuses", ",".join(["200"] * 51), "no more than 200 characters"),
    ("accepted_statuses", "200\0", NUL),
    *(("request_headers", value, HEADER) for value in ("nonsense", "X: ä", "X: a\rY: b", "X:", "X: \x1b[1m")),
    ("request_headers", "X: a\r\n\r\nGET / HTTP/1.1", "Line 3 is not of the form Name: value (in ASCII)."),
    ("request_headers", "X: a\0", NUL),
    ("request_headers", "X: \ud800", "not allowed"),
    ("request_headers", "aUTHORIZATION: Basic s3cr3t", "Give credentials as http_auth, where they are kept secret."),
    ("request_headers", "CONTENT-length: 5", "The header CONTENT-length is set by the monitor itself."),
    ("request_headers", "Transfer-Encoding: chunked", "The header Transfer-Encoding is set by the monitor itself."),
    ("request_headers", "X: ".ljust(4001, "a"), "no more than 4000 characters"),
    ("request_headers", "X: ".ljust(MEGABYTE, "a"), "no more than 4000 characters"),
    ("request_headers", None, NULL),
    ("request_headers", {"X": "1"}, STRING),
    ("request_body", "x" * 10_001, "no more than 10000 characters"),
    ("request_body", "x\0", NUL),
    ("request_body", "\ud800", "not allowed"),
    ("request_body", None, NULL),
    ("request_body", {"a": 1}, STRING),
    ("request_body", "x", "Only POST, PUT and PATCH requests have a body."),
    ("regex_must_match", True, "There is no regex that must match."),
    *(
        (field, value, BOOLEAN)
        for field in ("follow_redirects", "verify_tls", "regex_must_match")
        for value in NO_FLAGS
    ),
    *((field, None, NULL) for field in ("follow_redirects", "verify_tls", "regex_must_match")),
    *(
        ("http_auth", value, CREDENTIALS)
        for value in ("s3cr3t", "me:s3cr3t", "Basic s3cr3t", "Digest a:s3cr3t", "Bearer s3cr3t,", "Basic me:s3\ncr3t")
    ),
    ("http_auth", "Basic me:s3cr3t\r\nX-Evil: 1", CREDENTIALS),
    ("http_auth", "Basic me:s3cr3t\0", NUL),
    ("http_auth", "Basic me:s3cr3t\ud800", "not allowed"),
    ("http_auth", "Basic me:s3cr3t".ljust(1001, "x"), "no more than 1000 characters"),
    ("http_auth", ["Basic me:s3cr3t"], STRING),
    ("http_auth", True, STRING),
    ("auth", WRITTEN, 'There is no such field. Did you mean "http_auth"?'),
    ("request_header", "X: 1", 'There is no such field. Did you mean "request_headers"?'),
]


def refused(response: Any, field: str, message: str) -> None:
    assert response.status_code == 400
    assert response.json().keys() == {field}
    assert message in " ".join(response.json()[field])
    assert "s3cr3t" not in response.content.decode()


@pytest.mark.parametrize(("field", "value", "message"), BAD)
def test_a_bad_option_is_named_with_what_is_wrong_and_nothing_is_saved(
    editor: APIClient, field: str, value: Any, message: str
) -> None:
    body = json.dumps({"website_url": URL, "monitoring_interval": 60, field: value})
    refused(editor.post("/websites", body, content_type="application/json"), field, message)
    assert not Website.objects.exists()

    website = add(http_auth=http_auth.seal(WRITTEN))
    before = raw(website)
    # What is good beside it is not saved either.
    change = json.dumps({"monitoring_interval": 61, "is_active": False, field: value})
    for method in ("put", "patch"):
        response = getattr(editor, method)(f"/websites/{website.pk}", change, content_type="application/json")
        refused(response, field, message)
    assert raw(website) == before


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (field, value, message)
        for field, value, message in BAD
        if isinstance(value, str) and value and "\ud800" not in value
    ],
)
def test_a_bad_option_in_a_form_is_the_same_error(editor: APIClient, field: str, value: str, message: str) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, field: value}
    refused(editor.post("/websites", body, format="multipart"), field, message)
    assert not Website.objects.exists()


@pytest.mark.parametrize(
    ("has", "change", "errors"),
    [
        ({"timeout": 20.0}, {"monitoring_interval": 10}, {"timeout": "at most 10 seconds"}),
        ({"monitoring_interval": 5}, {"timeout": 5.5}, {"timeout": "at most 5 seconds"}),
        ({"method": "POST", "request_body": "x"}, {"method": "get"}, {"request_body": "Only POST, PUT and PATCH"}),
        ({"regex": "ok"}, {"method": "head"}, {"method": "no body that the regex could read"}),
        ({"method": "HEAD"}, {"regex": "ok"}, {"method": "no body that the regex could read"}),
        ({"regex": "ok", "regex_must_match": True}, {"regex": ""}, {"regex_must_match": "no regex that must match"}),
        ({"regex": "ok", "regex_must_match": True}, {"regex": None}, {"regex_must_match": "no regex that must match"}),
        (
            {"timeout": 20.0, "regex": "ok"},
            {"monitoring_interval": 10, "method": "HEAD", "request_body": "x"},
            {"timeout": "at most 10", "method": "no body", "request_body": "Only POST"},
        ),
    ],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_that_does_not_go_with_what_there_is_is_refused(
    editor: APIClient, has: dict[str, Any], change: dict[str, Any], errors: dict[str, str], method: str
) -> None:
    website = add(**has)
    before = raw(website)
    response = send(editor, method, f"/websites/{website.pk}", {**change, "is_active": False})
    assert response.status_code == 400
    assert response.json().keys() == errors.keys()
    for field, message in errors.items():
        assert message in response.json()[field][0]
    assert raw(website) == before
    response = editor.put("/websites", {"website_id": website.pk, **change}, format="json")
    assert response.json().keys() == errors.keys()
    assert raw(website) == before


def test_what_goes_together_is_changed_together(editor: APIClient) -> None:
    website = add(timeout=20.0, method="POST", request_body="x")
    change = {"timeout": 5, "monitoring_interval": 5, "method": "HEAD", "request_body": ""}
    assert send(editor, "patch", f"/websites/{website.pk}", change).status_code == 200


def test_a_viewer_changes_no_option() -> None:
    website = add()
    before = raw(website)
    response = send(signed_in("viewer"), "patch", f"/websites/{website.pk}", {"http_auth": WRITTEN, "timeout": 5})
    assert response.status_code == 403
    assert raw(website) == before


# --- Credentials -------------------------------------------------------------------------


def silent(response: Any, website: Website | None = None) -> str:
    """The answer's text, that holds credentials in no form."""
    text: str = response.content.decode()
    sealed = (website or Website.objects.get()).http_auth
    for secret in ("s3cr3t", SENT.partition(" ")[2], sealed.partition(" ")[2] or "s3cr3t"):
        assert secret not in text
    return text


@pytest.mark.parametrize("body_format", ["json", "multipart"])
@pytest.mark.parametrize(("written", "scheme"), [(WRITTEN, "Basic"), ("bearer s3cr3t", "Bearer")])
def test_credentials_are_taken_and_only_their_scheme_is_answered(
    editor: APIClient, written: str, scheme: str, body_format: str
) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, "http_auth": written}
    made = send(editor, "post", "/websites", body, body_format)
    assert made.status_code == 201
    pk = made.json()["website_id"]
    answers = [
        made,
        editor.get(f"/websites/{pk}"),
        send(editor, "put", f"/websites/{pk}", {"http_auth": written}, body_format),
        send(editor, "patch", f"/websites/{pk}", {"http_auth": written}, body_format),
        editor.put("/websites", {"website_id": pk, "http_auth": written}, format=body_format),
        editor.post(f"/websites/{pk}/check"),
        editor.post(f"/websites/{pk}/pause"),
        editor.post(f"/websites/{pk}/resume"),
    ]
    for response in answers:
        assert response.status_code in (200, 201, 202)
        silent(response)
        assert response.json()["http_auth_scheme"] == scheme
        assert "http_auth" not in response.json()
    for path in ("/websites", "/website?keyword=example"):
        response = editor.get(path)
        silent(response)
        assert [row["http_auth_scheme"] for row in response.json()["results"]] == [scheme]
        assert not [row for row in response.json()["results"] if "http_auth" in row]
    for path in ("/websites", f"/websites/{pk}"):
        silent(editor.options(path))


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_the_browsable_pages_show_no_credentials(guarded: Website, role: str) -> None:
    client = signed_in(role)
    for path in ("/websites", f"/websites/{guarded.pk}", "/website?keyword=example"):
        response = client.get(path, headers={"Accept": "text/html"})
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/html")
        assert "http_auth_scheme" in silent(response, guarded)


@pytest.mark.parametrize("wrong", [{}, {"monitoring_interval": 1}, {"method": "nonsense"}, {"request_body": "x"}])
def test_a_browsable_page_never_sends_back_the_credentials_of_its_form(
    editor: APIClient, guarded: Website, wrong: dict[str, Any]
) -> None:
    browser = {"Accept": "text/html"}
    body = {"website_url": "http://new.example", "monitoring_interval": 60, "http_auth": WRITTEN, **wrong}
    made = editor.post("/websites", body, headers=browser)
    assert made.status_code == (400 if wrong else 201)
    silent(made, guarded)
    changed = editor.put(f"/websites/{guarded.pk}", {"http_auth": WRITTEN, **wrong}, headers=browser)
    assert changed.status_code == (400 if wrong else 200)
    silent(changed, guarded)


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    "change", [{}, {"monitoring_interval": 61}, {"website_url": URL}, {"http_auth_scheme": "Bearer"}]
)
def test_credentials_that_are_not_named_stay(
    editor: APIClient, guarded: Website, method: str, change: dict[str, Any]
) -> None:
    response = send(editor, method, f"/websites/{guarded.pk}", change)
    assert (response.status_code, response.json()["http_auth_scheme"]) == (200, "Basic")
    assert sent_of(guarded) == SENT


@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_an_answer_that_is_sent_back_keeps_the_credentials(
    editor: APIClient, guarded: Website, body_format: str
) -> None:
    answer = editor.get(f"/websites/{guarded.pk}").json()
    # Forms have no null.
    form = {name: value for name, value in answer.items() if value is not None}
    response = send(editor, "put", f"/websites/{guarded.pk}", form, body_format)
    assert (response.status_code, response.json()) == (200, answer)
    assert sent_of(guarded) == SENT


@pytest.mark.parametrize(
    ("blank", "body_format"), [(None, "json"), ("", "json"), (" \t", "json"), ("", "multipart"), (" ", "multipart")]
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_null_or_blank_forgets_credentials(
    editor: APIClient, guarded: Website, method: str, blank: str | None, body_format: str
) -> None:
    response = send(editor, method, f"/websites/{guarded.pk}", {"http_auth": blank}, body_format)
    assert (response.status_code, response.json()["http_auth_scheme"]) == (200, "")
    assert raw(guarded)["http_auth"] == ""


@pytest.mark.parametrize("blank", [None, ""])
def test_a_website_may_be_added_with_credentials_left_blank(editor: APIClient, blank: str | None) -> None:
    body = {"website_url": URL, "monitoring_interval": 60, "http_auth": blank}
    response = editor.post("/websites", body, format="json")
    assert (response.status_code, response.json()["http_auth_scheme"]) == (201, "")


def test_new_credentials_take_the_place_of_the_old(editor: APIClient, guarded: Website) -> None:
    response = send(editor, "patch", f"/websites/{guarded.pk}", {"http_auth": " BEARER other "})
    assert (response.status_code, response.json()["http_auth_scheme"]) == (200, "Bearer")
    assert sent_of(guarded) == "Bearer other"


ELSEWHERE = [
    "https://evil.example/health",
    "http://example.org/health",
    "https://example.org:8443/health",
    "https://example.org.evil.example/health",
    "https://www.example.org/health",
    "http://example.org:443/health",
]


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_credentials_do_not_move_to_another_place(editor: APIClient, guarded: Website, method: str, url: str) -> None:
    before = raw(guarded)
    change = {"website_url": url, "is_active": False}
    for response in (
        send(editor, method, f"/websites/{guarded.pk}", change),
        send(editor, method, f"/websites/{guarded.pk}", change, "multipart"),
        editor.put("/websites", {"website_id": guarded.pk, **change}, format="json"),
    ):
        assert (response.status_code, response.json()) == (400, MOVED)
    assert raw(guarded) == before


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize(("given", "sent"), [(WRITTEN, SENT), ("Bearer a", "Bearer a"), (None, ""), ("", "")])
def test_a_website_moves_with_credentials_given_again_or_none(
    editor: APIClient, guarded: Website, url: str, given: str | None, sent: str
) -> None:
    response = send(editor, "patch", f"/websites/{guarded.pk}", {"website_url": url, "http_auth": given})
    assert (response.status_code, response.json()["website_url"]) == (200, url)
    assert sent_of(guarded) == sent


def test_bad_credentials_do_not_let_a_website_move(editor: APIClient, guarded: Website) -> None:
    before = raw(guarded)
    change = {"website_url": ELSEWHERE[0], "http_auth": "nonsense"}
    response = send(editor, "patch", f"/websites/{guarded.pk}", change)
    assert (response.status_code, response.json()) == (400, {"http_auth": [CREDENTIALS]})
    assert raw(guarded) == before


@pytest.mark.parametrize(
    "url", ["https://example.org/other", "HTTPS://EXAMPLE.org:443/", "https://example.org/?q=https://evil.example/"]
)
def test_credentials_stay_where_only_path_and_query_change(editor: APIClient, guarded: Website, url: str) -> None:
    assert send(editor, "patch", f"/websites/{guarded.pk}", {"website_url": url}).status_code == 200
    assert sent_of(guarded) == SENT


def test_a_website_without_credentials_moves_freely(editor: APIClient) -> None:
    website = add()
    assert send(editor, "patch", f"/websites/{website.pk}", {"website_url": ELSEWHERE[0]}).status_code == 200


def test_the_schema_reads_credentials_and_answers_their_scheme_only(editor: APIClient) -> None:
    schema = editor.get("/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    properties = schema["components"]["schemas"]["Website"]["properties"]
    assert properties["http_auth"].get("writeOnly") is True
    assert properties["http_auth_scheme"]["readOnly"] is True
    named = [schema["components"]["schemas"][part["$ref"].rpartition("/")[2]] for part in one_of(properties)]
    assert {value for part in named for value in part["enum"]} == {"", "Basic", "Bearer"}


def one_of(properties: dict[str, Any]) -> list[dict[str, str]]:
    """The named lists of words that the scheme is one of."""
    parts: list[dict[str, str]] = properties["http_auth_scheme"]["oneOf"]
    return parts
