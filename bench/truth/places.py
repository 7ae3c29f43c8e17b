"""Where websites are: what some of them share can fail for all of these at once. All pure."""

from enum import StrEnum
from typing import NamedTuple

from bench.target import PORT

# Ports from `PORT` on, and names at which the benchmark's own name server knows them.
ZONES = 7
SERVER_SHARE, NETWORK_SHARE, NAMED_SHARE = 0.2, 0.1, 0.2
# Of those that have networks of their own: so many, then they share them after all.
OWN_NETWORKS = 250
SERVER_NETWORK, SHARED_NETWORK = 250, 251


class Group(StrEnum):
    # A network (/24) each.
    OWN = "own"
    # One address.
    SERVER = "server"
    # One network.
    NETWORK = "network"
    # A network each, and asked for by names of a few domains.
    NAMED = "named"


class Place(NamedTuple):
    address: str
    port: int
    # As its URL has it.
    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"


def group(number: int, websites: int) -> Group:
    """Of a website, which count from 0: the last of them share something."""
    left = websites - number
    for one, share in ((Group.SERVER, SERVER_SHARE), (Group.NETWORK, NETWORK_SHARE), (Group.NAMED, NAMED_SHARE)):
        count = round(share * websites)
        if left <= count:
            return one
        left -= count
    return Group.OWN


def place(number: int, websites: int, *, wired: bool) -> Place:
    """At the far end of the wire, or on loopback; names take a wire."""
    prefix, one = "198.18" if wired else "127.2", group(number, websites)
    if one is Group.SERVER:
        address = f"{prefix}.{SERVER_NETWORK}.1"
        return Place(address, PORT + websites - number, address)
    if one is Group.NETWORK:
        address = f"{prefix}.{SHARED_NETWORK}.{number % 250 + 1}"
    else:
        address = f"{prefix}.{number % OWN_NETWORKS}.{number // OWN_NETWORKS + 1}"
    named = one is Group.NAMED and wired
    return Place(address, PORT, f"site-{number}.zone-{number % ZONES}.test" if named else address)


def shared_network(*, wired: bool) -> str:
    return f"{'198.18' if wired else '127.2'}.{SHARED_NETWORK}.0/24"


def names(websites: int) -> dict[str, str]:
    """The addresses of those that have names."""
    places = [place(number, websites, wired=True) for number in range(websites)]
    return {one.host: one.address for one in places if one.host != one.address}
