"""What the monitor sends, whatever people type: exactly what was meant, and nothing besides (S4)."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pycurl
import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from monitoring.probe import Engine, Exchange, ProbeRequest, RequestOptions
from monitoring.probe.names import name_in
from monitoring.probe.redirects import joined, redirected
from monitoring.tests.probing import LOOPBACK
from monitoring.tests.servers import Peer, Server, response
from websites.request_options import METHODS_WITH_BODY, OWN_HEADERS, Method, read_headers
from websites.validators import normalise_url

PATIENCE = 30.0
FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALWAYS = {b"host", b"user-agent", b"accept", b"accept-encoding", b"content-length", b"content-type"}
TYPED = st.text(st.characters(), max_size=60) | st.text(
    st.sampled_from(" \t\r\n\0\\/@:?#&=%[]<>\"'\x7f\u202e.aZ9"), max_size=30
)


# Bytes as a server writes them into a Location.
WRITTEN = (
    st.binary(max_size=60)
    | TYPED.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text(st.sampled_from("%0aA:@;?&#Dd\xfc"), max_size=20).map(str.encode)
)
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass
class Wire:
    """One engine and a server that keeps the raw request of each connection, its body included."""

    engine: Engine
    server: Server
    received: list[bytes] = field(default_factory=list)

    def send(self, url: str, options: RequestOptions) -> bytes:
        """What a check with these options put on the wire."""
        self.received.clear()
        ended = threading.Event()
        outcome: list[Exchange] = []

        def on_exchange(_index: int, exchange: Exchange) -> None:
            outcome.append(exchange)
            ended.set()

        self.engine.submit([ProbeRequest(url, 10.0, options=options)], on_exchange)
        assert ended.wait(PATIENCE)
        assert (outcome[0].http_status, outcome[0].error) == (204, None), outcome[0].error_detail
        (request,) = self.received
        return request


def lengths(head: bytes) -> list[int]:
    return [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")

    def script(peer: Peer) -> None:
        head, _, body = peer.request().partition(b"\r\n\r\n")
        while len(body) < sum(lengths(head)):
            body += peer.connection.recv(65_536)
        made.received.append(head + b"\r\n\r\n" + body)
        peer.send(response("204 No Content"))
        peer.finish()

    with Server(script) as server:
        made = Wire(engine, server)
        engine.start()
        yield made
        engine.stop(0)


@FUZZ
@given(path=TYPED, query=TYPED)
def test_s4_a_url_that_is_taken_is_one_request_line_and_nothing_else(wire: Wire, path: str, query: str) -> None:
    try:
        url = normalise_url(f"http://127.0.0.1:{wire.server.port}/{path}?{query}")
    except ValidationError:
        assume(False)
    parts = urlsplit(url)
    head = wire.send(url, RequestOptions()).partition(b"\r\n\r\n")[0]
    first, *lines = head.split(b"\r\n")
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    assert first == f"GET {target} HTTP/1.1".encode("ascii")
    assert [line.partition(b":")[0].lower() for line in lines] == [
        b"host",
        b"user-agent",
        b"accept",
        b"accept-encoding",
    ]
    assert lines[0] == f"Host: 127.0.0.1:{wire.server.port}".encode()


NAMES = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True)
VALUES = st.from_regex(r"[\x21-\x7e]([\x20-\x7e]{0,30}[\x21-\x7e])?", fullmatch=True)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@FUZZ
@given(headers=HEADERS, body=st.text(max_size=200), method=st.sampled_from(Method.values))
def test_s4_headers_and_body_arrive_as_they_were_written(
    wire: Wire, headers: list[tuple[str, str]], body: str, method: str
) -> None:
    names = [name.lower() for name, _ in headers]
    # libcurl itself sees to these, or asks for another answer because of them.
    assume(not {*OWN_HEADERS, "authorization", "host", "range", "cookie"} & set(names))
    assume(len(set(names)) == len(names))
    read = read_headers("\n".join(f"{name}: {value}" for name, value in headers))
    assert read == tuple(headers)
    sent = body.encode("utf-8", "surrogatepass") if method in ("POST", "PUT", "PATCH") else None
    request = wire.send(wire.server.url("/x"), RequestOptions(method, read, sent))
    head, _, arrived = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == f"{method} /x HTTP/1.1".encode()
    assert arrived == (sent or b"")
    for name, value in headers:
        assert lines.count(f"{name}: {value}".encode()) == 1
    meant = ALWAYS | {name.encode() for name in names}
    assert {line.partition(b":")[0].lower() for line in lines} <= meant


@FUZZ
@given(text=TYPED)
def test_headers_are_read_or_refused_and_never_become_more(text: str) -> None:
    try:
        headers = read_headers(text)
    except ValidationError:
        return
    for name, value in headers:
        assert f"{name}{value}".isascii()
        assert not {"\r", "\n", "\0"} & set(name + value)
        assert name.lower() not in OWN_HEADERS


@FUZZ
@given(location=st.binary(max_size=100) | TYPED.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_location_is_a_web_address_or_none(location: bytes) -> None:
    url = "http://127.0.0.1/deep/path?query"
    target = joined(url, location)
    if target is None:
        return
    assert target.isascii()
    assert target.startswith(("http://", "https://"))
    options = RequestOptions("POST", (("X-Key", "secret"),), b"body", "Basic secret")
    if redirected(options, 302, url, target).authorization is not None:
        assert urlsplit(target).hostname == "127.0.0.1"


@FUZZ
@given(host=st.from_regex(r"[a-z0-9_.-]{1,30}", fullmatch=True), port=st.none() | st.integers(1, 65_535), path=TYPED)
def test_a_name_is_read_as_libcurl_reads_it(host: str, port: int | None, path: str) -> None:
    try:
        url = normalise_url(f"https://{host}{'' if port is None else f':{port}'}/{path}")
    except ValidationError:
        assume(False)
    found = name_in(url)
    if found is not None:
        parsed = pycurl.CurlUrl(url)
        assert found == (parsed.host, int(parsed.port or 443))


@FUZZ
@given(text=st.text(max_size=80) | TYPED | TYPED.map("http://{}".format) | TYPED.map("https://a.b{}".format))
def test_a_url_is_refused_or_has_one_spelling_whose_host_libcurl_reads_alike(text: str) -> None:
    try:
        url = normalise_url(text)
    except ValidationError:
        return
    assert url.isascii()
    assert normalise_url(url) == url
    parsed = pycurl.CurlUrl(url)
    assert name_in(url) in {None, (parsed.host, int(parsed.port or DEFAULT_PORTS[parsed.scheme]))}


@pytest.mark.parametrize("host", ["0x0", "0x7f.1", "0x7f000001", "0x7f.0x1.", "1.0x2", "127.1", "1.2.3.4."])
def test_an_address_in_another_spelling_is_no_name(host: str) -> None:
    assert name_in(normalise_url(f"http://{host}/")) is None


@FUZZ
@given(rest=TYPED)
def test_s4_whatever_comes_after_the_port_is_refused_or_sent_as_it_is_written(wire: Wire, rest: str) -> None:
    authority = f"127.0.0.1:{wire.server.port}"
    try:
        url = normalise_url(f"http://{authority}{rest}")
    except ValidationError:
        return
    if urlsplit(url).netloc != authority:
        return
    first, host, *_ = wire.send(url, RequestOptions()).split(b"\r\n")
    assert first == f"GET {url.partition(authority)[2]} HTTP/1.1".encode("ascii")
    assert host == f"Host: {authority}".encode()


OF_LIBCURL = (
    "Accept",
    "Accept-Encoding",
    "Content-Type",
    "Cookie",
    "Date",
    "Host",
    "Range",
    "User-Agent",
    "X-A",
    "x-a",
)


@FUZZ
@given(
    headers=st.lists(st.tuples(st.sampled_from(OF_LIBCURL) | NAMES, VALUES), max_size=6),
    body=st.text(max_size=100) | st.sampled_from(["x" * 10_000, "\U0001f600" * 10_000]),
    method=st.sampled_from(Method.values),
)
def test_s4_headers_that_libcurl_has_itself_are_replaced_and_none_is_lost(
    wire: Wire, headers: list[tuple[str, str]], body: str, method: str
) -> None:
    try:
        read = read_headers("\n".join(f"{name}: {value}" for name, value in headers))
    except ValidationError:
        return
    sent = body.encode("utf-8", "surrogatepass") if method in METHODS_WITH_BODY else None
    head, _, arrived = wire.send(wire.server.url("/x"), RequestOptions(method, read, sent)).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")[1:]
    own = {name.lower().encode() for name, _ in headers}
    assert sorted(line for line in lines if line.partition(b":")[0].lower() in own) == sorted(
        f"{name}: {value}".encode() for name, value in headers
    )
    others = [name for line in lines if (name := line.partition(b":")[0].lower()) not in own]
    assert len(others) == len(set(others) & ALWAYS)
    assert arrived == (sent or b"")


@FUZZ
@given(
    location=WRITTEN,
    before=st.sampled_from([b"", b"//", b"http://", b"https://u:p@127.0.0.1"]),
    status=st.integers(0, 999),
    method=st.sampled_from(Method.values),
    url=st.sampled_from(["http://127.0.0.1/", "https://a.b:99/x?y", "http://[::1]:8/", "http://u:p@h/"]),
)
def test_any_redirect_is_read_without_a_fault(
    location: bytes, before: bytes, status: int, method: str, url: str
) -> None:
    target = joined(url, before + location)
    if target is None:
        return
    assert target.isascii()
    options = RequestOptions(method, (("X-Key", "secret"),), b"body", "Basic secret")
    redirected(options, status, url, target)
    redirected(options, status, target, url)
    parsed = pycurl.CurlUrl(target)
    assert name_in(target) in {None, (parsed.host, int(parsed.port or DEFAULT_PORTS[parsed.scheme]))}


@FUZZ
@given(
    form=st.sampled_from(
        [b"http://%b@127.0.0.1:%d/", b"//u:%b@127.0.0.1:%d/", b"//127.0.0.1:%d/%b", b"//127.0.0.1:%d%b"]
    ),
    written=WRITTEN,
)
def test_s4_a_redirect_is_bad_or_one_request_and_nothing_else(wire: Wire, form: bytes, written: bytes) -> None:
    port = wire.server.port
    parts = (written, port) if form.index(b"%b") < form.index(b"%d") else (port, written)
    target = joined("http://127.0.0.1/", form % parts)
    if target is None:
        return
    parsed = pycurl.CurlUrl(target)
    if (parsed.scheme, parsed.host, parsed.port) != ("http", "127.0.0.1", str(port)):
        return
    first, *lines = wire.send(target, RequestOptions()).partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert first.startswith(b"GET /")
    assert first.count(b" ") == 2
    names = [line.partition(b":")[0].lower() for line in lines]
    assert [name for name in names if name != b"authorization"] == [
        b"host",
        b"user-agent",
        b"accept",
        b"accept-encoding",
    ]
