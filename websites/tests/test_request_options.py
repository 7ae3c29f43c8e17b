"""How a website is asked, as people write it: what is read, and what is refused with which sentence."""

import math
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from websites.models import Website
from websites.request_options import (
    ACCEPTED_STATUSES,
    HEADERS_MAX_LENGTH,
    OWN_HEADERS,
    STATUSES_MAX_LENGTH,
    IpVersion,
    Method,
    check_together,
    read_headers,
    read_statuses,
    validate_headers,
    validate_statuses,
    validate_timeout,
)

MEGABYTE = 1 << 20
NO_HEADER = "Line 1 is not of the form Name: value (in ASCII)."
NO_STATUSES = "Write statuses and ranges with commas between, such as 200-299,304."
NO_TIMEOUT = "The timeout must be from 0.1 to 60 seconds."


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", ()),
        (" \t ", ()),
        ("\n\n\r\n", ()),
        ("X-One: 1", (("X-One", "1"),)),
        ("X-One:1", (("X-One", "1"),)),
        (" \tX-One: \t 1 \t", (("X-One", "1"),)),
        ("X-One: 1\nX-Two: 2", (("X-One", "1"), ("X-Two", "2"))),
        ("X-One: 1\r\n\r\nX-Two: 2\r\n", (("X-One", "1"), ("X-Two", "2"))),
        # The same name twice is two headers, in their order.
        ("Accept: a\naccept: b", (("Accept", "a"), ("accept", "b"))),
        ("X-One: a:b, c\td  \"e\" 'f'", (("X-One", "a:b, c\td  \"e\" 'f'"),)),
        ("Host: elsewhere.example", (("Host", "elsewhere.example"),)),
        ("Cookie: a=b; c=d", (("Cookie", "a=b; c=d"),)),
        ("X-Authorization: mine", (("X-Authorization", "mine"),)),
        ("!#$%&'*+.^_`|~-09az: ok", (("!#$%&'*+.^_`|~-09az", "ok"),)),
        (f"{'N' * 100}: ~", (("N" * 100, "~"),)),
    ],
)
def test_headers_are_read_one_a_line(text: str, headers: tuple[tuple[str, str], ...]) -> None:
    assert read_headers(text) == headers
    validate_headers(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", NO_HEADER),
        (": value", NO_HEADER),
        ("X One: 1", NO_HEADER),
        ("X-One : 1", NO_HEADER),
        ("X-One", NO_HEADER),
        ("X-One:", NO_HEADER),
        ("X-One: \t ", NO_HEADER),
        ("(X): 1", NO_HEADER),
        (f"{'N' * 101}: 1", NO_HEADER),
        # What would end the header, or the head, on its way.
        ("X-One: 1\rX-Evil: 2", NO_HEADER),
        ("X-One: 1\r", NO_HEADER),
        ("X-One: 1\r\r\nX-Evil: 2", NO_HEADER),
        ("X-One\r: 1", NO_HEADER),
        ("X-One: 1\0", NO_HEADER),
        ("X-One: a\0b", NO_HEADER),
        ("X\0: 1", NO_HEADER),
        ("\0", NO_HEADER),
        ("X-One: \x7f", NO_HEADER),
        ("X-One: \x1b[31m", NO_HEADER),
        ("X-One: a\x0bb", NO_HEADER),
        ("X-One: a\x0c", NO_HEADER),
        ("X-One: a\x85X-Evil: b", NO_HEADER),
        ("X-One: a\u2028X-Evil: b", NO_HEADER),
        ("X-One: ä", NO_HEADER),
        ("X-Önë: 1", NO_HEADER),
        ("X-One: \U0001f4a9", NO_HEADER),
        ("X-One: \ud800", NO_HEADER),
        ("\ufeffX-One: 1", NO_HEADER),
        ("X-One\u00a0: 1", NO_HEADER),
        ("X-One: 1\u00a0", NO_HEADER),
        # Long s and Kelvin sign fold to ASCII letters, but are none.
        ("Ho\u017ft: 1", NO_HEADER),
        ("\u212aeep-Alive: 1", NO_HEADER),
        # A folded line is not a second half of the first (RFC 9112, section 5.2).
        ("X-One: 1\n folded", "Line 2 is not of the form Name: value (in ASCII)."),
        ("X-One: 1\r\n\r\nnonsense\r\n", "Line 3 is not of the form Name: value (in ASCII)."),
        ("X-One: 1\n\u3000\nX-Two: 2", "Line 2 is not of the form Name: value (in ASCII)."),
        ("X-One: 1\n\n\0", "Line 3 is not of the form Name: value (in ASCII)."),
    ],
)
def test_s4_what_is_no_header_is_refused_by_its_line(text: str, message: str) -> None:
    for read in (read_headers, validate_headers):
        with pytest.raises(ValidationError) as refusal:
            read(text)
        assert refusal.value.messages == [message]
        assert refusal.value.code == "invalid"


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION", "aUTHORIZATION"])
@pytest.mark.parametrize("value", ["Basic s3cr3t", "s3cr3t"])
@pytest.mark.parametrize("before", ["", "X-One: 1\r\n", "\n \t"])
def test_credentials_belong_elsewhere_and_are_not_repeated(before: str, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        read_headers(f"{before}{name}:{value}")
    assert refusal.value.messages == ["Give credentials as http_auth, where they are kept secret."]
    assert "s3cr3t" not in repr(refusal.value)


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title, str.swapcase])
@pytest.mark.parametrize("name", sorted(OWN_HEADERS))
def test_headers_that_frame_the_message_are_the_monitors_own(name: str, spelling: Any) -> None:
    written = spelling(name)
    with pytest.raises(ValidationError) as refusal:
        read_headers(f"X-One: 1\n{written}: 1")
    assert refusal.value.messages == [f"The header {written} is set by the monitor itself."]


def test_the_headers_that_smuggle_requests_are_among_the_monitors_own() -> None:
    assert {"content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"} <= OWN_HEADERS


def test_which_encodings_are_undone_is_the_monitors_own() -> None:
    with pytest.raises(ValidationError, match="Accept-Encoding is set by the monitor itself"):
        read_headers("Accept-Encoding: br")


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("200", {200}),
        ("100", {100}),
        ("999", {999}),
        ("200,304", {200, 304}),
        ("200-204", {200, 201, 202, 203, 204}),
        ("204-204", {204}),
        (" 200 , 301 - 303\t,\n404 ", {200, 301, 302, 303, 404}),
        # What is named twice is good once.
        ("200,200-201,201", {200, 201}),
        ("100-999", set(range(100, 1000))),
        (ACCEPTED_STATUSES, set(range(200, 400))),
    ],
)
def test_statuses_are_read(text: str, statuses: set[int]) -> None:
    assert read_statuses(text) == statuses
    validate_statuses(text)


def outside(part: str) -> str:
    return f"{part}: statuses are from 100 to 999, the smaller first."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", NO_STATUSES),
        (" ", NO_STATUSES),
        (",", NO_STATUSES),
        ("200,", NO_STATUSES),
        (",200", NO_STATUSES),
        ("200,,304", NO_STATUSES),
        ("200, ,304", NO_STATUSES),
        ("99", NO_STATUSES),
        ("1000", NO_STATUSES),
        ("0", NO_STATUSES),
        ("-200", NO_STATUSES),
        ("+200", NO_STATUSES),
        ("200-", NO_STATUSES),
        ("200--299", NO_STATUSES),
        ("200-299-399", NO_STATUSES),
        ("200-1000", NO_STATUSES),
        ("99-200", NO_STATUSES),
        ("200 299", NO_STATUSES),
        ("200;304", NO_STATUSES),
        ("2xx", NO_STATUSES),
        ("200.0", NO_STATUSES),
        ("2e2", NO_STATUSES),
        ("0x0c8", NO_STATUSES),
        ("2_0_0", NO_STATUSES),
        ("200\0", NO_STATUSES),
        ("200\u2013299", NO_STATUSES),
        ("\u0662\u0660\u0660", NO_STATUSES),
        ("\uff12\uff10\uff10", NO_STATUSES),
        ("nonsense", NO_STATUSES),
        ("099", outside("099")),
        ("000", outside("000")),
        ("000-999", outside("000-999")),
        ("299-200", outside("299-200")),
        ("200, 399 - 300", outside("399 - 300")),
    ],
)
def test_what_names_no_statuses_is_refused_with_a_sentence(text: str, message: str) -> None:
    for read in (read_statuses, validate_statuses):
        with pytest.raises(ValidationError) as refusal:
            read(text)
        assert refusal.value.messages == [message]
        assert refusal.value.code == "invalid"


# A field's validators run beside its length's, and what is read once is remembered.
@pytest.mark.parametrize("text", ["X-One: ".ljust(MEGABYTE, "a"), "X-One: 1\n" * (MEGABYTE // 9)], ids=["one", "many"])
def test_headers_of_a_megabyte_are_refused_and_not_remembered(text: str) -> None:
    remembered = read_headers.cache_info().currsize
    with pytest.raises(ValidationError, match=str(HEADERS_MAX_LENGTH)):
        validate_headers(text)
    assert read_headers.cache_info().currsize == remembered


@pytest.mark.parametrize("part", ["200", "100-999"])
def test_statuses_of_a_megabyte_are_refused_without_being_read(part: str) -> None:
    remembered = read_statuses.cache_info().currsize
    with pytest.raises(ValidationError, match=str(STATUSES_MAX_LENGTH)):
        validate_statuses(",".join([part] * 20_000))
    assert read_statuses.cache_info().currsize == remembered


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1, 1.5, 59.999, 60, 60.0])
def test_timeouts_in_bounds_are_taken(seconds: float) -> None:
    validate_timeout(seconds)


@pytest.mark.parametrize(
    "seconds",
    [
        *(0, 0.0, -0.0, 0.0999, -1, -60, 60.001, 61, 1e308, 5e-324),
        *(math.nan, -math.nan, math.inf, -math.inf),
    ],
)
def test_timeouts_out_of_bounds_are_refused(seconds: float) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_timeout(seconds)
    assert (refusal.value.messages, refusal.value.code) == ([NO_TIMEOUT], "range")


# --- Together ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"timeout": None, "monitoring_interval": 5},
        {"timeout": 5.0, "monitoring_interval": 5},
        {"timeout": 5.0, "monitoring_interval": None},
        {"timeout": 60.0},
        {"regex": "ok", "regex_must_match": True, "method": "GET"},
        {"regex": "ok", "method": Method.OPTIONS},
        {"regex": None, "method": "HEAD"},
        {"regex": "", "method": "HEAD", "regex_must_match": False},
        {"request_body": "", "method": "GET"},
        {"request_body": "x", "method": Method.PATCH},
        *({"request_body": "x", "method": method} for method in ("POST", "PUT", "PATCH")),
        *(
            {"website_url": f"http://{host}/", "ip_version": "4"}
            for host in ("192.0.2.1", "127.1", "2130706433", "a.example")
        ),
        *(
            {"website_url": f"http://{host}/", "ip_version": "6"}
            for host in ("[2001:db8::1]", "a.example:8080", "1.a.example")
        ),
        *({"website_url": f"http://{host}/", "ip_version": IpVersion.ANY} for host in ("192.0.2.1", "[2001:db8::1]")),
        {"website_url": "http://192.0.2.1/", "ip_version": None},
        # What is no URL is refused elsewhere.
        *(
            {"website_url": url, "ip_version": "4"}
            for url in (None, "", "http://[::1/", "http://[x]/", "http://\0/", "\ud800")
        ),
    ],
)
def test_values_that_go_together_are_taken(values: dict[str, Any]) -> None:
    check_together(values)


TOO_LONG = "A check must end before the next one begins: at most 5 seconds."
NO_BODY = "Only POST, PUT and PATCH requests have a body."
NO_ANSWER = "The answer to HEAD has no body that the regex could read."
NO_REGEX = "There is no regex that must match."
NOT_BY_6 = "The URL's address is of IPv4, so IPv6 cannot reach it."
NOT_BY_4 = "The URL's address is of IPv6, so IPv4 cannot reach it."


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"timeout": 5.001, "monitoring_interval": 5}, {"timeout": TOO_LONG}),
        ({"timeout": 60, "monitoring_interval": 5}, {"timeout": TOO_LONG}),
        *(
            ({"request_body": "x", "method": method}, {"request_body": NO_BODY})
            for method in ("GET", "HEAD", "DELETE", "OPTIONS", Method.GET, None)
        ),
        ({"request_body": " ", "method": "GET"}, {"request_body": NO_BODY}),
        ({"regex": "x", "method": "HEAD"}, {"method": NO_ANSWER}),
        ({"regex": "x", "method": Method.HEAD, "regex_must_match": True}, {"method": NO_ANSWER}),
        ({"regex": None, "regex_must_match": True}, {"regex_must_match": NO_REGEX}),
        ({"regex": "", "regex_must_match": True}, {"regex_must_match": NO_REGEX}),
        *(
            ({"website_url": f"http://{host}/", "ip_version": "6"}, {"ip_version": NOT_BY_6})
            for host in ("192.0.2.1", "192.0.2.1:8080", "127.1", "2130706433", "0x7f.1", "0177.0.0.1")
        ),
        ({"website_url": "https://192.0.2.1/x?y#z", "ip_version": IpVersion.V6}, {"ip_version": NOT_BY_6}),
        ({"website_url": "http://[2001:db8::1]:8080/", "ip_version": IpVersion.V4}, {"ip_version": NOT_BY_4}),
        ({"website_url": "http://[::ffff:192.0.2.1]/", "ip_version": "4"}, {"ip_version": NOT_BY_4}),
        (
            {"timeout": 9, "monitoring_interval": 5, "request_body": "x", "method": "HEAD", "regex_must_match": True},
            {"timeout": TOO_LONG, "request_body": NO_BODY, "regex_must_match": NO_REGEX},
        ),
        (
            {"timeout": 9, "monitoring_interval": 5, "request_body": "x", "method": "HEAD", "regex": "x"},
            {"timeout": TOO_LONG, "request_body": NO_BODY, "method": NO_ANSWER},
        ),
    ],
)
def test_values_that_do_not_go_together_are_named_by_field(values: dict[str, Any], errors: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refusal:
        check_together(values)
    assert refusal.value.message_dict == {field: [message] for field, message in errors.items()}


def test_a_model_that_is_cleaned_is_checked_together() -> None:
    with pytest.raises(ValidationError) as refusal:
        Website(website_url="https://example.org/", monitoring_interval=5, timeout=9, regex_must_match=True).clean()
    assert refusal.value.message_dict == {"timeout": [TOO_LONG], "regex_must_match": [NO_REGEX]}


def test_a_website_that_is_no_url_is_refused_as_such_whatever_its_version() -> None:
    with pytest.raises(ValidationError) as refusal:
        Website(website_url="http://[::1/", monitoring_interval=60, ip_version="4").full_clean(
            validate_constraints=False
        )
    assert set(refusal.value.message_dict) == {"website_url"}


def test_a_website_as_it_is_made_has_options_that_go_together() -> None:
    website = Website(website_url="https://example.org/", monitoring_interval=5)
    website.clean_fields()
    website.clean()
    assert read_headers(website.request_headers) == ()
    assert read_statuses(website.accepted_statuses) == set(range(200, 400))
