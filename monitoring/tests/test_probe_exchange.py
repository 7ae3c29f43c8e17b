"""The probe against servers that behave, misbehave and lie."""

from pathlib import Path

import pytest

from monitoring.probe import BODY_CAP, ErrorKind
from monitoring.tests.hostile import SIZES, Case
from monitoring.tests.probing import bounded_memory, outcome, probe
from monitoring.tests.servers import Peer, Server, answering, refusing_port, response


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


def test_an_early_hint_is_no_answer_but_does_not_hide_it() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert outcome(answering(early + response("404 Not Found"))) == (404, "")


def test_a_reset_at_once_is_no_connection_or_no_answer() -> None:
    # Which of the two depends on whether the reset is there before the request is sent.
    assert outcome(Peer.reset) in [(0, "connect"), (0, "invalid_response")]


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


@pytest.mark.parametrize("pattern", [None, "x"])
@pytest.mark.parametrize("case", [case for case in SIZES if case.row == "W4"], ids=lambda case: case.title)
def test_w4_no_answer_takes_more_than_bounded_memory(case: Case, pattern: str | None) -> None:
    with bounded_memory(20):
        http_status, error = outcome(case.script, pattern=pattern)
    assert (http_status, error) == (case.http_status, case.error)


# --- Names -------------------------------------------------------------------------------


def test_an_unknown_name_is_a_dns_error() -> None:
    exchange = probe("http://no-such-name.invalid/", timeout=5).exchange
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.DNS)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a\0b/", "http://a b/", "", "http://\udc80/"]
)
def test_what_is_no_web_address_is_our_own_fault(url: str) -> None:
    assert probe(url).exchange.error is ErrorKind.INTERNAL
