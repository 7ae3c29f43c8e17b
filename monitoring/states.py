"""What checks say about their websites."""

from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

from monitoring import id_lists
from monitoring.models import Outcome, WebsiteState
from monitoring.probe.types import ErrorKind, ProbeResult
from websites.models import Website
from websites.request_options import ACCEPTED_STATUSES, read_statuses

_READ = (
    "SELECT website.website_id, state.state, state.is_slow, state.value, website.monitoring_interval FROM %s"  # noqa: S608 names of this project's own
    f" JOIN {Website._meta.db_table} website ON website.website_id = asked.id"
    f" LEFT JOIN {WebsiteState._meta.db_table} state ON state.website_id = website.website_id"
)


class Rules(NamedTuple):
    """What of a website's answers is good."""

    accepted: frozenset[int] = read_statuses(ACCEPTED_STATUSES)
    # Whether its regex has to match.
    must_match: bool = False
    # Seconds: an answer that takes longer is slow; None for any.
    slow_threshold: float | None = None


def judge(result: ProbeResult, rules: Rules) -> tuple[Outcome, str]:
    """What one check says about its website by itself, with a sentence (blank where there is nothing to say).

    | error                            | status       | regex must match | outcome |
    |----------------------------------|--------------|------------------|---------|
    | internal                         | any          | any              | unknown |
    | body_too_large, no regex to run  | as without   |                  |         |
    | any other                        | any          | any              | down    |
    | none                             | not accepted | any              | down    |
    | none                             | accepted     | and does not     | down    |
    | none                             | accepted     | and cannot be run| unknown |
    | none                             | accepted     | and does, or no  | up      |
    """
    exchange = result.exchange
    error, words = exchange.error, exchange.error_detail
    if error is ErrorKind.INTERNAL:
        return Outcome.UNKNOWN, words
    if error is not None and not (error is ErrorKind.BODY_TOO_LARGE and exchange.request.pattern is None):
        return Outcome.DOWN, words
    if exchange.http_status not in rules.accepted:
        return Outcome.DOWN, f"The status {exchange.http_status} is not accepted. {words}".rstrip()
    if rules.must_match and not result.matches:
        if result.matches is None:
            return Outcome.UNKNOWN, "The regex could not be run."
        return Outcome.DOWN, f"The regex matches nothing. {words}".rstrip()
    return Outcome.UP, words


class Known(NamedTuple):
    """What is known of a website: its state, blank where none was ever written; whether it is slow; its last value; its
    interval (s).
    """

    state: str = ""
    is_slow: bool = False
    value: str | None = None
    interval: int = 0


def read(website_ids: Collection[int]) -> dict[int, Known]:
    """What is known of those of the websites that exist, by website id."""
    with connection.cursor() as cursor:
        cursor.execute(_READ % id_lists.table(), [id_lists.parameter(website_ids)])
        return {
            website_id: Known(state or "", bool(is_slow), value, interval)
            for website_id, state, is_slow, value, interval in cursor.fetchall()
        }
