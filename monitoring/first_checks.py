"""The first check of a website that finds it up: nothing can follow of it but that, so it takes three statements.

The first round of many new websites would hold up all others, were each of them judged as `monitoring.incidents` has
it. That judges all who are in any way particular, and everything on SQLite, which has few websites.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from monitoring.findings import Finding
from monitoring.models import ExtractedValue, Outcome, State, StateChange, WebsiteState
from monitoring.rows import copy_in
from monitoring.states import Known
from websites.models import Website

# Those that were judged by somebody else meanwhile stay as these have it. With OFFSET, each website is looked up by its
# key: of a young table, PostgreSQL would read all rows for each flush.
_STATES = (
    f"INSERT INTO {WebsiteState._meta.db_table}"  # noqa: S608 names of this project's own
    " (website_id, state, since, judged_until, resumed_at, is_slow, value)"
    " SELECT found.website_id, 'up', found.checked_at, found.checked_at, NULL, false, found.value"
    " FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS found(website_id, checked_at, value)"
    " CROSS JOIN LATERAL (SELECT is_active, value_min, value_max, alert_on_value_missing"
    f" FROM {Website._meta.db_table} AS website WHERE website.website_id = found.website_id OFFSET 0) AS website"
    " WHERE is_active AND value_min IS NULL AND value_max IS NULL AND NOT alert_on_value_missing"
    " ORDER BY found.website_id ON CONFLICT (website_id) DO NOTHING RETURNING website_id"
)
_CHANGE = ("website_id", "old", "new", "changed_at", "http_status", "error", "error_detail", "remote_ip")
_VALUE = ("website_id", "value", "seen_at")


def settle(findings: Sequence[Finding], known: Mapping[int, Known]) -> set[int]:
    """Write what follows from the first checks among these, inside their transaction; returns whose they are.

    Raises `django.db.Error`.
    """
    if connection.vendor != "postgresql":
        return set()
    counts = Counter(finding.row.website_id for finding in findings if not known[finding.row.website_id].state)
    first = [finding for finding in findings if counts[finding.row.website_id] == 1 and _says_up(finding)]
    if not first:
        return set()
    columns = zip(*((one.row.website_id, one.row.entry_timestamp, one.value) for one in first), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_STATES, [list(column) for column in columns])
        settled = {website_id for (website_id,) in cursor.fetchall()}
    written = [finding for finding in first if finding.row.website_id in settled]
    copy_in(StateChange._meta.db_table, _CHANGE, map(_change, written))
    values = [finding for finding in written if finding.value is not None]
    copy_in(
        ExtractedValue._meta.db_table,
        _VALUE,
        ((one.row.website_id, one.value, one.row.entry_timestamp) for one in values),
    )
    return settled


def _says_up(finding: Finding) -> bool:
    threshold, seconds = finding.rules.slow_threshold, finding.row.response_time
    is_slow = threshold is not None and seconds is not None and seconds > threshold
    return finding.row.outcome == Outcome.UP and not is_slow


def _change(finding: Finding) -> tuple[Any, ...]:
    row = finding.row
    states = State.UNKNOWN.value, State.UP.value
    return row.website_id, *states, row.entry_timestamp, row.http_status, row.error, row.error_detail, row.remote_ip
