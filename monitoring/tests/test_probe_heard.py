"""What is heard of a website that does not answer, where it was looked for, and when it wants to be asked again."""

import queue
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from monitoring.probe import Engine, ErrorKind, Exchange, ProbeRequest
from monitoring.probe.hop import seconds_until
from monitoring.probe.names import Resolver
from monitoring.tests.probing import LOOPBACK, probe
from monitoring.tests.servers import Peer, Script, Server, answering, full_port, redirect, refusing_port, response

PATIENCE = 20.0


def heard(exchange: Exchange) -> tuple[str, bool, str | None]:
    return exchange.error or "", exchange.is_heard, exchange.remote_ip


def test_a_connection_that_was_made_is_heard_whatever_follows() -> None:
    with Server(Peer.hold) as server:
        assert heard(probe(server.url(), timeout=1.0).exchange) == ("timeout", True, "127.0.0.1")
        tls = server.url().replace("http:", "https:")
        assert heard(probe(tls, timeout=1.0).exchange) == ("timeout", True, "127.0.0.1")


def test_without_a_connection_nothing_is_heard_of_an_address_that_was_tried() -> None:
    with full_port("127.0.0.9") as port:
        assert heard(probe(f"http://127.0.0.9:{port}/", timeout=0.5).exchange) == ("timeout", False, "127.0.0.9")


def test_a_refusal_is_heard() -> None:
    with refusing_port("127.0.0.9") as port:
        assert heard(probe(f"http://127.0.0.9:{port}/").exchange) == ("refused", True, "127.0.0.9")


def test_an_answer_is_heard_and_so_is_a_redirect_to_where_nothing_is() -> None:
    with full_port("127.0.0.9") as port, Server(answering(redirect(f"http://127.0.0.9:{port}/"))) as server:
        assert heard(probe(server.url(), timeout=1.0).exchange) == ("timeout", True, "127.0.0.9")
    with Server(answering(response())) as server:
        assert heard(probe(server.url()).exchange) == ("", True, "127.0.0.1")


def test_what_may_not_be_dialled_is_no_address_that_was_tried() -> None:
    assert heard(probe("http://10.0.0.1/").exchange) == ("blocked_address", False, None)


def looked_up(by: Callable[[str], tuple[str, ...]]) -> Exchange:
    """A check of a name that this finds, or not."""
    found: queue.SimpleQueue[Exchange] = queue.SimpleQueue()
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")
    engine._resolver = Resolver(engine._on_lookup, by=by)
    engine.start()
    try:
        engine.submit([ProbeRequest("http://name.test/", 1.0)], lambda _, exchange: found.put(exchange))
        return found.get(timeout=PATIENCE)
    finally:
        engine.stop(0)


@pytest.mark.parametrize(
    ("code", "is_heard"),
    [
        # A name server knows that there is none.
        (socket.EAI_NONAME, True),
        (socket.EAI_NODATA, True),
        # Silence, SERVFAIL, no network.
        (socket.EAI_AGAIN, False),
        (socket.EAI_FAIL, False),
    ],
)
def test_a_name_that_does_not_exist_is_told_from_a_silent_name_server(code: int, is_heard: bool) -> None:
    def fail(_: str) -> tuple[str, ...]:
        raise socket.gaierror(code, "as told")

    assert heard(looked_up(fail)) == (ErrorKind.DNS, is_heard, None)


# --- Retry-After -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("999999999", 999_999_999.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5_000, None),
        ("٣", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37", 0.0),
    ],
)
def test_a_retry_after_is_read_as_seconds_from_now(value: str, seconds: float | None) -> None:
    assert seconds_until(value) == seconds


@pytest.mark.parametrize(("later", "seconds"), [(900.0, 900.0), (-900.0, 0.0)])
def test_a_date_is_read_as_seconds_from_now(later: float, seconds: float) -> None:
    # Dates of HTTP have whole seconds.
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=later), usegmt=True)
    assert seconds_until(date) == pytest.approx(seconds, abs=PATIENCE)


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (answering(response("429 Too Many Requests", b"", "Retry-After: 30")), 30.0),
        (answering(response("503 Service Unavailable", b"", "retry-after:  7 ")), 7.0),
        (answering(response("404 Not Found", b"", "Retry-After: 5")), 5.0),
        (answering(response("503 Service Unavailable", b"", "Retry-After: later")), None),
        (answering(response("503 Service Unavailable")), None),
        # Of an answer that is good, nobody has to wait.
        (answering(response("200 OK", b"", "Retry-After: 30")), None),
        # Of an answer before the one that counts.
        (answering(b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n" + response("500 Oops")), None),
    ],
)
def test_a_failed_answer_brings_its_retry_after_along(script: Script, seconds: float | None) -> None:
    with Server(script) as server:
        assert probe(server.url()).exchange.retry_after == seconds
