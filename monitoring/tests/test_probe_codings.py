"""Which Content-Encoding lines leave a body unread, as a table and on the wire."""

import gzip
import threading
import zlib

import pytest

from monitoring.probe import Engine, ErrorKind
from monitoring.probe.codings import BROKEN, BROKEN_OFF, STACKED, UNKNOWN, Coding, coding_of, unpacked
from monitoring.probe.handle import SENT_CAP
from monitoring.tests.hostile import NOTHING, SIZES, Case, holding_nothing
from monitoring.tests.probing import LOOPBACK, outcome, probe
from monitoring.tests.servers import Peer, Script, Server, answering, endless, response
from monitoring.tests.test_probe_engine import Results, asked
from monitoring.tests.test_probe_options import probe as probe_with

BR, ZSTD = (f"The body comes in an encoding that was not asked for ({name})." for name in ("br", "zstd"))


GZIP, DEFLATE = Coding("gzip"), Coding("deflate")
NONE, IN_EACH_OTHER, ODD = Coding(), Coding(refusal=STACKED), Coding(note=UNKNOWN)


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], NONE),
        ([b""], NONE),
        ([b"gzip"], GZIP),
        ([b"X-GZip"], GZIP),
        ([b"deflate, "], DEFLATE),
        ([b",,gzip,\t,"], GZIP),
        ([b"identity"], NONE),
        ([b"identity, gzip, none"], GZIP),
        ([b"identity", b"gzip"], GZIP),
        # As browsers do, what nobody knows is left as it is, with all that is around it.
        ([b"UTF-8"], ODD),
        ([b"binary"], ODD),
        ([b"aws-chunked"], ODD),
        ([b"gzip;q=1"], ODD),
        ([b"gzip, x-own"], ODD),
        ([b"gzip, gzip"], IN_EACH_OTHER),
        ([b"gzip,deflate"], IN_EACH_OTHER),
        ([b"gzip", b"gzip"], IN_EACH_OTHER),
        ([b"gzip,", b" ,x-gzip"], IN_EACH_OTHER),
        ([b"identity, gzip, identity, deflate"], IN_EACH_OTHER),
        ([b"br"], Coding(refusal=BR)),
        ([b"gzip, BR"], Coding(refusal=BR)),
        ([b"gzip", b"\x01br\x01"], Coding(refusal=BR)),
        ([b"zstd"], Coding(refusal=ZSTD)),
    ],
)
def test_one_coding_that_was_asked_for_is_undone_and_nothing_else(values: list[bytes], coding: Coding) -> None:
    assert coding_of(b"Content-Encoding: " + value + b"\r\n" for value in values) == coding
    assert coding_of(b"content-encoding:" + value + b"\n" for value in values) == coding


TEXT = b"<h1>price 12</h1>" * 5_000
ONE, TWO = gzip.compress(TEXT[:40_000]), gzip.compress(TEXT[40_000:])
BARE = zlib.compressobj(wbits=-15)


PACKED_BODIES: list[tuple[str, bytes, ErrorKind | None, str]] = [
    ("gzip", gzip.compress(TEXT), None, ""),
    # RFC 1952, section 2.2: a file is made of members. What follows the last one is of no meaning.
    ("gzip", ONE + TWO, None, ""),
    ("gzip", gzip.compress(TEXT) + b"\0" * 64, None, ""),
    ("gzip", gzip.compress(TEXT) + b"\r\n", None, ""),
    ("gzip", gzip.compress(TEXT) + b"\x1f", None, ""),
    ("deflate", zlib.compress(TEXT), None, ""),
    ("deflate", BARE.compress(TEXT) + BARE.flush(), None, ""),
    ("UTF-8", TEXT, None, UNKNOWN),
    ("gzip", gzip.compress(TEXT)[:-9], ErrorKind.TRUNCATED, BROKEN_OFF),
    ("gzip", gzip.compress(TEXT)[:5], ErrorKind.TRUNCATED, BROKEN_OFF),
    ("gzip", b"\x1f", ErrorKind.TRUNCATED, BROKEN_OFF),
    ("gzip", ONE + TWO[:-1], ErrorKind.TRUNCATED, BROKEN_OFF),
    ("gzip", TEXT, ErrorKind.INVALID_RESPONSE, BROKEN),
    ("deflate", gzip.compress(TEXT), ErrorKind.INVALID_RESPONSE, BROKEN),
    ("gzip", gzip.compress(TEXT)[:-8] + b"\0" * 8, ErrorKind.INVALID_RESPONSE, BROKEN),
    # Each costs as much as a body of its own.
    ("gzip", gzip.compress(b"") * 2_000, ErrorKind.INVALID_RESPONSE, BROKEN),
]


@pytest.mark.parametrize(("coding", "body", "error", "words"), PACKED_BODIES, ids=map(str, range(len(PACKED_BODIES))))
def test_a_packed_body_says_the_same_whether_it_is_searched_or_not(
    coding: str, body: bytes, error: ErrorKind | None, words: str
) -> None:
    answer = response("200 OK", body, f"Content-Encoding: {coding}")
    for pattern in (None, "price ([0-9]+)"):
        with Server(answering(answer)) as server:
            result = probe(server.url(), pattern=pattern)
        assert (result.exchange.http_status, result.exchange.error) == (200, error)
        assert result.exchange.error_detail == words
        if pattern and error is None:
            assert result.matches == ["12"] * 100


def test_a_packed_body_that_is_empty_is_complete() -> None:
    assert outcome(answering(response("200 OK", b"", "Content-Encoding: gzip")), pattern="x") == (200, "")
    assert outcome(answering(response("200 OK", b"", "Content-Encoding: gzip"))) == (200, "")


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
    assert (exchange.error, unpacked(exchange.coding, exchange.body)) == (None, noise)


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
