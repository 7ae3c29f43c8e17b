"""From bytes to text to matches, whatever the bytes are."""

import encodings.aliases
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.probe import MATCH_BYTES_CAP, MATCH_CAP, ErrorKind, Exchange, Matches, ProbeRequest
from monitoring.probe.content import as_json, decode, read
from monitoring.probe.matching import REGEX_MAX_INSTRUCTIONS, REGEX_MAX_MEMORY
from websites import validators


def exchange(
    body: bytes, pattern: str | None, content_type: str = "", error: ErrorKind | None = None, status: int = 200
) -> Exchange:
    request = ProbeRequest("http://host.example/", timeout=1.0, pattern=pattern)
    return Exchange(
        request=request,
        started_at=0.0,
        http_status=status,
        response_time=0.1,
        error=error,
        body=body,
        content_type=content_type,
    )


def matches(body: bytes, pattern: str | None, content_type: str = "") -> Matches | None:
    return read(exchange(body, pattern, content_type)).matches


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"\d+", ["1", "22", "333"]),
        (r"a(\d+)", ["1", "22", "333"]),
        (r"(a)(\d+)", [["a", "1"], ["a", "22"], ["a", "333"]]),
        (r"a(?:1|(2+))", ["", "22"]),
        (r"a(1)|a(2+)", [["1", ""], ["", "22"]]),
        (r"(?P<name>3+)", ["333"]),
        (r"x", []),
        (r"$", [""]),
        (r"\b", [""] * 6),
        (r"(?i)A1", ["a1"]),
    ],
)
def test_matches_are_those_of_findall(pattern: str, found: Matches) -> None:
    assert matches(b"a1 a22 a333", pattern) == found


def test_an_empty_match_moves_on_by_whole_characters() -> None:
    assert matches("é€😀".encode(), "x*") == ["", "", "", ""]


def test_without_a_pattern_nothing_is_looked_for() -> None:
    assert matches(b"text", None) is None


@pytest.mark.parametrize("error", list(ErrorKind))
def test_after_an_error_there_is_no_body_to_match(error: ErrorKind) -> None:
    assert read(exchange(b"text", "t", error=error)).matches is None


def test_an_answer_of_any_status_is_matched() -> None:
    assert read(exchange(b"text", "t.x", status=503)).matches == ["tex"]


def test_a_pattern_that_cannot_be_compiled_yields_no_matches() -> None:
    assert matches(b"text", "(") is None
    assert matches(b"text", "\ud800") is None


def test_patterns_are_held_to_the_limits_they_were_validated_with() -> None:
    assert REGEX_MAX_MEMORY == validators.REGEX_MAX_MEMORY
    assert REGEX_MAX_INSTRUCTIONS == validators.REGEX_MAX_INSTRUCTIONS
    assert matches(b"text", r"(?:\pL?){9}") is None


def test_it_stops_at_a_hundred_matches() -> None:
    found = matches(b"word " * 100_000, r"\w+")
    assert found == ["word"] * MATCH_CAP


def test_it_stops_at_the_size_that_gets_stored() -> None:
    found = matches(b"x" * 999 + b" " + b"y" * 500_000, r"x{9}|y{1000}")
    assert found is not None
    assert len(found) == 100
    found = matches(b"y" * 500_000, r"y{300}")
    assert found is not None
    assert len(as_json(found)) <= MATCH_BYTES_CAP < len(as_json(found)) + 304


@pytest.mark.parametrize("text", ["x" * 500_000, '"\\' * 100_000, "\x01" * 100_000, "😀" * 100_000, "é" * 10_000])
@pytest.mark.parametrize("pattern", ["(?s).+", "(?s)(.+)", "(?s)((.+))"])
def test_a_single_large_match_is_cut_rather_than_lost(text: str, pattern: str) -> None:
    found = matches(text.encode(), pattern)
    assert found is not None
    assert len(found) == 1
    first = found[0] if isinstance(found[0], str) else found[0][0]
    assert first
    assert text.startswith(first)
    assert len(as_json(found).encode()) <= MATCH_BYTES_CAP


@pytest.mark.parametrize(
    ("body", "pattern"),
    [
        (b"a" * 1_000_000, r"(a+)+$"),
        (b"a" * 1_000_000 + b"b", r"(a+)+$"),
        (b"a" * 1_000_000 + b"b", r"(a|aa)+$"),
        (b"a" * 1_000_000, r"(.*)*x"),
        (b"ab" * 500_000, r"[ab]*a[ab]{12}x"),
        (b"a" * 1_000_000, r"(a.*b)|a"),
        (b"word " * 200_000, r"\w+"),
        (b"\n" * 1_000_000, r"(?s)(\s*)*y"),
    ],
)
def test_hostile_patterns_end_with_a_bounded_result(body: bytes, pattern: str) -> None:
    found = matches(body, pattern)
    assert found is not None
    assert len(found) <= MATCH_CAP
    assert len(as_json(found).encode()) <= MATCH_BYTES_CAP


# --- Text --------------------------------------------------------------------------------

META = b'<html><head><meta charset="iso-8859-2"></head>\xb1'


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "text/html; charset=utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "text/html; charset=ISO-8859-1", "Grüße"),
        ("Grüße".encode("latin-1"), "text/html;charset='latin1'", "Grüße"),
        ("Grüße".encode("latin-1"), 'text/html; Charset = "iso-8859-15"', "Grüße"),
        (b"\x80", "text/html; charset=iso-8859-1", "€"),
        ("Grüße".encode("latin-1"), "", "Gr\ufffd\ufffde"),
        ("Grüße".encode("utf-16"), "", "Grüße"),
        ("Grüße".encode("utf-16-le"), "text/html; charset=utf-16le", "Grüße"),
        ("Grüße".encode("utf-16"), "text/html; charset=utf-16", "Grüße"),
        (b"\xef\xbb\xbfGr\xc3\xbc", "", "Grü"),
        (b"\xef\xbb\xbfGr\xc3\xbc", "text/html; charset=utf-8", "Grü"),
        ("Grüße".encode("utf-32"), "", "Grüße"),
        (META, "", META[:-1].decode() + "ą"),
        (META, "text/html; charset=utf-8", META[:-1].decode() + "\ufffd"),
        (META, "text/html; charset=no-such-charset", META[:-1].decode() + "ą"),
        (b"\xc3\xbc", "text/html; charset=no-such-charset", "ü"),
        (b"\xc3\xbc", "text/html; charset=", "ü"),
        (b"\xc3\xbc", "text/html; charset=zip", "ü"),
        (b"\xc3\xbc", "text/html; charset=rot13", "ü"),
        (b"\xc3\xbc", "text/html; charset=hex", "ü"),
        (b"\xc3\xbc", "text/html; charset=idna", "ü"),
        (b"\xc3\xbc", "text/html; charset=undefined", "ü"),
        (b"<meta charset=nonsense>\xc3\xbc", "", "<meta charset=nonsense>ü"),
        (b"<meta charset=utf-16>\xc3\xbc", "", "<meta charset=utf-16>ü"),
        (b" " * 1024 + b"<meta charset=latin-1>\xc3\xbc", "", " " * 1024 + "<meta charset=latin-1>ü"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">\xe6', "", None),
        (b"a\0b\0", "", "ab"),
        (b"\xed\xa0\x80x", "", "\ufffd\ufffd\ufffdx"),
        (b"+2AA-x", "text/html; charset=utf-7", "x"),
        ("\u202etxt".encode(), "", "\u202etxt"),
    ],
    ids=repr,
)
def test_text_is_decoded_as_it_says_and_else_as_utf_8(body: bytes, content_type: str, text: str | None) -> None:
    decoded = decode(body, content_type)
    assert decoded.endswith("ж") if text is None else decoded == text


def storable(value: object) -> bool:
    """Whether PostgreSQL takes the text: as JSON, and each string by itself."""
    if isinstance(value, str):
        return "\0" not in value and value == value.encode().decode()
    return all(map(storable, value)) if isinstance(value, list) else False


CHARSETS = st.sampled_from([*sorted(set(encodings.aliases.aliases.values())), "idna", "undefined", "punycode", "\0"])


def _with_surrogates(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=500, deadline=None)
@given(
    body=st.one_of(st.binary(max_size=400), st.text(st.characters(), max_size=100).map(_with_surrogates)),
    charset=st.one_of(CHARSETS, st.text(max_size=20)),
    pattern=st.one_of(
        st.sampled_from([".", "(?s).*", r"(.)(.)", r"\w+", "x*", "(a)|(b)", "", "("]), st.text(max_size=15)
    ),
)
def test_reading_never_raises_and_yields_only_what_can_be_stored(body: bytes, charset: str, pattern: str) -> None:
    found = matches(body, pattern, f"text/html; charset={charset}")
    if found is not None:
        assert storable(found)
        assert json.loads(as_json(found)) == found
        assert len(as_json(found).encode()) <= MATCH_BYTES_CAP
        assert len(found) <= MATCH_CAP


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("x*", "äx", ["", "x", ""]),
        ("ä*", "äöä", ["ä", "", "ä", ""]),
        (r"\C", "ä", ["\ufffd"]),
        ("(ö)|(b)", "aöb", [["ö", ""], ["", "b"]]),
    ],
)
def test_matches_beyond_ascii_begin_and_end_with_characters(pattern: str, text: str, expected: list[object]) -> None:
    request = ProbeRequest(url="http://127.0.0.1/", timeout=5, pattern=pattern)
    exchange = Exchange(request, 0.0, 200, 0.1, body=text.encode(), content_type="text/plain; charset=utf-8")
    assert read(exchange).matches == expected
