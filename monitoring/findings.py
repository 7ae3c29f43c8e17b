"""Finished checks, read and judged by themselves, on their way to being written."""

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


def finding_of(check: Check) -> Finding:
    exchange = check.exchange
    result = content.read(exchange)
    outcome, words = states.judge(result, check.rules)
    row = row_of(check.website_id, check.slot, result, outcome.value, words)
    value = None if result.matches is None else values.first(result.matches)
    return Finding(row, check.rules, value, exchange.request.wants_certificate, exchange.certificate)
