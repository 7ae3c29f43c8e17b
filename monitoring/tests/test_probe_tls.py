"""TLS as websites get it wrong, each cause named."""

import time
from ipaddress import ip_network

import pytest

from monitoring.probe import AddressGuard, ErrorKind, Exchange, ProbeRequest, RequestOptions, check
from monitoring.tests.hostile import NOTHING_PACKED_TWICE
from monitoring.tests.servers import (
    Authority,
    Peer,
    Server,
    answering,
    http2_frame,
    redirect,
    response,
    routing,
)
from monitoring.tests.test_probe_words import assert_plain

LOOPBACK = AddressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])
ANSWER = answering(response(body=b"secret"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def probe(url: str, authority: Authority, *, wants_certificate: bool = False) -> Exchange:
    request = ProbeRequest(url, timeout=20.0, wants_certificate=wants_certificate)
    return check(request, guard=LOOPBACK, user_agent="webmonitor/test", ca_file=authority.ca_file).exchange


def test_a_valid_certificate_with_its_phases(authority: Authority) -> None:
    with Server(ANSWER, tls=authority.context("127.0.0.1")) as server:
        exchange = probe(server.url(), authority)
    assert (exchange.http_status, exchange.error) == (200, None)
    assert exchange.phases.tls is not None
    assert exchange.phases.tls > 0
    assert exchange.certificate is None


def test_the_certificate_comes_along_on_request(authority: Authority) -> None:
    with Server(ANSWER, tls=authority.context("127.0.0.1", "host.example")) as server:
        seen = probe(server.url(), authority, wants_certificate=True).certificate
    assert seen is not None
    assert (seen.host, seen.names) == ("127.0.0.1", ("127.0.0.1", "host.example"))
    assert "trustme" in seen.issuer
    assert seen.not_before < time.time() < seen.not_after < time.time() + 86_400 + 60


def test_the_public_authorities_are_the_default(authority: Authority) -> None:
    with Server(ANSWER, tls=authority.context("127.0.0.1")) as server:
        request = ProbeRequest(server.url(), timeout=20.0)
        exchange = check(request, guard=LOOPBACK, user_agent="webmonitor/test").exchange
    assert exchange.error is ErrorKind.TLS


def test_a_handshake_that_is_broken_off(authority: Authority) -> None:
    with Server(Peer.finish) as server:
        exchange = probe(server.url().replace("http:", "https:"), authority)
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.TLS)


def test_a_handshake_that_never_ends(authority: Authority) -> None:
    with Server(Peer.hold) as server:
        request = ProbeRequest(server.url().replace("http:", "https:"), timeout=0.4)
        exchange = check(request, guard=LOOPBACK, user_agent="webmonitor/test").exchange
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.TIMEOUT)


def test_a_redirect_from_plain_to_tls_and_back(authority: Authority) -> None:
    with Server(routing({"/end": response("204 No Content")})) as plain:
        back = routing({"/back": redirect(plain.url("/end"))})
        with Server(back, tls=authority.context("127.0.0.1")) as secured:
            start = routing({"/start": redirect(secured.url("/back"))})
            with Server(start) as first:
                exchange = probe(first.url("/start"), authority)
    assert (exchange.http_status, exchange.error) == (204, None)


# --- Alerts ------------------------------------------------------------------------------

# RFC 8446, section 6, and those of RFC 5246 that it has dropped.
ALERTS = [
    *(0, 10, 20, 21, 22, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 60, 70, 71, 80, 86, 90, 100, 109, 110),
    *(111, 112, 113, 114, 115, 116, 120, 255),
]
SAID = {
    40: "no TLS settings in common",
    48: "alert: unknown ca",
    49: "denies the access",
    70: "outdated versions",
    71: "no TLS settings in common",
    80: "reports an internal error",
    112: "no certificate for this host name",
    116: "asks for a client certificate",
    120: "no HTTP over TLS",
}


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("level", [1, 2])
def test_an_alert_is_told_in_plain_words(level: int, alert: int) -> None:
    def script(peer: Peer) -> None:
        peer.first_bytes()
        peer.send(b"\x15\x03\x03\x00\x02" + bytes([level, alert]))
        peer.finish()

    with Server(script) as server:
        request = ProbeRequest(server.url().replace("http:", "https:"), timeout=20.0)
        exchange = check(request, guard=LOOPBACK, user_agent="webmonitor/test").exchange
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.TLS)
    assert_plain(exchange.error_detail)
    if level == 2:
        assert SAID.get(alert, "") in exchange.error_detail


# --- HTTP/2 ------------------------------------------------------------------------------

SETTINGS = http2_frame(4, 0, 0)
END_STREAM, END_HEADERS = 1, 4
# From HPACK's static table, RFC 7541, appendix A.
STATUS_200, STATUS_204, STATUS_404 = b"\x88", b"\x89", b"\x8d"


def test_http2_is_spoken_where_the_server_wants_it(authority: Authority) -> None:
    spoken: list[str | None] = []

    def script(peer: Peer) -> None:
        spoken.append(peer.protocol())
        peer.first_bytes()
        peer.send(SETTINGS + http2_frame(1, END_STREAM | END_HEADERS, 1, STATUS_404))
        peer.hold()

    context = authority.context("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    with Server(script, tls=context) as server:
        exchange = probe(server.url(), authority)
    assert (exchange.http_status, exchange.error) == (404, None)
    assert spoken == ["h2"]


def test_the_endless_body_of_an_http2_redirect_is_not_awaited(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.first_bytes()
        if peer.server.accepted > 1:
            peer.send(SETTINGS + http2_frame(1, END_STREAM | END_HEADERS, 1, STATUS_204))
            peer.hold()
            return
        # Literal fields with the names :status (8) and location (46) of the static table.
        fields = b"\x08\x03302" + b"\x0f\x1f\x06/there"
        peer.send(SETTINGS + http2_frame(1, END_HEADERS, 1, fields))
        while not peer.server.closing.wait(0.01):
            peer.send(http2_frame(0, 0, 1, b"x"))

    context = authority.context("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    with Server(script, tls=context) as server:
        exchange = probe(server.url(), authority)
    assert (exchange.http_status, exchange.error) == (204, None)


@pytest.mark.parametrize("values", [[b"gzip, gzip, gzip"], [b"gzip", b"gzip", b"gzip"], [b"br"]])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_w4_over_http2_too_a_body_is_not_read_in_several_codings(
    authority: Authority, method: str, values: list[bytes]
) -> None:
    def script(peer: Peer) -> None:
        peer.first_bytes()
        # Literal fields with the name content-encoding (26) of the static table.
        fields = STATUS_200 + b"".join(b"\x5a" + bytes([len(value)]) + value for value in values)
        body = b"" if method == "HEAD" else b"".join(NOTHING_PACKED_TWICE)
        peer.send(SETTINGS + http2_frame(1, END_HEADERS | (0 if body else END_STREAM), 1, fields))
        for begin in range(0, len(body), 10_000):
            peer.send(http2_frame(0, 0, 1, body[begin : begin + 10_000]))
        peer.hold()

    context = authority.context("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    with Server(script, tls=context) as server:
        request = ProbeRequest(server.url(), 5.0, "x" if method == "GET" else None, options=RequestOptions(method))
        exchange = check(request, guard=LOOPBACK, user_agent="webmonitor/test", ca_file=authority.ca_file).exchange
    assert (exchange.http_status, exchange.error) == (200, ErrorKind.INVALID_RESPONSE if method == "GET" else None)


def test_broken_http2_is_an_invalid_response(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.first_bytes()
        peer.send(SETTINGS + http2_frame(1, END_STREAM | END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"))
        peer.finish()

    context = authority.context("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    with Server(script, tls=context) as server:
        exchange = probe(server.url(), authority)
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.INVALID_RESPONSE)


@pytest.mark.parametrize(
    ("options", "is_asked_for"),
    [
        (RequestOptions(), False),
        (RequestOptions(method="POST", follow_redirects=False), False),
        (RequestOptions(authorization="Bearer s3cr3t"), True),
        (RequestOptions(headers=(("X-Key", "s3cr3t"),)), True),
        (RequestOptions(method="POST", body=b"s3cr3t"), True),
    ],
)
def test_the_costly_agreement_on_keys_is_asked_for_where_a_secret_may_be_sent(
    options: RequestOptions, is_asked_for: bool
) -> None:
    hellos: list[bytes] = []

    def script(peer: Peer) -> None:
        hellos.append(peer.first_bytes())
        peer.finish()

    with Server(script) as server:
        request = ProbeRequest(server.url().replace("http:", "https:"), timeout=20.0, options=options)
        check(request, guard=LOOPBACK, user_agent="webmonitor/test")
    groups = supported_groups(hellos[0])
    assert X25519 in groups
    assert (X25519_MLKEM768 in groups) is is_asked_for


# https://www.iana.org/assignments/tls-parameters/, "TLS Supported Groups".
X25519, X25519_MLKEM768 = 0x001D, 0x11EC


def supported_groups(hello: bytes) -> list[int]:
    """Of a record with a ClientHello (RFC 8446, sections 4.1.2 and 4.2.7)."""
    # Record, handshake, version and random; then session, cipher suites and compression, each with its size before it.
    rest = hello[5 + 4 + 2 + 32 :]
    for size in (1, 2, 1):
        rest = rest[size + int.from_bytes(rest[:size]) :]
    rest = rest[2:]
    while rest:
        kind, size = int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])
        if kind == 10:
            return [int.from_bytes(rest[place : place + 2]) for place in range(6, 4 + size, 2)]
        rest = rest[4 + size :]
    return []
