import re

import pytest
from django.core.exceptions import ValidationError

from websites.tests.patterns import ORDINARY
from websites.validators import REGEX_MAX_LENGTH, URL_MAX_LENGTH, normalise_url, validate_regex


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://example.org", "http://example.org/"),
        ("HtTp://EXAMPLE.org:80/A?B=c#part", "http://example.org/A?B=c"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:80/", "https://example.org:80/"),
        ("  http://example.org/x  ", "http://example.org/x"),
        ("http://bücher.example/ä?q=ö", "http://xn--bcher-kva.example/%C3%A4?q=%C3%B6"),
        ("http://[2001:DB8:0:0::1]:8080", "http://[2001:db8::1]:8080/"),
        ("http://example.org/100%/%2f", "http://example.org/100%25/%2F"),
        ("http://my_service:8000/", "http://my_service:8000/"),
        ("http://example.org?x", "http://example.org/?x"),
        ("http://example.org/\u202etxt", "http://example.org/%E2%80%AEtxt"),
        ("http://example.org/\u2028\u00a0", "http://example.org/%E2%80%A8%C2%A0"),
    ],
)
def test_each_url_has_one_spelling(given: str, normal: str) -> None:
    assert normalise_url(given) == normal
    assert normalise_url(normal) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://a\\@b/",
        "http://example.org/\r\nHost: evil",
        "http://example.org/\x00",
        "http://exa mple.org/",
        "http://example.org/a b",
        "http://example.org/\tb",
        "http://user:secret@example.org/",
        "http://@example.org/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:-1/",
        "http://example.org:x/",
        "http://[::1/",
        "http://[::1%25eth0]/",
        "http://[v1.x]/",
        "http://-bad.example/",
        "http://a..b/",
        "http://.example.org/",
        "http://xn--\u0000/",
        "http://example.org/\ud800",
        "http://\ud800.example/",
        "http://example.org/\u0085",
        "http://\u202eexample.org/",
        "http://" + "a" * 64 + ".example/",
        "http://example.org/" + "a" * URL_MAX_LENGTH,
        "http://example.org/" + "ä" * 1000,
    ],
)
def test_s4_what_is_no_plain_web_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        normalise_url(url)
    assert refusal.value.messages[0].endswith(".")
    assert "secret" not in str(refusal.value)


def test_a_url_of_the_greatest_length_is_taken() -> None:
    url = "http://example.org/".ljust(URL_MAX_LENGTH, "a")
    assert normalise_url(url) == url


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", r"status\": *\"(\w+)", "(?i)ok", "ä", r"\p{Greek}", r"(\d+):(\d+)", "a{1000}", ".{1,1000}"]
)
def test_patterns_that_re2_compiles_are_taken(pattern: str) -> None:
    validate_regex(pattern)


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a**", r"(?=x)", r"(a)\1", "a{1001}", "(((a{100}){100}){100})", "\ud800", "a\0b", "*"]
)
def test_patterns_that_re2_cannot_compile_are_refused_in_its_own_words(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"Not a valid RE2 pattern: .+"):
        validate_regex(pattern)


@pytest.mark.parametrize("pattern", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_patterns_are_not_too_complex(pattern: str) -> None:
    validate_regex(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\p{L}{1,20}",
        r"(?i)[\pL\pN]{10}",
        ".{0,500}" * 3,
        "[ab]*a" + "[ab]{1000}" * 11,
        "(?:" + "()" * 60 + "[ab]){100}",
    ],
)
def test_patterns_that_become_huge_programs_are_refused_with_what_to_do(pattern: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_regex(pattern)
    (message,) = refusal.value.messages
    assert re.match(
        r"The regex is too complex: RE2 makes \d\d,\d{3} instructions of it, and 10,000 are allowed\.", message
    )
    assert message.endswith(r"Write smaller counts, such as {0,20}, or fewer classes of letters, such as \p{L}.")
    assert refusal.value.code == "invalid_regex"


MEGABYTE = 1 << 20


@pytest.mark.parametrize("part", ["a", "\u0315\u0300", "\u00e9.", "%", ":", "["], ids=ascii)
@pytest.mark.parametrize("before", ["http://", "http://a", "http://[", "http://a/", "http://a:", ""])
def test_a_url_of_a_megabyte_is_refused_without_being_read(before: str, part: str) -> None:
    with pytest.raises(ValidationError, match="longer than 2048"):
        normalise_url(before + part * (MEGABYTE // len(part)))


@pytest.mark.parametrize("part", ["a", "(", "(x{1000})", r"\pL", "[^"])
def test_a_pattern_of_a_megabyte_is_refused_without_being_compiled(part: str) -> None:
    with pytest.raises(ValidationError, match="more than 500 characters"):
        validate_regex(part * (MEGABYTE // len(part)))


def test_a_pattern_of_the_greatest_length_is_taken() -> None:
    validate_regex("x" * REGEX_MAX_LENGTH)
