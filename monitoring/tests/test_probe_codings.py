"""Which Content-Encoding lines leave a body unread, as a table and on the wire."""

import gzip
import threading

import pytest

from monitoring.probe import Engine, ErrorKind
from monitoring.probe.codings import STACKED, refusal
from monitoring.probe.handle import SENT_CAP
from monitoring.tests.hostile import NOTHING, SIZES, Case, holding_nothing
from monitoring.tests.probing import LOOPBACK, outcome, probe
from monitoring.tests.servers import Peer, Script, Server, answering, endless, response
from monitoring.tests.test_probe_engine import Results, asked
from monitoring.tests.test_probe_options import probe as probe_with

BR, ZSTD = (f"The body comes in an encoding that was not asked for ({name})." for name in ("br", "zstd"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], ""),
        ([b""], ""),
        ([b"gzip"], ""),
        ([b"X-GZip"], ""),
        ([b"deflate, "], ""),
        ([b",,gzip,\t,"], ""),
        ([b"identity"], ""),
        ([b"identity, gzip, none"], ""),
        ([b"identity", b"gzip"], ""),
        # What libcurl does not know it does not undo either.
        ([b"x-own"], ""),
        ([b"vibrant"], ""),
        ([b"gzip;q=1"], ""),
        ([b"gzip, gzip"], STACKED),
        ([b"gzip,deflate"], STACKED),
        ([b"gzip", b"gzip"], STACKED),
        ([b"gzip,", b" ,x-gzip"], STACKED),
        ([b"identity, gzip, identity, deflate"], STACKED),
        ([b"gzip, x-own"], STACKED),
        ([b"br"], BR),
        ([b"gzip, BR"], BR),
        ([b"gzip", b"\x01br\x01"], BR),
        ([b"zstd"], ZSTD),
    ],
)
def test_one_coding_that_was_asked_for_is_undone_and_nothing_else(values: list[bytes], sentence: str) -> None:
    assert refusal(b"Content-Encoding: " + value + b"\r\n" for value in values) == sentence
    assert refusal(b"content-encoding:" + value + b"\n" for value in values) == sentence


HOLDING_NOTHING = [case for case in SIZES if "holds nothing" in case.name or "lines of their own" in case.name]


@pytest.mark.parametrize("case", HOLDING_NOTHING, ids=lambda case: case.title)
def test_w4_a_body_that_holds_nothing_delays_no_neighbour(case: Case) -> None:
    bombs, neighbours = Results(), Results()
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")
    is_sent = threading.Event()

    def script(peer: Peer) -> None:
        threading.Timer(0.2, is_sent.set).start()
        case.script(peer)

    engine.start()
    try:
        with Server(script) as bomb, Server(answering(response())) as server:
            engine.submit([asked(bomb.url(), pattern="x")] * 2, bombs)
            assert is_sent.wait(10.0)
            engine.submit([asked(server.url(), timeout=1.0)] * 20, neighbours)
            neighbours.wait_for(20)
            bombs.wait_for(2)
    finally:
        engine.stop(0)
    assert neighbours.kinds() == {"200": 20}
    assert bombs.kinds() == {case.error: 2}
    assert {exchange.http_status for _, exchange in bombs.received} == {200}
    assert all(case.words in exchange.error_detail for _, exchange in bombs.received)


def test_a_name_that_never_ends_in_front_of_a_packed_body_is_too_large() -> None:
    # RFC 1952, section 2.3: a file's name of any length comes before the first block.
    begin = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bytes.fromhex("1f8b0808000000000003")
    assert outcome(endless(begin, b"x" * 65_536), pattern="x") == (200, "body_too_large")


@pytest.mark.parametrize("lines", [("gzip, gzip",), ("gzip", "gzip"), ("gzip",) * 5])
def test_the_body_of_a_redirect_is_not_read_in_whatever_coding(lines: tuple[str, ...]) -> None:
    packed = "\r\n".join(f"Content-Encoding: {line}" for line in lines)

    def script(peer: Peer) -> None:
        if b" /there " in peer.request():
            peer.send(response(body=b"text"))
        else:
            peer.send(f"HTTP/1.1 302 Found\r\nLocation: /there\r\n{packed}\r\n\r\n".encode() + b"".join(NOTHING))
        peer.finish()

    with Server(script) as server:
        result = probe(server.url(), pattern="t.x")
    assert (result.exchange.http_status, result.exchange.error, result.matches) == (200, None, ["tex"])


def test_a_redirect_that_is_not_followed_is_judged_like_any_answer() -> None:
    answer = response("302 Found", b"text", "Location: /there", "Content-Encoding: gzip, gzip")
    with Server(answering(answer)) as server:
        exchange = probe_with(server.url(), follow_redirects=False)
    assert (exchange.http_status, exchange.error_detail) == (302, STACKED)


def test_a_transfer_coding_within_the_chunks_is_not_undone() -> None:
    packed = gzip.compress(b"text")
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    for codings in (b"gzip, chunked", b"gzip", b"gzip, gzip, chunked", b"deflate, chunked", b"br, chunked"):
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + codings + b"\r\n\r\n" + chunks
        with Server(answering(answer)) as server:
            exchange = probe(server.url(), pattern="(?s).+").exchange
        assert exchange.error is ErrorKind.INVALID_RESPONSE, codings
        assert exchange.body == b""


def test_what_is_packed_badly_is_read_as_far_as_its_own_cap() -> None:
    assert SENT_CAP >= 2 << 20
    # A mebibyte that does not get smaller.
    noise = bytes(range(256)) * 4096
    stored = gzip.compress(noise, 0)
    assert len(stored) > len(noise)
    with Server(answering(response("200 OK", stored, "Content-Encoding: gzip"))) as server:
        exchange = probe(server.url(), pattern="x").exchange
    assert (exchange.error, exchange.body) == (None, noise)


# --- Where no body follows ---------------------------------------------------------------

REFUSED = ["br", "gzip, gzip", "zstd", "gzip\r\nContent-Encoding: gzip"]


@pytest.mark.parametrize("coding", REFUSED)
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_an_answer_without_a_body_may_name_any_coding(method: str, status: str, coding: str) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\nContent-Length: 10000000000\r\n\r\n".encode()
    with Server(holding(head + b"".join(NOTHING))) as server:
        exchange = probe_with(server.url(), method=method)
    assert (exchange.http_status, exchange.error, exchange.body) == (int(status[:3]), None, b"")


def holding(answer: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)
        peer.hold()

    return script


@pytest.mark.parametrize("coding", [*REFUSED, "gzip"])
def test_what_an_interim_answer_names_is_not_of_the_answer_itself(coding: str) -> None:
    early = f"HTTP/1.1 103 Early Hints\r\nContent-Encoding: {coding}\r\n\r\n".encode()
    with Server(answering(early + response(body=b"text"))) as server:
        result = probe(server.url(), pattern="t.x")
    assert (result.exchange.http_status, result.exchange.error, result.matches) == (200, None, ["tex"])
    packed = response("200 OK", gzip.compress(b"text"), "Content-Encoding: gzip")
    with Server(answering(early + packed)) as server:
        assert probe(server.url(), pattern="t.x").matches == ["tex"]
    stacked = response("200 OK", b"", "Content-Encoding: gzip, gzip")
    with Server(answering(early + stacked)) as server:
        assert probe(server.url()).exchange.error_detail == STACKED


def test_a_coding_that_comes_after_the_body_changes_nothing() -> None:
    trailers = b"5\r\nhello\r\n0\r\nContent-Encoding: gzip, gzip\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Encoding\r\n\r\n" + trailers
    with Server(answering(answer)) as server:
        assert probe(server.url(), pattern="h.*").matches == ["hello"]


@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t"])
def test_a_line_that_is_folded_is_one_line(fold: str) -> None:
    with Server(holding_nothing(f"gzip,{fold}gzip,{fold}gzip")) as server:
        exchange = probe(server.url(), pattern="x", timeout=5.0).exchange
    assert exchange.error is ErrorKind.INVALID_RESPONSE
