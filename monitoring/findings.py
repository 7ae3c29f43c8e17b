"""Finished checks, read and judged by themselves, on their way to being written."""

import time
from typing import NamedTuple

from monitoring import states, values
from monitoring.probe import content
from monitoring.probe.types import Certificate, Exchange
from monitoring.rows import Row, row_of


class Check(NamedTuple):
    """A finished check: whose, of which slot (ms of Unix time; None beside the slots), how to judge it, and what went
    over the wire.
    """

    website_id: int
    slot: int | None
    rules: states.Rules
    exchange: Exchange


class Finding(NamedTuple):
    """What a check found: its row, the value that the regex extracted (None where it did not run), and the
    certificate, where the check was asked for that.
    """

    row: Row
    rules: states.Rules
    value: str | None
    wants_certificate: bool
    certificate: Certificate | None
    # What was asked for; whether anything was heard from outside; and `Exchange.retry_after`.
    url: str = ""
    is_heard: bool = False
    retry_after: float | None = None
    # Unix time.
    ended_at: float = 0.0


def finding_of(check: Check) -> Finding:
    exchange = check.exchange
    result = content.read(exchange)
    outcome, words = states.judge(result, check.rules)
    row = row_of(check.website_id, check.slot, result, outcome.value, words)
    request = exchange.request
    seconds = exchange.failed_after if exchange.response_time is None else exchange.response_time
    return Finding(
        row,
        check.rules,
        None if result.matches is None else values.first(result.matches),
        request.wants_certificate,
        exchange.certificate,
        request.url,
        exchange.is_heard,
        exchange.retry_after,
        time.time() if seconds is None else exchange.started_at + seconds,
    )
