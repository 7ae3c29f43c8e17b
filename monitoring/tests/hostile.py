"""Every answer that a hostile or broken web server gives, with what has to be made of it.

Rows are numbered like the requirements they come from: W1 statuses, W2 and W3 connections and time, W4 sizes, W5 and W6
malformed HTTP, W7 redirects, W8 TLS, W9 names, W10 text, W11 patterns.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from monitoring.tests.bodies import at_random
from monitoring.tests.servers import (
    BROTLI_ZEROS,
    Peer,
    Script,
    answering,
    compressed_zeros,
    endless,
    redirect,
    response,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
GZIP, ZLIB = 31, 15
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Case:
    """One website: what its server does, and the row that a check of it must become."""

    row: str
    name: str
    script: Script
    http_status: int
    error: str = ""
    # What `error_detail` has to say, in part.
    words: str = ""
    outcome: str = "down"
    # The website's own fields, where they are not the usual ones.
    fields: dict[str, Any] = field(default_factory=dict)
    matches: list[str] | None = None
    # What the server's TLS is like: a name that `monitoring.tests.hostile_servers` knows; blank for none.
    tls: str = ""
    path: str = "/"
    # Whether anybody listens there.
    listens: bool = True
    # Instead of the server's own address, and of http for a server without TLS.
    host: str = ""
    scheme: str = ""

    @property
    def title(self) -> str:
        return f"{self.row} {self.name}"


def status(code: int) -> Case:
    outcome = "up" if 200 <= code < 400 else "down"
    words = "" if outcome == "up" else f"The status {code} is not accepted."
    fields = {"follow_redirects": False} if code == 301 else {}
    head = ["Location: /elsewhere"] if code == 301 else []
    return Case(
        "W1", f"status {code}", answering(response(f"{code} Words", b"", *head)), code, "", words, outcome, fields
    )


# --- W2 and W3: connections and time -----------------------------------------------------


def silent(peer: Peer) -> None:
    peer.request()
    peer.hold()


def reset_after_request(peer: Peer) -> None:
    peer.request()
    peer.reset()


def drip_head(peer: Peer) -> None:
    peer.request()
    peer.send(OK)
    peer.drip(b"X-Slow: " + b"x" * 10_000)


def drip_body(peer: Peer) -> None:
    peer.request()
    peer.send(OK + b"Content-Length: 10000\r\n\r\n")
    peer.drip(b"x" * 10_000)


def endless_continue(peer: Peer) -> None:
    peer.request()
    while not peer.server.closing.wait(0.01):
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def endless_hints(peer: Peer) -> None:
    peer.request()
    while not peer.server.closing.wait(0.01):
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")


def head_without_end(peer: Peer) -> None:
    peer.request()
    peer.send(OK + b"X-Last: y\r\n")
    peer.hold()


def endless_trailers(peer: Peer) -> None:
    peer.request()
    peer.send(OK + CHUNKED + b"5\r\nhello\r\n0\r\n")
    while not peer.server.closing.wait(0.01):
        peer.send(b"X-More: and more\r\n")


def cut_by_reset(peer: Peer) -> None:
    peer.request()
    peer.send(OK + b"Content-Length: 100\r\n\r\nhello")
    peer.server.closing.wait(0.2)
    peer.reset()


NO_ANSWER = "No complete answer within"

CONNECTIONS = [
    Case("W2", "refused", Peer.finish, 0, "refused", "refused the connection", listens=False),
    Case("W2", "reset after the request", reset_after_request, 0, "invalid_response", "reset"),
    Case("W2", "closed before any answer", lambda peer: peer.finish(), 0, "invalid_response", "closed"),
    Case("W2", "closed after the request", answering(), 0, "invalid_response", "closed"),
    Case("W2", "accepted and silent", Peer.hold, 0, "timeout", NO_ANSWER),
    Case("W2", "silent after the request", silent, 0, "timeout", NO_ANSWER),
    Case("W3", "a byte at a time in the headers", drip_head, 0, "timeout", NO_ANSWER),
    Case("W3", "a byte at a time in the body", drip_body, 200, "timeout", NO_ANSWER),
    Case("W3", "endless 100 Continue", endless_continue, 0, "timeout", NO_ANSWER),
]

# --- W4: sizes ---------------------------------------------------------------------------

TOO_LARGE = "larger than 1 MiB"
BLOCK = b"x" * 65_536
READ = {"regex": "x"}


def encoded(encoding: str, begin: bytes, more: bytes) -> Script:
    return endless(OK + b"Content-Encoding: " + encoding.encode() + b"\r\n\r\n" + begin, more)


def bomb_behind_redirect(peer: Peer) -> None:
    if b" /there " in peer.request():
        peer.send(response(body=b"text"))
        peer.finish()
        return
    begin, more = GZIP_ZEROS
    peer.send(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Encoding: gzip\r\n\r\n" + begin)
    while not peer.server.closing.is_set():
        peer.send(more * 100)


def packed(begin: bytes, more: bytes) -> tuple[bytes, bytes]:
    """A gzip stream around another: its begin, and a piece that adds `more` each time it is repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    outer = packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    return outer, packer.compress(more) + packer.flush(zlib.Z_FULL_FLUSH)


# Gzip streams that hold nothing, since all their blocks are empty; the latter two are packed once and twice more.
NOTHING = bytes.fromhex("1f8b0800000000000003"), b"\0\0\0\xff\xff" * 200_000
NOTHING_PACKED = packed(*NOTHING)
NOTHING_PACKED_TWICE = packed(NOTHING_PACKED[0], NOTHING_PACKED[1] * 800)


def holding_nothing(*lines: str, body: bytes = b"".join(NOTHING_PACKED_TWICE)) -> Script:
    """Sends a few kilobytes with these Content-Encoding lines, and then says nothing."""
    head = "".join(f"Content-Encoding: {line}\r\n" for line in lines).encode()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK + head + b"\r\n" + body)
        peer.hold()

    return script


def stacked(name: str, script: Script) -> Case:
    return Case("W4", name, script, 200, "invalid_response", "several content codings", fields=READ)


def too_large(name: str, script: Script) -> Case:
    return Case("W4", name, script, 200, "body_too_large", TOO_LARGE, fields=READ)


UNKNOWN = response("200 OK", b"text", "Content-Encoding: x-own")
STACKED = response("200 OK", b"text", "Content-Encoding: " + ", ".join(["gzip"] * 20))
BROTLI_BOMB = encoded("br", BROTLI_ZEROS[0], BROTLI_ZEROS[1] * 1000)
GZIP_ZEROS, ZLIB_ZEROS = compressed_zeros(GZIP), compressed_zeros(ZLIB)
SIZES = [
    too_large("endless body", endless(OK + b"\r\n", b"x" * 65_536)),
    too_large("10 GB announced", endless(OK + b"Content-Length: 10000000000\r\n\r\n", b"x" * 65_536)),
    too_large(
        "endless chunks", endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n")
    ),
    too_large("gzip bomb", encoded("gzip", GZIP_ZEROS[0], GZIP_ZEROS[1] * 100)),
    too_large("deflate bomb", encoded("deflate", ZLIB_ZEROS[0], ZLIB_ZEROS[1] * 100)),
    Case("W4", "brotli bomb", BROTLI_BOMB, 200, "invalid_response", "not asked for", fields=READ),
    too_large("gzip that holds nothing, endless", encoded("gzip", *NOTHING)),
    stacked("gzip in gzip that holds nothing", encoded("gzip, gzip", NOTHING_PACKED[0], NOTHING_PACKED[1] * 100)),
    stacked("gzip in gzip in gzip that holds nothing", holding_nothing("gzip, gzip, gzip")),
    stacked("gzip in gzip in gzip, in lines of their own", holding_nothing("gzip", "X-GZIP,", "identity, gzip")),
    stacked("encodings stacked twenty deep", answering(STACKED)),
    Case(
        "W4",
        "bomb as the body of a redirect",
        bomb_behind_redirect,
        200,
        outcome="up",
        fields={"regex": "t.x"},
        matches=["tex"],
    ),
    Case(
        "W4", "large, and nobody reads it", endless(OK + b"\r\n", b"x" * 65_536), 200, "body_too_large", TOO_LARGE, "up"
    ),
]

# --- W5 and W6: malformed HTTP -----------------------------------------------------------


def invalid(name: str, answer: bytes, words: str = "", code: int = 0) -> Case:
    return Case("W6", name, answering(answer), code, "invalid_response", words, fields=READ)


def greets_first(peer: Peer) -> None:
    peer.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    peer.finish()


def headers(name: str, *lines: str) -> Case:
    return Case("W5", name, answering(response("200 OK", b"", *lines)), 200, outcome="up")


COOKIES = response("200 OK", b"", *(f"Set-Cookie: name{number}=value" for number in range(5000)))
HUGE_HEADER = OK + b"X-Large: " + b"x" * 400_000 + b"\r\n\r\n"
CUT_SHORT = OK + b"Content-Length: 100\r\n\r\nhello"
MALFORMED = [
    headers("101 headers", *(f"X-Header-{number}: value" for number in range(101))),
    headers("a header of 70 kB", "X-Large: " + "x" * 70_000),
    Case("W5", "5000 cookies", answering(COOKIES), 0, "invalid_response", "too many or too large headers"),
    Case("W5", "a header without end", head_without_end, 0, "timeout", NO_ANSWER),
    Case("W5", "trailers without end", endless_trailers, 200, "timeout", NO_ANSWER),
    Case("W5", "a header of 400 kB", answering(HUGE_HEADER), 0, "invalid_response", "too large headers"),
    invalid("HTTP/0.9", b"<html>the answer of HTTP/0.9</html>", "not HTTP"),
    invalid("an SSH banner", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "not HTTP"),
    Case("W6", "a greeting before the request", greets_first, 0, "invalid_response", "not HTTP"),
    invalid("a status that is no number", b"HTTP/1.1 2x0 OK\r\n\r\n"),
    invalid("a negative Content-Length", OK + b"Content-Length: -5\r\n\r\nhello", "Content-Length"),
    invalid("two Content-Lengths", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "Content-Length"),
    invalid("bad chunk sizes", OK + CHUNKED + b"not-hex\r\n", "chunked", 200),
    invalid("corrupt gzip", response("200 OK", b"no gzip at all", "Content-Encoding: gzip"), "Content-Encoding", 200),
    invalid("brotli, unasked for", response("200 OK", b"text", "CONTENT-ENCODING: gzip, Br"), "not asked for", 200),
    Case(
        "W6",
        "an unknown encoding",
        answering(response("200 OK", b"text", "Content-Encoding: x-own")),
        200,
        "",
        "unknown",
        "up",
    ),
    invalid("a head that breaks off", OK + b"X-Cut: of"),
    Case(
        "W6",
        "a body cut short",
        answering(OK + b"Content-Length: 100\r\n\r\nhello"),
        200,
        "truncated",
        "before the body",
    ),
    Case("W6", "a chunk cut short", answering(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), 200, "truncated"),
    Case("W6", "a body cut by a reset", cut_by_reset, 200, "truncated"),
]

# --- W7: redirects -----------------------------------------------------------------------


def chain(length: int) -> Script:
    """Paths /0 to /length; each but the last redirects to the next."""

    def script(peer: Peer) -> None:
        path = peer.request().split(b" ", 2)[1].partition(b"?")[0]
        number = int(path.removeprefix(b"/"))
        peer.send(response(body=b"arrived") if number == length else redirect(f"/{number + 1}"))
        peer.finish()

    return script


def to(location: str, words: str) -> Case:
    return Case("W7", f"to {location or 'nowhere'}", answering(redirect(location)), 302, "bad_redirect", words)


def relative(peer: Peer) -> None:
    peer.send(redirect("../x") if b" /deep/start" in peer.request() else response())
    peer.finish()


REDIRECTS = [
    Case("W7", "a redirect", chain(1), 200, outcome="up", path="/0"),
    Case("W7", "ten redirects", chain(10), 200, outcome="up", path="/0"),
    Case("W7", "eleven redirects", chain(11), 302, "too_many_redirects", "More than 10", path="/0"),
    Case("W7", "a loop", answering(redirect("/")), 302, "too_many_redirects", "More than 10"),
    Case("W7", "a relative redirect", relative, 200, outcome="up", path="/deep/start"),
    Case("W7", "no Location", answering(response("302 Found")), 302, "bad_redirect", "no Location"),
    to("file:///etc/passwd", "file:"),
    to("gopher://127.0.0.1:70/", "gopher:"),
    to("javascript:alert(1)", "javascript:"),
    to("http://127.0.0.1:99999/", "not valid"),
]

# --- W8: TLS -----------------------------------------------------------------------------

ANSWER = answering(response(body=b"text"))
LOOSE = {"verify_tls": False}


def tls_fault(name: str, tls: str, words: str) -> list[Case]:
    """Verified, it is an error; unverified, the answer counts and the cause is kept."""
    return [
        Case("W8", name, ANSWER, 0, "tls", words, tls=tls),
        Case("W8", f"{name}, not verified", ANSWER, 200, "", words, "up", LOOSE, tls=tls),
    ]


def no_tls(peer: Peer) -> None:
    peer.first_bytes()
    peer.send(response("400 Bad Request"))
    peer.finish()


TLS = [
    Case("W8", "a good certificate", ANSWER, 200, outcome="up", tls="good"),
    *tls_fault("expired", "expired", "has expired"),
    *tls_fault("wrong host", "wrong host", "another host name"),
    *tls_fault("self-signed", "self-signed", "self-signed"),
    *tls_fault("untrusted root", "untrusted", "not trusted"),
    Case("W8", "TLS 1.0 only", ANSWER, 0, "tls", "outdated versions", tls="outdated"),
    Case(
        "W8", "TLS 1.0 only, not verified", ANSWER, 0, "tls", "outdated", fields={"verify_tls": False}, tls="outdated"
    ),
    Case("W8", "plain HTTP on a TLS port", no_tls, 0, "tls", "does not speak TLS", scheme="https"),
    Case("W8", "TLS on a plain port", ANSWER, 0, "invalid_response", tls="good", scheme="http"),
]

# --- W9: names ---------------------------------------------------------------------------

NAMES = [
    Case("W9", "NXDOMAIN", ANSWER, 0, "dns", "does not exist", host="nxdomain.test"),
    Case("W9", "SERVFAIL", ANSWER, 0, "dns", "no name server", host="servfail.test"),
    Case("W9", "silent resolver", ANSWER, 0, "dns", "within", host="silent.test"),
    Case("W9", "a name that is found", ANSWER, 200, outcome="up", host="found.test"),
]

# --- W10: text ---------------------------------------------------------------------------


def text(name: str, body: bytes, match: str, charset: str = "", regex: str = ".+") -> Case:
    lines = [f"Content-Type: text/plain; charset={charset}"] if charset else []
    answer = answering(response("200 OK", body, *lines))
    return Case("W10", name, answer, 200, outcome="up", fields={"regex": regex}, matches=[match])


TEXTS = [
    text("latin-1", "Grüße".encode("latin-1"), "Grüße", "iso-8859-1"),
    text("UTF-16", "Grüße".encode("utf-16"), "Grüße"),
    text("invalid UTF-8", b"a\xff\xfeb", "a\ufffd\ufffdb"),
    text("wrong charset", "ü".encode(), "Ã¼", "iso-8859-1"),
    text("unknown charset", "ü".encode(), "ü", "no-such-charset"),
    text("NUL bytes", b"a\0b\0c", "abc"),
    text("lone surrogates", b"\xed\xa0\x80x", "\ufffd\ufffd\ufffdx"),
    text("surrogates of UTF-7", b"+2AA-x", "x", "utf-7"),
    text("right-to-left override", "\u202etxt".encode(), "\u202etxt"),
    text("escape sequences", b"\x1b[31mred", "\x1b[31mred"),
    text(
        "binary",
        bytes(range(1, 10)) + b"\x7f\x80\xff",
        "\x01\x02\x03\x04\x05\x06\x07\x08\t\x7f\ufffd\ufffd",
        regex="(?s).+",
    ),
]

# --- W11: patterns -----------------------------------------------------------------------


def pattern(regex: str, body: bytes, first: str | None) -> Case:
    """The first match, or None where nothing may match; how many there are is bounded elsewhere."""
    matches = [] if first is None else [first]
    answer = answering(response(body=body))
    return Case("W11", regex, answer, 200, outcome="up", fields={"regex": regex}, matches=matches)


RANDOM = at_random(b"ab", MEGABYTE)


def too_complex(regex: str) -> Case:
    answer = answering(response(body=RANDOM))
    return Case("W11", regex, answer, 200, "body_too_large", "too complex", fields={"regex": regex})


PATTERNS = [
    pattern("(a+)+$", b"a" * MEGABYTE + b"b", None),
    pattern("(a|aa)+$", b"a" * MEGABYTE + b"b", None),
    pattern("(.*)*x", b"a" * MEGABYTE, None),
    pattern(r"\w+", b"word " * (MEGABYTE // 5), "word"),
    pattern(r"[ab]*a[ab]{12}x", b"ab" * (MEGABYTE // 2), None),
    pattern(r"[ab]*a[ab]{13}x", RANDOM, None),
    too_complex("[ab]*a[ab]{900}x"),
    too_complex("[ab]*a" + "[ab]{1000}" * 8 + "x"),
]

CASES = [
    *map(status, (200, 204, 301, 404, 500, 503, 999)),
    *CONNECTIONS,
    *SIZES,
    *MALFORMED,
    *REDIRECTS,
    *TLS,
    *NAMES,
    *TEXTS,
    *PATTERNS,
]
