"""What checks say about their websites."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import connection

from monitoring.models import State, WebsiteState
from monitoring.probe.types import ErrorKind
from websites.models import Website

# The first HTTP status that means failure (RFC 9110 section 15).
FAILURE_STATUS = 400

# One parameter whatever the number of ids: a long list of them costs more to parse than to look up.
_AMONG = {"postgresql": "= ANY(%s)", "sqlite": "IN (SELECT value FROM json_each(%s))"}
_READ = (
    f"SELECT website.website_id, state.state FROM {Website._meta.db_table} website"  # noqa: S608
    f" LEFT JOIN {WebsiteState._meta.db_table} state ON state.website_id = website.website_id"
    " WHERE website.website_id "
)


def judge(http_status: int, error: str, *, wants_body: bool) -> State:
    """The state one check argues for, by itself.

    | error                            | status        | state   |
    |----------------------------------|---------------|---------|
    | none                             | below 400     | up      |
    | none                             | 400 and above | down    |
    | internal                         | any           | unknown |
    | body_too_large, no regex to run  | as without    |         |
    | any other                        | any           | down    |
    """
    if error == ErrorKind.INTERNAL:
        return State.UNKNOWN
    if error and not (error == ErrorKind.BODY_TOO_LARGE and not wants_body):
        return State.DOWN
    return State.UP if 0 < http_status < FAILURE_STATUS else State.DOWN


def read(website_ids: Collection[int]) -> dict[int, str]:
    """The states of those of the websites that exist, by website id."""
    ids = list(website_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            _READ + _AMONG[connection.vendor], [ids if connection.vendor == "postgresql" else json.dumps(ids)]
        )
        return {website_id: state or State.UNKNOWN for website_id, state in cursor.fetchall()}


def move(verdicts: Iterable[tuple[int, datetime, State]], known: Mapping[int, str]) -> None:
    """Write the state of each website whose newest check says another one than is known.

    `verdicts` are website id, time of the check and the state it argues for.
    """
    newest: dict[int, tuple[datetime, State]] = {}
    for website_id, checked_at, state in verdicts:
        other = newest.get(website_id)
        if other is None or checked_at > other[0]:
            newest[website_id] = checked_at, state
    changed = [
        WebsiteState(website_id=website_id, state=state, since=checked_at)
        for website_id, (checked_at, state) in newest.items()
        if state != known[website_id]
    ]
    if changed:
        WebsiteState.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["website"], update_fields=["state", "since"]
        )
