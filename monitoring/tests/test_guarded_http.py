"""S5: what is refused to a probe is refused to a delivery as well; and however slow the other side, it ends."""

import contextlib
import threading
from ipaddress import ip_network

import pytest
import requests

from monitoring.notifications.guarded_http import BlockedAddressError, session
from monitoring.probe import AddressGuard
from monitoring.tests import hostile
from monitoring.tests.servers import Authority, Peer, Script, Server, answering, redirect, refusing_port, response
from monitoring.tests.test_probe_guard import CLOSED, SPELLINGS, loopback_listeners

OPEN = AddressGuard([ip_network("127.0.0.0/8")])
# What some systems look up as loopback, and others do not find at all.
NOT_FOUND_EVERYWHERE = {"127.0.0.1.", "localhost.", "any.localhost"}


@pytest.mark.parametrize("host", SPELLINGS)
def test_s5_no_spelling_of_an_inner_address_opens_a_connection(host: str) -> None:
    with loopback_listeners() as (four, six), session(CLOSED) as http:
        with pytest.raises(requests.ConnectionError) as refusal:
            http.post(four.url(host=host), timeout=5)
        assert (four.accepted, six.accepted) == (0, 0)
    if host in NOT_FOUND_EVERYWHERE and "Failed to resolve" in str(refusal.value):
        return
    assert isinstance(refusal.value, BlockedAddressError)
    assert "is not in a network that may be reached" in str(refusal.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_s5_the_refusal_names_the_address(host: str) -> None:
    with (
        loopback_listeners() as (four, _),
        session(CLOSED) as http,
        pytest.raises(BlockedAddressError, match=r"127|::1"),
    ):
        http.get(four.url(host=host), timeout=5)


def test_s5_a_redirect_is_an_answer_and_not_followed() -> None:
    with (
        Server(answering(response())) as inner,
        Server(answering(redirect(inner.url()))) as lure,
        session(OPEN) as http,
    ):
        assert http.post(lure.url(), timeout=5).status_code == 302
        assert inner.accepted == 0


def test_of_a_name_with_two_addresses_only_the_allowed_one_is_dialled() -> None:
    with loopback_listeners() as (four, six), session(OPEN) as http:
        assert http.get(four.url(host="localhost"), timeout=5).status_code == 200
        assert (four.accepted, six.accepted) == (1, 0)


def test_an_allowed_server_is_reached_with_tls_verified(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with Server(answering(response(body=b"fine")), tls=authority.context("127.0.0.1")) as server, session(OPEN) as http:
        assert http.get(server.url(), timeout=5, verify=authority.ca_file).text == "fine"
        with pytest.raises(requests.exceptions.SSLError):
            http.get(server.url(), timeout=5)


def test_a_dead_receiver_and_an_unknown_name_are_connection_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    with refusing_port() as port, session(OPEN) as http:
        for url in (f"http://127.0.0.1:{port}/", "http://no-such-name.invalid/"):
            with pytest.raises(requests.ConnectionError) as failure:
                http.get(url, timeout=5)
            assert not isinstance(failure.value, BlockedAddressError)


@pytest.mark.parametrize(
    "script", [Peer.hold, hostile.silent, hostile.drip_head, hostile.head_without_end, hostile.endless_continue]
)
def test_a_deadline_ends_what_has_not_answered(script: Script) -> None:
    with Server(script) as server, session(OPEN, 0.3) as http:
        # Or the headers seem to end there, and a body to break off.
        with contextlib.suppress(requests.RequestException):
            http.post(server.url(), timeout=60)
        assert http.is_late


@pytest.mark.parametrize("script", [hostile.drip_body, hostile.endless_trailers])
def test_a_deadline_ends_what_never_ends(script: Script) -> None:
    with Server(script) as server, session(OPEN, 0.3) as http:
        # Or the trailers seem to end there.
        with contextlib.suppress(requests.RequestException):
            http.get(server.url(), timeout=60)
        assert http.is_late


def test_a_deadline_ends_a_tls_handshake() -> None:
    with Server(Peer.hold) as server, session(OPEN, 0.3) as http:
        with pytest.raises(requests.ConnectionError):
            http.get(server.url().replace("http:", "https:"), timeout=60)
        assert http.is_late


def test_after_the_deadline_nothing_new_is_dialled() -> None:
    with Server(Peer.hold) as slow, Server(answering(response())) as quick, session(OPEN, 0.1) as http:
        with pytest.raises(requests.ConnectionError):
            http.get(slow.url(), timeout=60)
        with pytest.raises(requests.ConnectionError):
            http.get(quick.url(), timeout=60)


def test_a_session_that_is_closed_in_time_leaves_nothing_behind() -> None:
    closed = threading.Event()

    def until_closed(peer: Peer) -> None:
        peer.request()
        peer.send(response(body=b"fine"))
        while peer.first_bytes():
            pass
        closed.set()

    with Server(until_closed) as server:
        with session(OPEN, 60) as http:
            assert http.get(server.url(), timeout=5).text == "fine"
        assert not http.is_late
        assert closed.wait(10)
