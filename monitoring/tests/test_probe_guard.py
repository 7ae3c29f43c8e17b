"""Which addresses a probe may dial, as a table and on the wire."""

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.probe import AddressGuard, ErrorKind, Exchange, ProbeRequest, check
from monitoring.tests.servers import Server, answering, redirect, response

CLOSED = AddressGuard(())

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
BLOCKED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:100.64.0.1",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "::8.8.8.8",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:808:808::",
    "2001:0:7f00:1::",
    "2001:0:808:808::80ff:fffe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::127.0.0.1",
    "",
    "localhost",
    "127.1",
    "not an address",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert CLOSED.allows(address)


@pytest.mark.parametrize("address", BLOCKED)
def test_any_other_address_is_blocked(address: str) -> None:
    assert not CLOSED.allows(address)


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        (["127.0.0.0/8"], "127.0.0.1", True),
        (["127.0.0.0/8"], "::1", False),
        (["127.0.0.0/8"], "10.0.0.1", False),
        (["127.0.0.0/8"], "::ffff:127.0.0.1", True),
        (["127.0.0.0/8"], "64:ff9b::127.0.0.1", True),
        (["127.0.0.0/8"], "2002:7f00:1::", False),
        (["10.0.0.0/8", "::1/128"], "::1", True),
        (["fc00::/7"], "fd12::1", True),
        (["0.0.0.0/0", "::/0"], "192.168.1.1", True),
        (["0.0.0.0/0", "::/0"], "169.254.169.254", False),
        (["0.0.0.0/0", "::/0"], "::ffff:169.254.169.254", False),
        (["0.0.0.0/0", "::/0"], "2002:a9fe:a9fe::1", False),
        (["0.0.0.0/0", "::/0"], "64:ff9b:1::a9fe:a9fe", False),
        (["0.0.0.0/0", "::/0"], "64:ff9b:1:a9fe:a9:fe00::", False),
        (["0.0.0.0/0", "::/0"], "64:ff9b:1::8.8.8.8", True),
        (["0.0.0.0/0", "::/0"], "100.100.100.200", False),
        (["0.0.0.0/0", "::/0"], "fe80::1", False),
        (["0.0.0.0/0", "::/0"], "fd00:ec2::254", False),
        (["169.254.0.0/16"], "169.254.169.254", False),
        (["169.254.169.254/31"], "169.254.169.254", False),
        (["169.254.169.254/32"], "169.254.169.254", True),
        (["169.254.169.254/32"], "169.254.169.253", False),
        (["fd00:ec2::254/128"], "fd00:ec2::254", True),
        (["fe80::1/128"], "fe80::1%eth0", True),
        (["100.100.100.200/32"], "100.100.100.200", True),
        (["100.64.0.0/10"], "100.64.0.1", True),
    ],
)
def test_named_networks_open_what_they_contain(networks: list[str], address: str, allowed: bool) -> None:
    assert AddressGuard(map(ip_network, networks)).allows(address) is allowed


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_allowed(address: object) -> None:
    text = str(address)
    found = ip_address(text)
    if found.is_private or found.is_multicast or found.is_reserved or found.is_link_local or found.is_unspecified:
        # NAT64's and the mapped prefix lead on to an IPv4 address, which is what counts.
        hidden = text.startswith(("64:ff9b::", "::ffff:"))
        assert hidden or not CLOSED.allows(text)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_like_the_one_inside(address: object) -> None:
    assert CLOSED.allows(f"::ffff:{address}") is CLOSED.allows(str(address))
    assert CLOSED.allows(f"64:ff9b::{address}") is CLOSED.allows(str(address))


# --- On the wire -------------------------------------------------------------------------

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "127.0.0.1.",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "100.64.0.1",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "any.localhost",
]


@contextlib.contextmanager
def loopback_listeners() -> Iterator[tuple[Server, Server]]:
    """The same port on 127.0.0.1 and on ::1."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    four, six = same_port()
    with four, six:
        yield four, six


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def same_port() -> tuple[Server, Server]:
    for _ in range(20):
        four = Server(answering(response()))
        try:
            return four, Server(answering(response()), host="::1", port=four.port)
        except OSError:
            # Somebody else has that port on ::1.
            four.close()
    raise AssertionError("no port is free on both addresses")


def probe(url: str, guard: AddressGuard = CLOSED) -> Exchange:
    return check(ProbeRequest(url, timeout=5.0), guard=guard, user_agent="webmonitor/test").exchange


@pytest.mark.parametrize("host", SPELLINGS)
def test_s1_no_spelling_of_an_inner_address_opens_a_connection(host: str) -> None:
    with loopback_listeners() as (four, six):
        exchange = probe(four.url(host=host))
        assert (four.accepted, six.accepted) == (0, 0)
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.BLOCKED_ADDRESS)
    assert exchange.remote_ip is None
    assert "is not in a network that may be checked" in exchange.error_detail


@pytest.mark.parametrize("host", SPELLINGS)
def test_s2_a_redirect_to_an_inner_address_opens_no_connection(host: str) -> None:
    # 127.0.0.2 stands for the public website, and so is named.
    guard = AddressGuard([ip_network("127.0.0.2/32")])
    with loopback_listeners() as (four, six):
        lure = Server(answering(redirect(four.url(host=host))), host="127.0.0.2")
        with lure:
            exchange = probe(lure.url(), guard)
        assert (lure.accepted, four.accepted, six.accepted) == (1, 0, 0)
    assert (exchange.http_status, exchange.error) == (0, ErrorKind.BLOCKED_ADDRESS)


@pytest.mark.parametrize("allowed", ["127.0.0.0/8", "::1/128"])
def test_s3_of_a_name_with_two_addresses_only_the_allowed_one_is_dialled(allowed: str) -> None:
    with loopback_listeners() as (four, six):
        exchange = probe(four.url(host="localhost"), AddressGuard([ip_network(allowed)]))
        assert (four.accepted, six.accepted) == ((1, 0) if "." in allowed else (0, 1))
    assert (exchange.http_status, exchange.error) == (200, None)


def test_s3_a_name_that_answers_otherwise_the_second_time_is_judged_again() -> None:
    from monitoring.tests.test_probe_names import engine

    # 127.0.0.2 stands for the public address.
    answers = iter([("127.0.0.2",), ("127.0.0.1",), ("127.0.0.1", "127.0.0.2")])
    guard = AddressGuard([ip_network("127.0.0.2/32")])
    outside = Server(answering(redirect("http://rebound.test:PORT/")), host="127.0.0.2")
    with loopback_listeners() as (inner, _), outside, engine(lambda _: next(answers), guard=guard) as ask:
        outside.script = answering(redirect(f"http://rebound.test:{inner.port}/"))
        # The first answer is dialled, and its redirect to the same name gets the second one.
        first = ask(ProbeRequest(f"http://rebound.test:{outside.port}/", 5.0))
        assert (first.error, outside.accepted, inner.accepted) == (ErrorKind.BLOCKED_ADDRESS, 1, 0)
        # Of both, only the allowed one is dialled.
        outside.script = answering(response())
        assert ask(ProbeRequest(f"http://rebound.test:{outside.port}/", 5.0)).http_status == 200
        assert inner.accepted == 0
