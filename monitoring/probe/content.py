"""Reads the body of an exchange: text from bytes, matches from text.

It works on what strangers send, so everything here has an upper bound and nothing raises.
"""

import codecs
import json
import re

from monitoring.probe.codings import unpacked
from monitoring.probe.failure import BodyError
from monitoring.probe.matching import compiled_pattern
from monitoring.probe.searching import SEARCHER, SearchError, TooComplexError
from monitoring.probe.types import BODY_CAP, ErrorKind, Exchange, Matches, ProbeResult
from monitoring.probe.words import of_our_own

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
# PostgreSQL stores no NUL, and UTF-8 has no lone surrogates.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
TOO_COMPLEX = "The regex is too complex for so large a body ({size:,} bytes): its search takes too long."


def read(exchange: Exchange) -> ProbeResult:
    """What the request's pattern matches in the exchange's body.

    Never raises. `matches` is None where there is no pattern or no complete body, or where it cannot be searched,
    which then is an error. This is the part that costs time (about a second at most), so it is not for the engine's
    thread.
    """
    pattern = exchange.request.pattern
    if pattern is None or exchange.error is not None:
        return ProbeResult(exchange, None)
    compiled = compiled_pattern(pattern)
    if compiled is None:
        return ProbeResult(exchange, None)
    try:
        body = unpacked(exchange.coding, exchange.body) if exchange.coding else exchange.body
        if not is_plain(body, exchange.content_type):
            body = decode(body, exchange.content_type).encode()
        return ProbeResult(exchange, SEARCHER.find(compiled, body))
    except BodyError as fault:
        error, words = fault.kind, fault.words
    except TooComplexError:
        error, words = ErrorKind.BODY_TOO_LARGE, TOO_COMPLEX.format(size=len(body))
    except SearchError as fault:
        error, words = ErrorKind.INTERNAL, of_our_own(str(fault))
    return ProbeResult(exchange._replace(error=error, error_detail=words), None)


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


def as_json(matches: Matches) -> str:
    """Matches as they are stored: within `MATCH_BYTES_CAP` in UTF-8."""
    return json.dumps(matches, ensure_ascii=False)


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
