"""Which addresses may be dialled: the public internet, and networks named by the operator."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DECISIONS_KEPT = 65_536

# An explicit list, since what `ipaddress.is_global` knows depends on the Python version.
# https://www.iana.org/assignments/iana-ipv4-special-registry/
# https://www.iana.org/assignments/iana-ipv6-special-registry/
NOT_PUBLIC_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Of IPv6 only 2000::/3 is given out at all.
PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

# Whoever may talk to these can take over the machine or its cloud account: a wide network such as
# 0.0.0.0/0 in the configuration is not enough, the address itself must be named.
NAMED_ONLY = tuple(
    ip_network(block)
    for block in (
        "169.254.0.0/16",  # link-local; metadata of AWS, Azure, Google, ...
        "fe80::/10",  # link-local
        "fd00:ec2::254/128",  # AWS
        "fd00:ec2::23/128",  # AWS, containers' credentials
        "fd20:ce::254/128",  # Google
        "fd00:c1::a9fe:a9fe/128",  # Oracle
        "fd00:42::42/128",  # Scaleway
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle Classic
    )
)

MAPPED_V6 = IPv6Network("::ffff:0:0/96")
NAT64_V6 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL_USE = IPv6Network("64:ff9b:1::/48")
TEREDO = IPv6Network("2001::/32")
SIX_TO_FOUR = IPv6Network("2002::/16")
IPV4_LAST = (
    MAPPED_V6,
    NAT64_V6,
    IPv6Network("::ffff:0:0:0/96"),  # translated (RFC 2765)
    IPv6Network("::/96"),  # compatible
)


class AddressGuard:
    """Judges the addresses that a probe is about to dial.

    Everything public is allowed. What is not globally routable is allowed where one of
    `allowed_networks` contains it; a link-local or cloud metadata address only where it is
    named by itself (a /32 or /128). IPv4 hidden in an IPv6 address is judged as well.
    """

    def __init__(self, allowed_networks: Iterable[Network] = ()) -> None:
        self.allowed_networks = tuple(allowed_networks)
        # Per guard, since the answer depends on its networks; this is on the path of every check.
        self._decide = lru_cache(maxsize=DECISIONS_KEPT)(self._allows)

    def allows(self, address: str) -> bool:
        """Whether this address (as numbers, without a port) may be dialled; False for anything unreadable."""
        return self._decide(address)

    def _allows(self, address: str) -> bool:
        try:
            dialled = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(dialled, IPv4Address):
            return self._allows_one(dialled)
        hidden = hidden_ipv4(dialled)
        return self._allows_wrapping(dialled) and all(map(self._allows_one, hidden))

    def _allows_wrapping(self, address: IPv6Address) -> bool:
        """Mapped addresses and the well-known NAT64 prefix lead to the IPv4 and nowhere else."""
        return address in MAPPED_V6 or address in NAT64_V6 or self._allows_one(address)

    def _allows_one(self, address: Address) -> bool:
        if any(address in network for network in NAMED_ONLY):
            return self._is_named(address)
        return is_public(address) or any(address in network for network in self.allowed_networks)

    def _is_named(self, address: Address) -> bool:
        return any(
            network.prefixlen == network.max_prefixlen and network.network_address == address
            for network in self.allowed_networks
        )


def is_public(address: Address) -> bool:
    """Whether the address can be reached from anywhere on the internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)


def hidden_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to this IPv6 address may end up at; empty where there are none."""
    number = int(address)
    if any(address in network for network in IPV4_LAST):
        # :: and ::1 are no wrapping but addresses of their own.
        return () if number <= 1 else (IPv4Address(number & 0xFFFF_FFFF),)
    if address in SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & 0xFFFF_FFFF),)
    if address in TEREDO:
        # The client's address is stored inverted, beside the one of its server (RFC 4380).
        return (IPv4Address(number >> 64 & 0xFFFF_FFFF), IPv4Address(~number & 0xFFFF_FFFF))
    if address in NAT64_LOCAL_USE:
        return _nat64_local_use(number)
    return ()


def _nat64_local_use(number: int) -> tuple[IPv4Address, ...]:
    """What prefixes of 48, 56, 64 and 96 bits would hold there: which is in use is not visible (RFC 6052, 2.2)."""
    # Bits 64 to 71 are always skipped.
    candidates = (
        (number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF,
        (number >> 64 & 0xFF) << 24 | number >> 32 & 0xFF_FFFF,
        number >> 24 & 0xFFFF_FFFF,
        number & 0xFFFF_FFFF,
    )
    # Below 1.0.0.0 it is the zeros around an address that another prefix length put there.
    return tuple(IPv4Address(candidate) for candidate in candidates if candidate >= 1 << 24)
