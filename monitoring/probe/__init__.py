"""Checks websites: no database, no settings, no Django.

`Engine` makes many checks at once in a thread of its own, `content.read` then reads their bodies
wherever there is time; `check` does both for a single one.
"""

import threading

import certifi

from monitoring.probe import content
from monitoring.probe.engine import Engine
from monitoring.probe.guard import AddressGuard
from monitoring.probe.matching import MATCH_BYTES_CAP, MATCH_CAP
from monitoring.probe.types import (
    BODY_CAP,
    MAX_REDIRECTS,
    PLAIN,
    Certificate,
    ErrorKind,
    Exchange,
    Matches,
    Phases,
    ProbeRequest,
    ProbeResult,
    RequestOptions,
)

__all__ = [
    "BODY_CAP",
    "MATCH_BYTES_CAP",
    "MATCH_CAP",
    "MAX_REDIRECTS",
    "PLAIN",
    "AddressGuard",
    "Certificate",
    "Engine",
    "ErrorKind",
    "Exchange",
    "Matches",
    "Phases",
    "ProbeRequest",
    "ProbeResult",
    "RequestOptions",
    "check",
]


def check(
    request: ProbeRequest, *, guard: AddressGuard, user_agent: str, ca_file: str = certifi.where()
) -> ProbeResult:
    """Make one check and wait for its result; for the command line, since it starts an engine for it."""
    exchanges: list[Exchange] = []
    ended = threading.Event()

    def on_exchange(_index: int, exchange: Exchange) -> None:
        exchanges.append(exchange)
        ended.set()

    engine = Engine(guard, user_agent=user_agent, ca_file=ca_file)
    engine.start()
    try:
        engine.submit([request], on_exchange)
        ended.wait()
    finally:
        engine.stop(0)
    return content.read(exchanges[0])
