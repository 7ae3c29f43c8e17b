"""The probe against servers that behave, misbehave and lie."""

from pathlib import Path

import pytest

from monitoring.probe import BODY_CAP, ErrorKind
from monitoring.tests.probing import GZIP, ZLIB, bounded_memory, outcome, probe
from monitoring.tests.servers import (
    Peer,
    Script,
    Server,
    answering,
    compressed_zeros,
    endless,
    refusing_port,
    response,
)


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 404, 500, 503, 599, 999])
def test_a_status_is_reported_as_it_was_sent(status: int) -> None:
    body = b"" if status in (204, 304) else b"text"
    assert outcome(answering(response(f"{status} Some Words", body)), pattern="x") == (status, "")


def test_a_plain_answer_carries_phases_and_address() -> None:
    with Server(answering(response(body=b"hello"))) as server:
        exchange = probe(server.url()).exchange
    phases = exchange.phases
    assert exchange.remote_ip == "127.0.0.1"
    assert exchange.response_time is not None
    assert phases.dns is not None
    assert phases.connect is not None
    assert phases.first_byte is not None
    assert phases.tls is None
    assert phases.dns + phases.connect + phases.first_byte <= exchange.response_time + 1e-3
    assert exchange.body == b""
    assert exchange.certificate is None


def test_the_request_says_who_asks_and_nothing_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with refusing_port() as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        with Server(answering(response())) as server:
            assert probe(server.url("/a?b=c")).exchange.http_status == 200
    head = server.requests[0]
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"User-Agent: webmonitor/test\r\n" in head
    assert b"Authorization" not in head


def reset_after_request(peer: Peer) -> None:
    peer.request()
    peer.reset()


def greets_first(peer: Peer) -> None:
    peer.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    peer.finish()


def silent(peer: Peer) -> None:
    peer.request()
    peer.hold()


def drip_head(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    peer.drip(b"X-Slow: " + b"x" * 10_000)


def drip_body(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    peer.drip(b"x" * 10_000)


def endless_continue(peer: Peer) -> None:
    peer.request()
    while not peer.server.closing.wait(0.01):
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def head_without_end(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Last: y\r\n")
    peer.hold()


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (silent, 0),
        (drip_head, 0),
        (drip_body, 200),
        (endless_continue, 0),
        (head_without_end, 0),
    ],
)
def test_one_deadline_covers_the_whole_exchange(script: Script, status: int) -> None:
    assert outcome(script, timeout=0.4) == (status, "timeout")


def test_an_early_hint_is_no_answer_but_does_not_hide_it() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert outcome(answering(early + response("404 Not Found"))) == (404, "")


def test_a_refused_connection() -> None:
    with refusing_port() as port:
        exchange = probe(f"http://127.0.0.1:{port}/").exchange
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.REFUSED)


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        (reset_after_request, 0, "invalid_response"),
        (lambda peer: peer.finish(), 0, "invalid_response"),
        (answering(), 0, "invalid_response"),
        (answering(b"<html>the answer of HTTP/0.9</html>"), 0, "invalid_response"),
        (answering(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), 0, "invalid_response"),
        (greets_first, 0, "invalid_response"),
        (answering(b"HTTP/1.1 2x0 OK\r\n\r\n"), 0, "invalid_response"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"), 0, "invalid_response"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), 0, "invalid_response"),
        (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-hex\r\n"), 200, "invalid_response"),
        (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), 200, "truncated"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"), 200, "truncated"),
        (answering(b"HTTP/1.1 200 OK\r\nX-Cut: of"), 0, "invalid_response"),
        (answering(response("200 OK", b"no gzip at all", "Content-Encoding: gzip")), 200, "invalid_response"),
        (answering(response("200 OK", b"no brotli at all", "Content-Encoding: br")), 200, "invalid_response"),
        (answering(b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 400_000 + b"\r\n\r\n"), 0, "invalid_response"),
    ],
)
def test_a_broken_answer_has_its_kind(script: Script, status: int, error: str) -> None:
    assert outcome(script, pattern="x") == (status, error)


def test_a_reset_at_once_is_no_connection_or_no_answer() -> None:
    # Which of the two depends on whether the reset is there before the request is sent.
    assert outcome(Peer.reset) in [(0, "connect"), (0, "invalid_response")]


def test_a_body_cut_by_a_reset_is_truncated() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
        peer.server.closing.wait(0.2)
        peer.reset()

    assert outcome(script) == (200, "truncated")


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-Header-{number}: value" for number in range(101)],
        ["X-Large: " + "x" * 70_000],
        [f"Set-Cookie: name{number}=value" for number in range(3000)],
    ],
    ids=["101 headers", "70 kB", "3000 cookies"],
)
def test_many_and_large_headers_are_taken(headers: list[str]) -> None:
    assert outcome(answering(response("200 OK", b"", *headers))) == (200, "")


# --- Bodies ------------------------------------------------------------------------------


def test_a_body_of_exactly_the_cap_is_read() -> None:
    body = b"x" * (BODY_CAP - 1) + b"y"
    with Server(answering(response(body=body))) as server:
        result = probe(server.url(), pattern="xy$")
    assert result.exchange.error is None
    assert len(result.exchange.body) == BODY_CAP
    assert result.matches == ["xy"]


@pytest.mark.parametrize("pattern", [None, "x"])
def test_one_byte_more_is_too_large_with_and_without_a_pattern(pattern: str | None) -> None:
    with Server(answering(response(body=b"x" * (BODY_CAP + 1)))) as server:
        result = probe(server.url(), pattern=pattern)
    assert (result.exchange.http_status, result.exchange.error) == (200, ErrorKind.BODY_TOO_LARGE)
    assert result.exchange.body == b""
    assert result.matches is None


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "script",
    [
        endless(OK + b"\r\n", b"x" * 65_536),
        endless(OK + b"Content-Length: 10000000000\r\n\r\n", b"x" * 65_536),
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        endless(OK + b"Content-Encoding: gzip\r\n\r\n" + compressed_zeros(GZIP)[0], compressed_zeros(GZIP)[1] * 100),
        endless(OK + b"Content-Encoding: deflate\r\n\r\n" + compressed_zeros(ZLIB)[0], compressed_zeros(ZLIB)[1] * 100),
    ],
    ids=["endless", "10 GB", "chunks", "gzip bomb", "deflate bomb"],
)
@pytest.mark.parametrize("pattern", [None, "x"])
def test_a_body_without_end_is_left_in_bounded_memory(script: Script, pattern: str | None) -> None:
    with bounded_memory(20):
        assert outcome(script, pattern=pattern) == (200, "body_too_large")


def test_a_deeper_stack_of_encodings_than_libcurl_takes_is_an_invalid_response() -> None:
    stacked = response("200 OK", b"text", "Content-Encoding: " + ", ".join(["gzip"] * 20))
    assert outcome(answering(stacked)) == (0, "invalid_response")


# --- Names -------------------------------------------------------------------------------


def test_an_unknown_name_is_a_dns_error() -> None:
    exchange = probe("http://no-such-name.invalid/", timeout=5).exchange
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.DNS)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a\0b/", "http://a b/", "", "http://\udc80/"]
)
def test_what_is_no_web_address_is_our_own_fault(url: str) -> None:
    assert probe(url).exchange.error is ErrorKind.INTERNAL
