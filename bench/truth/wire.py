"""A network for the run alone, with the websites at the far end of a wire that can be cut.

Cut off, a monitor first hears nothing any more, then its own link is down. Both happen here as they do outside: the
packets are lost, and no answer is made up.
"""

import ctypes
import os
import shutil
import subprocess
import sys

from bench.processes import UnableError

# <linux/sched.h>
CLONE_NEWNET = 0x40000000
# RFC 2544: a network for benchmarks. The websites have the first half.
NETWORK, WEBSITES = "198.18.0.0/15", "198.18.0.0/16"
NEAR_ADDRESS, FAR_ADDRESS = "198.19.0.1/30", "198.19.0.2/30"
NEAR_LINK, FAR_LINK = "02:00:00:00:00:01", "02:00:00:00:00:02"
PROGRAMS = ("ip", "unshare", "nsenter")
# What runs the websites in a network of their own.
PREFIX = ("unshare", "--net")


def isolate() -> None:
    """Give this process, and all that it starts from now on, a network that has nothing but loopback.

    Raises `UnableError` where this user or machine cannot have a wire.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)):
        raise UnableError(f"That takes Linux, root, and the programs {', '.join(PROGRAMS)}.")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise UnableError(f"No network can be made: {os.strerror(ctypes.get_errno())}.")
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    _ip("link", "delete", "near")


class Wire:
    """The wire to a process that is in another network."""

    def __init__(self, pid: int) -> None:
        """Lay it. Raises `UnableError`."""
        self._pid = pid
        ends = ("address", NEAR_LINK, "type", "veth", "peer", "name", "far", "address", FAR_LINK, "netns", str(pid))
        _ip("link", "add", "near", *ends)
        _ip("address", "add", NEAR_ADDRESS, "dev", "near")
        self._far("link", "set", "lo", "up")
        self._far("address", "add", FAR_ADDRESS, "dev", "far")
        # All of these addresses are this host's.
        self._far("route", "add", "local", WEBSITES, "dev", "lo")
        self.mend()

    def silence(self) -> None:
        """Packets are lost from now on, both ways."""
        self._far("link", "set", "far", "down")

    def unplug(self) -> None:
        """The monitor's own link is down."""
        _ip("link", "set", "near", "down")

    def mend(self) -> None:
        gateway = FAR_ADDRESS.partition("/")[0]
        self._far("link", "set", "far", "up")
        _ip("link", "set", "near", "up")
        # Else the kernel would notice the silence by itself.
        _ip("neighbour", "replace", gateway, "lladdr", FAR_LINK, "dev", "near", "nud", "permanent")
        _ip("route", "replace", WEBSITES, "via", gateway)

    def swallow(self, network: str) -> None:
        """What is sent to this network is lost there from now on."""
        self._far("route", "add", "blackhole", network, "table", "local")

    def give_back(self, network: str) -> None:
        self._far("route", "delete", "blackhole", network, "table", "local")

    def _far(self, *words: str) -> None:
        _ip(*words, prefix=("nsenter", "--target", str(self._pid), "--net"))


def _ip(*words: str, prefix: tuple[str, ...] = ()) -> None:
    done = subprocess.run([*prefix, "ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnableError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")
