"""Malformed responses however the connection goes on: each check has one sound outcome, and nobody hears of the rest.

`malformed.CORPUS` is joined by what matters only here: answers that depend on when bytes come, on who asked, or on
what libcurl and the probe each make of the same line.
"""

import contextlib
import gzip
import io
import json
import logging
import re
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import hypothesis
import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from monitoring.probe import (
    MATCH_BYTES_CAP,
    PLAIN,
    Engine,
    ErrorKind,
    Exchange,
    ProbeRequest,
    RequestOptions,
    content,
)
from monitoring.probe.codings import UNKNOWN
from monitoring.probe.handle import SENT_CAP
from monitoring.tests.malformed import CORPUS, END, OK, chunked, encoded, redirected, with_head
from monitoring.tests.probing import LOOPBACK
from monitoring.tests.servers import Peer, Server, answering, response

# Seconds for a check: what a server that never ends costs, and more than a busy machine needs for any other.
HELD_TIMEOUT, TIMEOUT = 2.0, 15.0
PATIENCE = 30.0
# Seconds for a process with one check in it.
CHECK_PATIENCE = 6.0
FINE = b"/fine"
# Sent a byte at a time where that is not too many.
TORN_LENGTH = 400
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
PACKED = gzip.compress(b"hello " * 100)
RAW_DEFLATE = zlib.compress(b"hello " * 100)[2:-4]

STATUS_LINES = [
    status + END + b"hello"
    for status in (
        b"HTTP/1.1 200x OK",
        b"HTTP/1.1 200_",
        b"HTTP/1.1 200_0",
        b"HTTP/1.1 200\0 OK",
        b"HTTP/1.1 200\xa0OK",
        b"HTTP/1.1 200;q=1",
        b"HTTP/1.1 200.5 OK",
        b"HTTP/1.1 302x Found\r\nLocation: /fine",
        b"HTTP/1.1 100x Continue",
        b"HTTP/1.1 404NotFound",
        b"HTTP/1.1 200" + b"0" * 5000,
        b"HTTP/1.1 \t200 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 200\rOK",
        b"HTTP/1.1\x0b200 OK",
        b"HTTP/1.1/200 OK",
        b"HTTP/ 200 OK",
        b"HTTP/1. 200 OK",
        b"HTTP/-1.1 200 OK",
        b"HTTP/1.1.1 200 OK",
        b"HTTP/01.01 200 OK",
        b"HTTP/2 200x",
        b"HTTP/2.0 200 OK",
        b"HTTP/3x 200 OK",
        b"\xef\xbb\xbfHTTP/1.1 200 OK",
        b"\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1 199 Almost",
        b"HTTP/1.1 999 Last",
        b"SSH-2.0-OpenSSH_9.6",
    )
]
INTERIM = [
    (b"HTTP/1.1 100 Continue" + END) * 3000 + OK + END,
    (b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 4000 + END) * 200 + OK + END,
    b"HTTP/1.1 100 Continue\r\nContent-Length: 5" + END + b"hello" + OK + END,
    b"HTTP/1.1 103 Early Hints\r\nLocation: /fine" + END + OK + END,
    b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: br" + END + with_head(),
    b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked" + END + with_head(),
    b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b" + END + redirected(b"/fine"),
    b"HTTP/1.1 100 Continue" + END + b"hello",
    b"HTTP/1.1 100 Continue" + END + b"\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols" + END + OK + END,
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c" + END + b"\0\0\0\4\0\0\0\0\0",
    b"HTTP/1.1 199 Nothing" + END + b"HTTP/1.1 999 All" + END,
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5" + END + b"hello",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" + END + HELLO,
    b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked" + END + HELLO,
    b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\nContent-Length: 9" + END,
    b"HTTP/1.1 417 Expectation Failed" + END,
    b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.3" + END,
    with_head(b"Content-Length: 0") * 3,
]
HEADERS = [
    with_head(b"Content-Length: 5", b"Content-Length : 6"),
    with_head(b"Content-Length: 5\r\n 6"),
    with_head(b"Content-Length:\r\n 5"),
    with_head(b"Content-Length: 5\0"),
    with_head(b"Content-Length: 5;q=1"),
    with_head(b"Content\0-Length: 5"),
    with_head(b"content-length:5"),
    with_head(b"Content-Length: 1048577", body=bytes((1 << 20) + 1)),
    with_head(b"Content-Length: 1048576", body=bytes(1 << 20)),
    with_head(b"A" * 100_000),
    with_head(*[b"Set-Cookie: a%d=b" % number for number in range(500)]),
    with_head(b"Set-Cookie: a=b; Max-Age=" + b"9" * 100),
    with_head(b"Set-Cookie: a=b; Expires=Thu, 99 Foo 99999 99:99:99 GMT"),
    with_head(b"Set-Cookie: __Host-a=b; Domain=x", b"Set-Cookie: __Secure-a=b"),
    with_head(b"Set-Cookie: a=\x01\x1f\x7f", b"Set-Cookie: \xff=\xff"),
    with_head(b"Content-Type: text/html; charset=utf-7", body=b"+AAA-"),
    with_head(b"Content-Type: text/html; charset=idna", body=b"xn--"),
    with_head(b"Content-Type: text/html; charset=unicode_escape", body=b"\\ud800\\N{"),
    with_head(b"Content-Type: text/html; charset=undefined"),
    with_head(b"Content-Type: text/html; charset=utf-16", body=b"\0\xd8\0\xd8a"),
    with_head(b"Content-Type: text/html; charset=utf-32", body=b"\xff\xff\xff\xff"),
    with_head(b"Content-Type: a/b; charset=hex", b"Content-Type: a/b; charset=zip"),
    with_head(body=b'<meta charset="utf-16">\0\xff'),
    with_head(body=b"\xfe\xff\xd8\x00\xd8\x00"),
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    b"HTTP/1.1 200 OK\r\rhello",
    b"HTTP/1.1 200 OK\r\n\n",
    b"HTTP/1.1 200 OK\n\r\nhello",
]
CHUNKS = [
    *(
        with_head(b"Transfer-Encoding: " + coding, body=HELLO)
        for coding in (
            b"chunked, chunked",
            b"identity, chunked",
            b"chunked, identity",
            b"chunked;q=1",
            b"CHUNKED",
            b"\x0bchunked",
            b'"chunked"',
            b"chunkedd",
            b",chunked,",
            b"gzip, chunked",
            b"deflate",
            b", ".join([b"gzip"] * 20),
        )
    ),
    with_head(b"Transfer-Encoding : chunked", body=HELLO),
    with_head(b"Transfer-Encoding:", b" chunked", body=HELLO),
    with_head(b"Transfer-Encoding: chunked", b"Content-Length: -1", body=HELLO),
    with_head(b"Transfer-Encoding: chunked", b"Content-Length: 99999999999999999999", body=HELLO),
    *(
        chunked(body)
        for body in (
            b" 5\r\nhello\r\n0\r\n\r\n",
            b"5 \r\nhello\r\n0\r\n\r\n",
            b"+5\r\nhello\r\n0\r\n\r\n",
            b"5_\r\nhello\r\n0\r\n\r\n",
            b"5\rhello\r0\r\r",
            b"5\r\nhello\r\n00000000000000000\r\n\r\n",
            b"7FFFFFFFFFFFFFFF\r\nhello",
            b"8000000000000000\r\nhello",
            b"5\r\nhello\r\n0\r\n" + b"A" * 200_000 + b"\r\n\r\n",
            b"5\r\nhello\r\n0\r\nContent-Encoding: br\r\n\r\n",
            b"5\r\nhello\r\n0\r\nContent-Length: 7\r\nLocation: /x\r\n\r\n",
            b"5\r\nhello\r\n0\r\nHTTP/1.1 500 No\r\n\r\n",
            b"5\r\nhello\r\n0\r\nA: \0\r\n folded\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n" + OK + END,
            b"100001\r\n" + bytes((1 << 20) + 1),
        )
    ),
]
ENCODINGS = [
    *(
        encoded(encoding, body)
        for encoding, body in (
            (b"GZIP", PACKED),
            (b"deflate", RAW_DEFLATE),
            (b"deflate", RAW_DEFLATE[:9]),
            (b"deflate", RAW_DEFLATE + b"junk"),
            (b"deflate", b"\x78"),
            (b"gzip", b"hello"),
            (b"gzip", PACKED[:10] + b"\0" * 50),
            (b"gzip", PACKED[:3] + b"\x1f" + PACKED[4:]),
            (b"gzip,", PACKED),
            (b"gzip,,,gzip", PACKED),
            (b", ".join([b"gzip"] * 6), PACKED),
            (b"identity, gzip", PACKED),
            (b"gzip, deflate", zlib.compress(PACKED)),
            (b"deflate, gzip", zlib.compress(PACKED)),
            (b"gzip, br", PACKED),
            (b"none", b"hello"),
            (b"\xff", b"hello"),
            (b"gzip\r\nContent-Encoding: gzip", gzip.compress(PACKED)),
            (b"gzip\r\nContent-Range: bytes 0-1/2", PACKED),
        )
    ),
    chunked(b"%x\r\n" % len(PACKED) + PACKED + b"\r\n0\r\n\r\n", b"Content-Encoding: gzip"),
    chunked(b"5\r\n" + PACKED[:5] + b"\r\n0\r\n\r\n", b"Content-Encoding: gzip"),
    chunked(b"0\r\n\r\n", b"Content-Encoding: gzip"),
]
LOCATIONS = [
    *(
        redirected(location)
        for location in (
            b"/%0d%0aSet-Cookie:%20a=b",
            b"/\r\n folded",
            b"\r\n /folded",
            b"/a\rb",
            b"/a\0b",
            b"/a\x7fb",
            b"http:/127.0.0.1:1/",
            b"http:////127.0.0.1:1/",
            b"http:\\\\127.0.0.1:1\\",
            b"http://127.0.0.1:/",
            b"http://127.0.0.1:+1/",
            b"http://127.0.0.1:0x1/",
            b"http://127.0.0.1:1:1/",
            b"http://127.0.0.1:1@/",
            b"http://@127.0.0.1:1/",
            b"http://a@b@127.0.0.1:1/",
            b"http://us%0aer:pa%00ss@127.0.0.1:1/",
            b"http://a%00@127.0.0.1:1/",
            b"http://\xc3\xbc@127.0.0.1:1/",
            b"http://user:\xff@127.0.0.1:1/",
            b"http://[::1/",
            b"http://[::1]x/",
            b"http://[v1.a]/",
            b"http://%31%32%37.0.0.1:1/",
            b"http://127.0.0.1%00.localhost:1/",
            b"http://127.0.0.1#@x/",
            b"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1:1/",
            b"http://\xff.localhost:1/",
            b"http://" + b"a." * 200 + b"localhost:1/",
            b"https://127.0.0.1:1/",
            b"ws://127.0.0.1:1/",
            b"view-source:http://127.0.0.1:1/",
            b"javascript:alert(1)",
            b"\x01javascript:alert(1)",
            b"?" + b"\xff" * 30_000,
            b"../" * 20_000,
            b";",
            b"/fine\t ",
        )
    ),
    redirected(b"/fine", b"301 Moved\r\nContent-Encoding: br"),
    redirected(b"/fine", b"302 Found\r\nTransfer-Encoding: chunked"),
    redirected(b"/fine", b"303 See\r\nLocation:"),
    redirected(b"/fine", b"307 Again"),
    redirected(b"/fine", b"308 Always"),
    redirected(b"/fine", b"308 Always\r\nSet-Cookie: a=\x01b"),
    b"HTTP/1.1 302 Found\r\nLocation\0: /fine" + END,
    b"HTTP/1.1 302 Found\r\nLocation: /fine",
    b"HTTP/1.1 302 Found\r\nLocation: /fine\r\n",
]

ANSWERS = [*CORPUS, *STATUS_LINES, *INTERIM, *HEADERS, *CHUNKS, *ENCODINGS, *LOCATIONS]
# Locations that a careless pattern reads again from each of its places, while it lets no other thread go on. So they
# are read in processes of their own, which can be ended.
LONG_LOCATIONS = {
    "spaces": b"/a" + b" " * 90_000 + b"b",
    "user name": b"http://" + b"u" * 90_000 + b"@127.0.0.1:1/",
    "host": b"http://" + b"a" * 60_000 + b"~/",
    "labels": b"http://" + b"a." * 30_000 + b"~/",
    "digits": b"http://" + b"1" * 60_000 + b"~/",
    "at signs": b"http://" + b"a@" * 30_000 + b"/",
    "colons": b"http:" + b":" * 90_000,
    "dots": b"/" + b"../" * 30_000,
}
ONE_CHECK = """
import sys
from monitoring.probe import ProbeRequest, check
from monitoring.tests.probing import LOOPBACK
exchange = check(ProbeRequest(sys.argv[1], 2.0), guard=LOOPBACK, user_agent="webmonitor/test").exchange
print(exchange.http_status, exchange.error)
"""
POSTED = RequestOptions("POST", (("X-Key", "value"),), b"body", "Basic dXNlcjpwYXNz")
# How a connection goes on after the answer, and how it was asked for.
WAYS = [
    ("finish", PLAIN),
    ("reset", PLAIN),
    ("hold", PLAIN),
    ("torn", PLAIN),
    ("finish", RequestOptions("HEAD")),
    ("finish", POSTED),
    ("finish", RequestOptions(follow_redirects=False)),
]
# Answers after which the connection stays open, and what comes of them.
HELD = [
    (with_head(b"Content-Length: 5"), 200, None),
    (with_head(b"Content-Length: 6"), 200, ErrorKind.TIMEOUT),
    (chunked(HELLO), 200, None),
    (chunked(b"5\r\nhello\r\n"), 200, ErrorKind.TIMEOUT),
    (b"HTTP/1.1 204 No Content" + END, 204, None),
    (b"HTTP/1.1 304 Not Modified" + END, 304, None),
    (b"HTTP/1.1 100 Continue" + END, 0, ErrorKind.TIMEOUT),
    (b"", 0, ErrorKind.TIMEOUT),
    (redirected(b"/fine"), 200, None),
    (redirected(b"javascript:x"), 302, ErrorKind.BAD_REDIRECT),
    (encoded(b"gzip", PACKED), 200, None),
]
# Hosts that a mutated Location could name, and a resolver would be asked for.
NAMES_A_HOST = re.compile(rb"//|\\|https?:", re.IGNORECASE)
UNPRINTABLE = re.compile(r"[^ -~]")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Case(NamedTuple):
    answer: bytes
    ending: str = "finish"
    options: RequestOptions = PLAIN

    @property
    def timeout(self) -> float:
        return HELD_TIMEOUT if self.ending == "hold" else TIMEOUT


@dataclass
class Run:
    """What came of some cases that were asked for at once: the callbacks of each, and what was said aside."""

    exchanges: list[list[Exchange]]
    neighbours: list[Exchange]
    errors: list[str]
    # On the standard error stream, where libcurl's wrapper prints what callbacks raise.
    printed: str = ""


class Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class Replay:
    """One engine, and a server whose paths select an answer and how it ends."""

    def __init__(self, engine: Engine, server: Server) -> None:
        self.engine = engine
        self.server = server
        self.cases: dict[bytes, Case] = {}

    def run(self, cases: list[Case]) -> Run:
        first = len(self.cases)
        paths = [f"/{first + number}" for number in range(len(cases))]
        self.cases |= {path.encode(): case for path, case in zip(paths, cases, strict=True)}
        requests = [
            ProbeRequest(self.server.url(path), case.timeout, "(?s).+", options=case.options)
            for path, case in zip(paths, cases, strict=True)
        ]
        # A neighbour that behaves before, in the midst of and after them.
        fine = ProbeRequest(self.server.url(FINE.decode()), PATIENCE)
        middle = len(requests) // 2
        outcomes: list[list[Exchange]] = [[] for _ in range(len(requests) + 3)]
        ended = threading.Event()

        def on_exchange(index: int, exchange: Exchange) -> None:
            outcomes[index].append(exchange)
            if all(outcomes):
                ended.set()

        printed, errors = io.StringIO(), Errors()
        logging.getLogger().addHandler(errors)
        try:
            with contextlib.redirect_stderr(printed):
                self.engine.submit([fine, *requests[:middle], fine, *requests[middle:], fine], on_exchange)
                assert ended.wait(PATIENCE), "not every check came to an end"
        finally:
            logging.getLogger().removeHandler(errors)
        neighbours = [outcomes.pop(index)[0] for index in (len(outcomes) - 1, middle + 1, 0)]
        return Run(outcomes, neighbours, errors.messages, printed.getvalue())

    def play(self, peer: Peer) -> None:
        words = peer.request().split(b" ", 2)
        case = self.cases.get(words[1]) if len(words) > 1 else None
        if case is None:
            is_fine = words[1:2] == [FINE]
            case = Case(response(body=b"fine") if is_fine else response("404 Not Found"))
        if case.ending == "torn" and len(case.answer) <= TORN_LENGTH:
            for byte in case.answer:
                peer.send(bytes([byte]))
        else:
            peer.send(case.answer)
        match case.ending:
            case "reset":
                peer.reset()
            case "hold":
                # Until the probe has had enough.
                peer.first_bytes()
            case _:
                peer.finish()


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")

    def script(peer: Peer) -> None:
        made.play(peer)

    with Server(script) as server:
        made = Replay(engine, server)
        engine.start()
        yield made
        engine.stop(0)


@pytest.fixture(scope="module")
def whole(replay: Replay) -> Run:
    """Every answer in every way, all at once."""
    return replay.run([Case(answer, *way) for answer in ANSWERS for way in WAYS])


def assert_sound(exchange: Exchange) -> None:
    """What holds for every outcome, whatever the server sent and however it ended."""
    assert len(exchange.body) <= SENT_CAP
    exchange, matches = content.read(exchange)
    error, words = exchange.error, exchange.error_detail
    assert error is not ErrorKind.INTERNAL, words
    assert (exchange.http_status == 0) == (exchange.response_time is None)
    assert exchange.http_status == 0 or 200 <= exchange.http_status <= 999
    assert (error is None) == (words in ("", UNKNOWN))
    assert len(words) <= 200
    assert not UNPRINTABLE.search(words)
    assert "\n" not in words
    assert (matches is None) == (error is not None)
    if matches is not None:
        stored = content.as_json(matches)
        assert json.loads(stored) == matches
        assert not any(UNSTORABLE.search(str(match)) for match in matches)
        assert len(stored.encode()) <= MATCH_BYTES_CAP


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=lambda number: repr(ANSWERS[number][:50]))
def test_an_answer_has_one_sound_outcome_in_every_way(whole: Run, number: int) -> None:
    for outcomes in whole.exchanges[number * len(WAYS) : (number + 1) * len(WAYS)]:
        (exchange,) = outcomes
        assert_sound(exchange)


def test_websites_that_behave_are_answered_meanwhile(whole: Run) -> None:
    assert [(exchange.http_status, exchange.error) for exchange in whole.neighbours] == [(200, None)] * 3


def test_nothing_of_it_is_an_error_in_the_log_or_a_traceback(whole: Run) -> None:
    assert whole.errors == []
    assert whole.printed == ""


@pytest.mark.parametrize("answer", STATUS_LINES, ids=lambda answer: repr(answer[:30]))
def test_a_status_line_that_is_none_leaves_no_traceback(replay: Replay, answer: bytes) -> None:
    run = replay.run([Case(answer)])
    assert run.printed == ""


def test_a_server_that_does_not_close_is_waited_for_only_where_its_answer_is_not_complete(replay: Replay) -> None:
    run = replay.run([Case(answer, "hold") for answer, _, _ in HELD])
    for (answer, status, error), (exchange,) in zip(HELD, run.exchanges, strict=True):
        assert (exchange.http_status, exchange.error) == (status, error), answer


@pytest.mark.parametrize("location", ["http://user:pass@127.0.0.1:{}/{}", "//user:pass@127.0.0.1:{}/{}"])
def test_credentials_that_a_redirect_brings_show_nowhere_and_do_not_last(replay: Replay, location: str) -> None:
    server = replay.server
    # One hop with the credentials, the next without them.
    number = len(replay.cases)
    target = location.format(server.port, number + 1).encode()
    onward = f"http://127.0.0.1:{server.port}/fine".encode()
    server.requests.clear()
    first, _ = replay.run([Case(redirected(target)), Case(redirected(onward))]).exchanges
    assert (first[0].http_status, first[0].error) == (200, None)
    assert "pass" not in repr(first[0])
    replay.run([])
    for request in server.requests:
        is_second_hop = request.startswith(b"GET /%d " % (number + 1))
        assert is_second_hop or b"authorization" not in request.lower()


@pytest.mark.parametrize("location", LONG_LOCATIONS.values(), ids=LONG_LOCATIONS)
def test_a_long_location_does_not_hold_up_the_engine(location: bytes) -> None:
    with Server(answering(redirected(location))) as server:
        done = subprocess.run(
            [sys.executable, "-c", ONE_CHECK, server.url()],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=CHECK_PATIENCE,
            check=True,
        )
    status, error = done.stdout.split()
    assert (status, done.stderr) in {("0", ""), ("302", "")}
    assert error in set(ErrorKind) - {ErrorKind.INTERNAL}


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """An answer that was cut, doubled in part, has bits flipped, or runs into another one."""
    answer = bytearray(draw(st.sampled_from(ANSWERS))[:3000])
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(answer)))
        end = min(len(answer), begin + draw(st.integers(0, 30)))
        match draw(st.sampled_from(["cut", "double", "flip", "splice"])):
            case "cut":
                del answer[begin:end]
            case "double":
                answer[end:end] = answer[begin:end] * draw(st.integers(1, 5))
            case "flip" if begin < len(answer):
                answer[begin] ^= draw(st.integers(1, 255))
            case _:
                answer[begin:] = draw(st.sampled_from(ANSWERS))[:3000]
    return bytes(answer)


def assert_replays_soundly(replay: Replay, answer: bytes, ending: str) -> None:
    options = RequestOptions(follow_redirects=not NAMES_A_HOST.search(answer))
    run = replay.run([Case(answer, ending, options)])
    ((exchange,),) = run.exchanges
    assert_sound(exchange)
    assert {(neighbour.http_status, neighbour.error) for neighbour in run.neighbours} == {(200, None)}
    assert run.errors == []
    assert run.printed == ""


FUZZ = hypothesis.settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENDINGS = st.sampled_from(["finish", "torn", "reset"])


@FUZZ
@given(answer=mutations(), ending=ENDINGS)
def test_what_mutation_makes_of_answers_has_a_sound_outcome(replay: Replay, answer: bytes, ending: str) -> None:
    assert_replays_soundly(replay, answer, ending)


@FUZZ
@given(
    begin=st.sampled_from([b"", b"HTTP/1.1 ", OK, chunked(b""), encoded(b"gzip", b"")]),
    rest=st.binary(max_size=1000),
    ending=ENDINGS,
)
def test_random_bytes_have_a_sound_outcome(replay: Replay, begin: bytes, rest: bytes, ending: str) -> None:
    assert_replays_soundly(replay, begin + rest, ending)
