"""Checks of the tests' own servers."""

import contextlib
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from monitoring.probe import AddressGuard, ProbeRequest, ProbeResult, check
from monitoring.tests.servers import Script, Server

LOOPBACK = AddressGuard([ip_network("127.0.0.0/8"), ip_network("::1/128")])


def probe(url: str, *, timeout: float = 20.0, pattern: str | None = None) -> ProbeResult:
    return check(ProbeRequest(url, timeout, pattern), guard=LOOPBACK, user_agent="webmonitor/test")


def outcome(script: Script, *, timeout: float = 20.0, pattern: str | None = None) -> tuple[int, str]:
    """Status and error (blank for none) of one check of a server."""
    with Server(script) as server:
        exchange = probe(server.url(), timeout=timeout, pattern=pattern).exchange
    assert (exchange.response_time is None) == (exchange.http_status == 0)
    assert bool(exchange.error) == bool(exchange.error_detail)
    assert len(exchange.error_detail) <= 200
    return exchange.http_status, exchange.error or ""


@contextlib.contextmanager
def bounded_memory(megabytes: int) -> Iterator[None]:
    """Fails where the process's resident memory ever rises by more inside the block."""

    def peak_kb() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

    # Sets the peak back to what is resident now: proc(5), clear_refs.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_kb()
    yield
    assert peak_kb() - before < megabytes * 1024
