"""What redirects lead to, and what of them counts."""

import pytest

from monitoring.probe import ErrorKind
from monitoring.tests.probing import outcome, probe
from monitoring.tests.servers import (
    Peer,
    Server,
    answering,
    redirect,
    response,
    routing,
)


def chain(length: int) -> dict[str, bytes]:
    """Paths /0 to /length; each but the last redirects to the next."""
    routes = {f"/{number}": redirect(f"/{number + 1}") for number in range(length)}
    return routes | {f"/{length}": response(body=b"arrived")}


@pytest.mark.parametrize("length", [1, 10])
def test_up_to_ten_redirects_are_followed(length: int) -> None:
    with Server(routing(chain(length))) as server:
        result = probe(server.url("/0"), pattern="arrived")
    assert (result.exchange.http_status, result.exchange.error) == (200, None)
    assert result.matches == ["arrived"]
    assert server.accepted == length + 1


@pytest.mark.parametrize(
    ("routes", "accepted"),
    [(chain(11), 11), ({"/0": redirect("/0")}, 11), ({"/0": redirect("/1"), "/1": redirect("/0")}, 11)],
    ids=["eleven", "loop", "pair"],
)
def test_an_eleventh_redirect_is_too_many(routes: dict[str, bytes], accepted: int) -> None:
    with Server(routing(routes)) as server:
        exchange = probe(server.url("/0")).exchange
    assert (exchange.http_status, exchange.error) == (302, ErrorKind.TOO_MANY_REDIRECTS)
    assert server.accepted == accepted


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize(
    "location", ["../x", "/x", "x", "?go", "//HOST/x", "http://HOST/x#part", " /x ", "/a b", "/\xfc"], ids=ascii
)
def test_relative_and_absolute_locations_are_followed(status: str, location: str) -> None:
    def script(peer: Peer) -> None:
        if b" /deep/start " in peer.request():
            peer.send(redirect(location.replace("HOST", f"127.0.0.1:{peer.server.port}"), status))
        else:
            peer.send(response("206 There"))
        peer.finish()

    with Server(script) as server:
        exchange = probe(server.url("/deep/start")).exchange
    assert (exchange.http_status, exchange.error) == (206, None)


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "javascript:alert(1)",
        "ftp://127.0.0.1/",
        "data:text/html,hi",
        "http://",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "https://a b/",
    ],
)
def test_a_redirect_to_no_web_address_is_bad(location: str | None) -> None:
    answer = response("302 Found") if location is None else redirect(location)
    assert outcome(answering(answer)) == (302, "bad_redirect")


def test_the_deadline_covers_all_hops_together() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        if not peer.server.closing.wait(0.25):
            peer.send(redirect("/again"))

    with Server(script) as server:
        exchange = probe(server.url(), timeout=0.7).exchange
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.TIMEOUT)
    assert server.accepted <= 4


def test_cookies_last_for_one_check() -> None:
    def script(peer: Peer) -> None:
        if b" /start " in peer.request():
            peer.send(response("302 Found", b"", "Location: /there", "Set-Cookie: who=me; Path=/"))
        else:
            peer.send(response())
        peer.finish()

    with Server(script) as server:
        probe(server.url("/start"))
        probe(server.url("/there"))
    cookies = [b"Cookie: who=me\r\n" in head for head in server.requests]
    assert cookies == [False, True, False]


def test_times_are_those_of_the_last_hop_and_the_total_of_all() -> None:
    def script(peer: Peer) -> None:
        if b" /start " in peer.request():
            peer.server.closing.wait(0.3)
            peer.send(redirect("/there"))
        else:
            peer.send(response())
        peer.finish()

    with Server(script) as server:
        exchange = probe(server.url("/start")).exchange
    assert exchange.response_time is not None
    assert exchange.phases.first_byte is not None
    assert exchange.response_time >= 0.3
    assert exchange.phases.first_byte < exchange.response_time - 0.25
