"""What a website's own request options put on the wire, and what they do to the outcome."""

import base64
from pathlib import Path
from typing import Any

import pytest

from monitoring.probe import ErrorKind, Exchange, ProbeRequest, RequestOptions, check
from monitoring.probe.redirects import redirected
from monitoring.tests.probing import LOOPBACK
from monitoring.tests.servers import (
    Authority,
    Peer,
    Script,
    Server,
    answering,
    redirect,
    response,
    routing,
    self_signed_context,
)

SECRET = f"Basic {base64.b64encode(b'me:secret').decode()}"


def probe(url: str, ca_file: str | None = None, *, certificate: bool = False, **options: Any) -> Exchange:
    request = ProbeRequest(url, 10.0, "(?s).+", certificate, RequestOptions(**options))
    trust = {} if ca_file is None else {"ca_file": ca_file}
    return check(request, guard=LOOPBACK, user_agent="webmonitor/test", **trust).exchange


def whole_request(peer: Peer) -> bytes:
    """The request with its body, as far as it announces one."""
    head, _, body = peer.request().partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while lengths and len(body) < lengths[0]:
        body += peer.connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def sent(**options: Any) -> bytes:
    """What a website with these options is sent."""
    requests = []

    def script(peer: Peer) -> None:
        requests.append(whole_request(peer))
        peer.send(response("204 No Content"))
        peer.finish()

    with Server(script) as server:
        assert probe(server.url("/path"), **options).http_status == 204
    return requests[0]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_the_websites_own(method: str) -> None:
    head, _, body = sent(method=method).partition(b"\r\n\r\n")
    assert head.startswith(f"{method} /path HTTP/1.1\r\n".encode())
    assert (b"Content-Length: 0" in head) == (method in ("POST", "PUT", "PATCH"))
    assert body == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_is_sent_with_its_length_and_type(method: str) -> None:
    body = '{"naïve": 1}\r\n'.encode()
    head, _, got = sent(method=method, body=body, headers=(("Content-Type", "application/json"),)).partition(
        b"\r\n\r\n"
    )
    assert got == body
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Content-Type: application/json" in head
    assert head.count(b"Content-Type") == 1


def test_headers_are_sent_and_take_the_place_of_the_usual_ones() -> None:
    head = sent(headers=(("X-One", "1"), ("User-Agent", "mine"), ("Host", "elsewhere.example")), authorization=SECRET)
    for line in (b"X-One: 1", b"User-Agent: mine", b"Host: elsewhere.example", f"Authorization: {SECRET}".encode()):
        assert head.count(line) == 1
    assert b"webmonitor/test" not in head
    assert b"127.0.0.1" not in head


def test_the_answer_to_head_has_no_body_to_wait_for() -> None:
    with Server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")) as server:
        exchange = probe(server.url(), method="HEAD")
    assert (exchange.http_status, exchange.error, exchange.body) == (200, None, b"")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "\x7f"])
def test_a_header_that_would_be_more_than_one_is_never_sent(value: str) -> None:
    with Server(answering(response())) as server:
        exchange = probe(server.url(), headers=(("X-One", value),))
    assert (exchange.error, server.requests) == (ErrorKind.INTERNAL, [])


def test_a_handle_forgets_the_options_of_the_check_before(tmp_path: Path) -> None:
    # One engine, one handle: the checks follow each other.
    from monitoring.probe import Engine
    from monitoring.tests.test_probe_engine import Results

    authority = Authority(tmp_path)
    results = Results()
    engine = Engine(LOOPBACK, user_agent="webmonitor/test", ca_file=authority.ca_file)
    engine.start()
    loose = RequestOptions("PUT", (("X-One", "1"),), b"body", SECRET, follow_redirects=False, verify_tls=False)
    try:
        with (
            Server(answering(redirect("/there"))) as plain,
            Server(answering(response()), tls=self_signed_context(tmp_path, "127.0.0.1")) as secured,
        ):
            asked = [
                ProbeRequest(plain.url(), 10.0, options=loose),
                ProbeRequest(plain.url(), 10.0, options=RequestOptions(method="HEAD", follow_redirects=False)),
                ProbeRequest(secured.url(), 10.0, options=loose),
                ProbeRequest(secured.url(), 10.0, wants_certificate=True),
                ProbeRequest(plain.url(), 10.0),
            ]
            for number, request in enumerate(asked, start=1):
                engine.submit([request], results)
                results.wait_for(number)
    finally:
        engine.stop(0)
    outcomes = [(exchange.http_status, exchange.error) for _, exchange in results.received]
    assert outcomes == [(302, None), (302, None), (200, None), (0, "tls"), (302, "too_many_redirects")]
    last = plain.requests[-1]
    assert last.startswith(b"GET /there HTTP/1.1\r\n")
    assert b"X-One" not in last
    assert b"Authorization" not in last


# --- Redirects ---------------------------------------------------------------------------


def test_a_redirect_that_is_not_followed_is_the_answer_with_its_body() -> None:
    answer = response("302 Found", b"over there", "Location: /there")
    with Server(answering(answer)) as server:
        exchange = probe(server.url(), follow_redirects=False)
    assert (exchange.http_status, exchange.error, exchange.body) == (302, None, b"over there")
    assert server.accepted == 1


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 301, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("HEAD", 302, "HEAD"),
        ("DELETE", 302, "DELETE"),
    ],
)
def test_what_was_sent_is_sent_again_only_where_the_status_says_so(method: str, status: int, then: str) -> None:
    body = b"text" if method in ("POST", "PUT") else None
    seen = []

    def script(peer: Peer) -> None:
        request = whole_request(peer)
        seen.append(request)
        peer.send(redirect("/there", f"{status} Moved") if b" /here " in request else response("204 No Content"))
        peer.finish()

    with Server(script) as server:
        exchange = probe(server.url("/here"), method=method, body=body, headers=(("Content-Language", "en"),))
    assert exchange.http_status == 204
    assert seen[1].startswith(f"{then} /there ".encode())
    assert seen[1].endswith(b"text") == (body is not None and then == method)
    assert (b"Content-Language" in seen[1]) == (then == method)


def elsewhere(script: Script) -> Server:
    return Server(script, host="127.0.0.2")


def test_credentials_and_headers_of_ones_own_stay_at_the_website_they_are_for() -> None:
    headers = (("X-Api-Key", "key"), ("Cookie", "a=b"), ("Accept-Language", "en"), ("User-Agent", "mine"))
    with elsewhere(answering(response())) as other:
        routes = {"/a": redirect("/b"), "/b": redirect(other.url())}
        with Server(routing(routes)) as server:
            exchange = probe(server.url("/a"), headers=headers, authorization=SECRET)
    assert exchange.http_status == 200
    for head in server.requests:
        assert b"X-Api-Key: key" in head
        assert b"Authorization" in head
    (foreign,) = other.requests
    for secret in (b"X-Api-Key", b"Cookie", b"Authorization"):
        assert secret not in foreign
    assert b"Accept-Language: en" in foreign
    assert b"User-Agent: mine" in foreign


@pytest.mark.parametrize(
    ("url", "target", "keeps"),
    [
        ("http://a.example/", "http://a.example/x", True),
        ("http://a.example/", "http://A.example:80/x", True),
        ("http://a.example/", "https://a.example/", True),
        ("https://a.example/", "http://a.example/", False),
        ("http://a.example:8080/", "https://a.example/", False),
        ("http://a.example/", "https://a.example:8443/", False),
        ("https://a.example/", "https://a.example:8443/", False),
        ("https://a.example/", "https://b.a.example/", False),
        ("https://a.example/", "https://a.example.evil.example/", False),
        ("https://[::1]/", "https://[::1]/x", True),
    ],
)
def test_what_is_the_same_website_to_credentials(url: str, target: str, keeps: bool) -> None:
    assert (redirected(RequestOptions(authorization=SECRET), 302, url, target).authorization is not None) == keeps


def test_options_show_no_secret_where_they_are_printed() -> None:
    options = RequestOptions("POST", (("X-Key", "secret"),), b"secret", "Basic secret")
    assert "secret" not in repr(ProbeRequest("http://host.example/", 5.0, options=options))


# --- IP versions -------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "accepted"), [(4, (1, 0)), (6, (0, 1))])
def test_only_addresses_of_the_version_are_dialled(version: int, accepted: tuple[int, int]) -> None:
    from monitoring.tests.test_probe_guard import loopback_listeners

    with loopback_listeners() as (four, six):
        exchange = probe(four.url(host="localhost"), ip_version=version)
        assert (four.accepted, six.accepted) == accepted
    assert exchange.http_status == 200


def test_a_name_without_an_address_of_the_version_is_a_dns_error() -> None:
    from monitoring.tests.test_probe_names import engine

    with engine(lambda _: ("127.0.0.1",)) as ask:
        request = ProbeRequest("http://site.test/", 5.0, options=RequestOptions(ip_version=6))
        exchange = ask(request)
    assert exchange.error is ErrorKind.DNS
    assert "version of IP" in exchange.error_detail


OTHER_VERSION = "The address {} is not of the version of IP that is to be used."


@pytest.mark.parametrize(
    ("host", "version", "address"),
    [
        ("127.0.0.1", 6, "127.0.0.1"),
        ("127.1", 6, "127.0.0.1"),
        ("2130706433", 6, "127.0.0.1"),
        ("0x7f.1", 6, "127.0.0.1"),
        ("[::1]", 4, "::1"),
    ],
)
@pytest.mark.parametrize("is_redirect", [False, True])
def test_an_address_of_another_version_is_never_dialled(
    is_redirect: bool, host: str, version: int, address: str
) -> None:
    from monitoring.tests.test_probe_guard import loopback_listeners

    with loopback_listeners() as (four, six):
        url = four.url(host=host)
        if is_redirect:
            with Server(answering(redirect(url)), host="127.0.0.2" if version == 4 else "::1") as first:
                exchange = probe(first.url(), ip_version=version)
            assert first.accepted == 1
        else:
            exchange = probe(url, ip_version=version)
        assert (four.accepted, six.accepted) == (0, 0)
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.CONNECT)
    assert exchange.error_detail == OTHER_VERSION.format(address)
    assert exchange.remote_ip is None


@pytest.mark.parametrize(("host", "version"), [("127.0.0.1", 4), ("[::1]", 6)])
def test_an_address_of_the_version_is_dialled(host: str, version: int) -> None:
    from monitoring.tests.test_probe_guard import loopback_listeners

    with loopback_listeners() as (four, _):
        assert probe(four.url(host=host), ip_version=version).http_status == 200


# --- Certificates ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def faulty(authority: Authority, folder: Path, fault: str) -> Server:
    contexts = {
        "expired": lambda: authority.context("127.0.0.1", expired=True),
        "another host": lambda: authority.context("elsewhere.example"),
        "self-signed": lambda: self_signed_context(folder, "127.0.0.1"),
        "not trusted": lambda: Authority(folder).context("127.0.0.1"),
    }
    return Server(answering(response(body=b"text")), tls=contexts[fault]())


FAULTS = ["expired", "another host", "self-signed", "not trusted"]


@pytest.mark.parametrize("fault", FAULTS)
def test_unverified_the_answer_counts_and_the_cause_is_kept(authority: Authority, tmp_path: Path, fault: str) -> None:
    with faulty(authority, tmp_path, fault) as server:
        exchange = probe(server.url(), authority.ca_file, verify_tls=False)
    assert (exchange.http_status, exchange.error, exchange.body) == (200, None, b"text")
    assert fault in exchange.error_detail
    # Nothing was said over the connection that did not pass.
    assert len(list(filter(None, server.requests))) == 1


def test_unverified_a_good_certificate_has_no_cause(authority: Authority) -> None:
    with Server(answering(response()), tls=authority.context("127.0.0.1")) as server:
        exchange = probe(server.url(), authority.ca_file, verify_tls=False)
    assert (exchange.http_status, exchange.error, exchange.error_detail) == (200, None, "")
    assert server.accepted == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_certificate_that_does_not_pass_is_shown_and_nothing_sent(
    authority: Authority, tmp_path: Path, fault: str
) -> None:
    with faulty(authority, tmp_path, fault) as server:
        exchange = probe(server.url(), authority.ca_file, certificate=True, authorization=SECRET)
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.TLS)
    assert fault in exchange.error_detail
    assert exchange.certificate is not None
    assert exchange.certificate.names == (("elsewhere.example" if fault == "another host" else "127.0.0.1"),)
    # It counts no request where the handshake was all there was.
    assert not any(server.requests)


def test_of_several_certificates_the_first_to_expire_is_told(authority: Authority) -> None:
    with Server(answering(response()), tls=authority.context("127.0.0.1", days=1)) as last:
        back = answering(redirect(last.url()))
        with Server(back, host="127.0.0.2", tls=authority.context("127.0.0.2", days=3)) as first:
            exchange = probe(first.url(), authority.ca_file, certificate=True)
        assert exchange.certificate is not None
        assert exchange.certificate.host == "127.0.0.1"
    with Server(answering(response()), tls=authority.context("127.0.0.1", days=3)) as last:
        back = answering(redirect(last.url()))
        with Server(back, host="127.0.0.2", tls=authority.context("127.0.0.2", days=1)) as first:
            exchange = probe(first.url(), authority.ca_file, certificate=True)
        assert exchange.certificate is not None
        assert exchange.certificate.host == "127.0.0.2"
