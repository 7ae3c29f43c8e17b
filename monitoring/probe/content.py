"""Reads the body of an exchange: text from bytes, matches from text.

It works on what strangers send, so everything here has an upper bound and nothing raises.
"""

import codecs
import json
import re
import time
from functools import lru_cache
from typing import Any

import re2

from monitoring.probe.types import BODY_CAP, Exchange, Matches, ProbeResult

MATCH_CAP = 100
# Of all matches together, as the JSON that gets stored.
MATCH_BYTES_CAP = 10_000
# RE2 is linear in the text, but each further match may read the rest of it again.
MATCH_SECONDS = 1.0

# The limit that websites' patterns are validated with; RE2 compiles nothing that needs more.
REGEX_MAX_MEMORY = 1 << 20
PATTERNS_KEPT = 1024

META_REACH = 1024
# https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding
META_CHARSET = re.compile(
    rb"<meta[^>]{0,512}?charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([\w.:+-]{1,40})", re.IGNORECASE | re.ASCII
)
HEADER_CHARSET = re.compile(r"charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([\w.:+-]{1,40})", re.IGNORECASE | re.ASCII)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Labels that the web uses for a superset of what they say: https://encoding.spec.whatwg.org/#names-and-labels
WEB_LABELS = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252"}
ASCII_SUPERSETS = {"utf-8", "utf8", "windows-1252", "iso-8859-15", *WEB_LABELS, *WEB_LABELS.values()}
# The bytes of UTF-8 that go on with a character.
CONTINUATION = range(0x80, 0xC0)
# The most bytes of JSON that a character and a string take.
JSON_CHARACTER, JSON_STRING = 6, 4
# PostgreSQL stores no NUL, and UTF-8 has no lone surrogates.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read(exchange: Exchange) -> ProbeResult:
    """What the request's pattern matches in the exchange's body.

    Never raises. `matches` is None where there is no pattern or no complete body. This is the part
    that costs processor time (up to about `MATCH_SECONDS`), so it is not for the engine's thread.
    """
    pattern = exchange.request.pattern
    if pattern is None or exchange.error is not None:
        return ProbeResult(exchange, None)
    compiled = compiled_pattern(pattern)
    if compiled is None:
        return ProbeResult(exchange, None)
    body = exchange.body
    if not is_plain(body, exchange.content_type):
        body = decode(body, exchange.content_type).encode()
    return ProbeResult(exchange, find_matches(compiled, body))


@lru_cache(maxsize=PATTERNS_KEPT)
def compiled_pattern(pattern: str) -> Any:
    """The pattern made ready by RE2; None where it cannot be, which validation should have refused."""
    options = re2.Options()
    options.max_mem = REGEX_MAX_MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        return None


def is_plain(body: bytes, content_type: str) -> bool:
    """Whether the body is storable ASCII in a charset that has ASCII in it: most are, and need no decoding."""
    if not body.isascii() or b"\0" in body or len(body) > BODY_CAP:
        return False
    charset = _header_charset(content_type) or _meta_charset(body)
    return charset is None or charset.lower() in ASCII_SUPERSETS


def decode(body: bytes, content_type: str) -> str:
    """The body as text without NUL and surrogates: charset by header, byte order mark, meta tag, or else UTF-8."""
    body = body[:BODY_CAP]
    text = _decode_as(_header_charset(content_type), body)
    if text is None:
        text = _decode_as(_mark_charset(body), body)
    if text is None:
        text = _decode_as(_meta_charset(body), body)
    if text is None:
        text = body.decode("utf-8", errors="replace")
    return UNSTORABLE.sub("", text.removeprefix("\ufeff"))


def find_matches(compiled: Any, text: bytes) -> Matches:
    """Every match in text in UTF-8, like `re.findall` (lists instead of tuples), until a cap is reached.

    A first match that is too large by itself is cut, so that it never looks like no match.
    """
    groups = compiled.groups
    rows: list[Any] = []
    # At most so many bytes of JSON; counted exactly only where that could be too many.
    size = 0
    deadline = time.monotonic() + MATCH_SECONDS
    last_span = None
    for match in compiled.finditer(text):
        span = match.span()
        # re2 finds an empty match that lies ahead twice, the second time from its own place, and some inside
        # characters, since it goes on by bytes.
        if span == last_span or (span[0] < len(text) and text[span[0]] in CONTINUATION):
            continue
        last_span = span
        row = [_text(part) for part in match.groups(default=b"")] if groups > 1 else _text(match[groups] or b"")
        size += _json_bound(row)
        if size > MATCH_BYTES_CAP and _json_size([*rows, row]) > MATCH_BYTES_CAP:
            return rows or [_cut(row, MATCH_BYTES_CAP - 2)]
        rows.append(row)
        if len(rows) == MATCH_CAP or time.monotonic() > deadline:
            break
    return rows


def as_json(matches: Matches) -> str:
    """Matches as they are stored: within `MATCH_BYTES_CAP` in UTF-8."""
    return json.dumps(matches, ensure_ascii=False)


def _text(part: bytes) -> str:
    r"""A match as text; RE2's `\C` can cut a character into its bytes."""
    return part.decode(errors="replace")


def _json_size(row: Any) -> int:
    return len(json.dumps(row, ensure_ascii=False).encode())


def _json_bound(row: str | list[str]) -> int:
    """No less than `_json_size`, with what stands between rows."""
    if isinstance(row, str):
        return JSON_CHARACTER * len(row) + JSON_STRING
    return sum(map(_json_bound, row)) + JSON_STRING


def _cut(row: str | list[str], size: int) -> str | list[str]:
    """The row shortened to at most `size` bytes of JSON."""
    if isinstance(row, list):
        # Brackets around, a comma and a space between.
        return [str(_cut(text, size // len(row) - 2)) for text in row]
    row = row[: max(size - 2, 0)]
    while row and (now := _json_size(row)) > size:
        row = row[: min(len(row) * size // now, len(row) - 1)]
    return row


def _header_charset(content_type: str) -> str | None:
    found = HEADER_CHARSET.search(content_type[:META_REACH])
    return found[1] if found else None


def _mark_charset(body: bytes) -> str | None:
    return next((charset for mark, charset in BYTE_ORDER_MARKS if body.startswith(mark)), None)


def _meta_charset(body: bytes) -> str | None:
    found = META_CHARSET.search(body[:META_REACH])
    if found is None:
        return None
    charset = found[1].decode("ascii")
    # A tag that could be read as ASCII is not in UTF-16, whatever it says.
    return "utf-8" if charset.lower().startswith(("utf-16", "utf16")) else charset


def _decode_as(charset: str | None, body: bytes) -> str | None:
    """The body in a named charset; None where Python knows no such text encoding."""
    if charset is None:
        return None
    try:
        info = codecs.lookup(WEB_LABELS.get(charset.lower(), charset))
        # `bytes.decode` takes text encodings only: "zip" or "rot13" are none.
        return body.decode(info.name, errors="replace")
    except (LookupError, UnicodeError, ValueError):
        return None
