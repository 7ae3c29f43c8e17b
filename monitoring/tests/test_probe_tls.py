"""TLS as websites get it wrong, each cause named."""

import time
from ipaddress import ip_network

import pytest

from monitoring.probe import AddressGuard, ErrorKind, Exchange, ProbeRequest, check
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


# --- HTTP/2 ------------------------------------------------------------------------------

SETTINGS = http2_frame(4, 0, 0)
END_STREAM, END_HEADERS = 1, 4
# From HPACK's static table, RFC 7541, appendix A.
STATUS_204, STATUS_404 = b"\x89", b"\x8d"


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
