"""Addresses that are trusted to answer, asked for real."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from monitoring.probe.types import ErrorKind
from monitoring.references import TIMEOUT as ANSWER_TIMEOUT
from monitoring.references import Address, Look, Reference, References, is_named
from monitoring.tests.servers import Peer, Server, full_port, refusing_port

DNS, TIMEOUT = ErrorKind.DNS.value, ErrorKind.TIMEOUT.value


def accept(peer: Peer) -> None:
    peer.finish()


@contextmanager
def looked(addresses: Iterable[Address]) -> Iterator[References]:
    """References that were asked once, without threads that go on."""
    references = References(())
    references._references = [Reference(address) for address in addresses]
    for reference in references._references:
        reference.look()
    yield references


def test_one_address_that_accepts_is_enough() -> None:
    with Server(accept) as server, refusing_port() as closed:
        with looked([("127.0.0.1", closed), ("127.0.0.1", server.port)]) as references:
            look = references.latest(TIMEOUT)
            assert look is not None
            assert look.is_answered
        with looked([("127.0.0.1", closed)]) as references:
            look = references.latest(TIMEOUT)
            assert look is not None
            assert not look.is_answered


def test_only_a_name_can_tell_about_names() -> None:
    with Server(accept) as server:
        with looked([("127.0.0.1", server.port)]) as references:
            assert references.latest(DNS) is None
        with looked([("127.0.0.1", server.port), ("localhost", server.port)]) as references:
            look = references.latest(DNS)
            assert look is not None
            assert look.is_answered
        # The line is there, but its name server is not.
        with looked([("127.0.0.1", server.port), ("no-such-name.invalid", server.port)]) as references:
            by_name, by_address = references.latest(DNS), references.latest(TIMEOUT)
            assert by_name is not None
            assert by_address is not None
            assert (by_name.is_answered, by_address.is_answered) == (False, True)


def test_without_addresses_nothing_is_said_and_no_thread_runs() -> None:
    assert References(()).latest(TIMEOUT) is None


def test_addresses_that_are_silent_say_that_there_is_no_way_to_a_name_server_either() -> None:
    with refusing_port() as closed, looked([("127.0.0.1", closed)]) as references:
        look = references.latest(DNS)
        assert look is not None
        assert not look.is_answered


def test_one_that_has_not_answered_for_long_is_silent_by_then() -> None:
    """As long as its name is looked up, say."""
    reference, now = Reference(("127.0.0.1", 1)), time.time()
    for since, latest in ((None, None), (now, None), (now - ANSWER_TIMEOUT, Look(now - ANSWER_TIMEOUT, False))):
        reference._asking_since = since
        assert reference.latest == latest


def test_without_an_answer_it_is_silent() -> None:
    with full_port() as port, looked([("127.0.0.1", port)]) as references:
        look = references.latest(TIMEOUT)
        assert look is not None
        assert not look.is_answered


def test_the_thread_asks_at_once_and_goes_on() -> None:
    with Server(accept) as server:
        References([("127.0.0.1", server.port)])
        deadline = time.monotonic() + 10
        while server.accepted < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize(("host", "named"), [("192.0.2.1", False), ("2001:db8::1", False), ("dns.example.org", True)])
def test_a_name_is_told_from_an_address(host: str, named: bool) -> None:
    assert is_named((host, 53)) is named
    assert socket.has_ipv6 or ":" not in host
