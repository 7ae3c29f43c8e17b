"""The newest checks of websites, as they are judged: of few websites at a time, in one query."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from monitoring import check_sums, id_lists, newest_first
from monitoring.models import MonitoringData
from monitoring.watch_periods import Span
from websites.models import Website

# What was made so much later than now was made before the clock was set back.
AHEAD = timedelta(seconds=5)
EVER = Span(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))

_TABLE = MonitoringData._meta.db_table
_COLUMNS = (
    *("website_id", "entry_timestamp", "outcome", "response_time", "failed_after", "regex_response"),
    *("http_status", "error", "error_detail", "remote_ip"),
)
# The moment from which on there are so many checks of a website, and these, by the index of newest ones.
_NEWEST = (
    f"SELECT {', '.join(f'checks.{name}' for name in ('id', *_COLUMNS))} FROM ("  # noqa: S608 names of this project's own
    f" SELECT asked.id AS website_id, COALESCE((SELECT entry_timestamp FROM {_TABLE} WHERE website_id = asked.id"
    " AND entry_timestamp >= %s AND entry_timestamp < %s ORDER BY entry_timestamp DESC LIMIT 1 OFFSET %s), %s) AS since"
    " FROM {asked}) AS wanted"
    f" JOIN {_TABLE} AS checks"
    " ON checks.website_id = wanted.website_id AND checks.entry_timestamp >= wanted.since"
    " AND checks.entry_timestamp >= %s AND checks.entry_timestamp < %s"
    " ORDER BY checks.website_id, checks.entry_timestamp DESC, checks.id DESC"
)


class PastCheck(NamedTuple):
    """A stored check; durations in seconds."""

    website_id: int
    checked_at: datetime
    outcome: str
    response_time: float | None
    failed_after: float | None
    regex_response: str | None
    http_status: int
    error: str
    error_detail: str
    remote_ip: str | None

    @property
    def finished_at(self) -> datetime:
        return self.checked_at + timedelta(seconds=self.response_time or self.failed_after or 0.0)


def newest(website_ids: Collection[int], count: int) -> dict[int, list[PastCheck]]:
    """So many checks of each website, newest first, by website id; fewer where there are no more.

    Where the clock was set back, those that were stored before that are left out: by their times, they would stay the
    newest until the clock has come as far again.
    """
    recent = newest_first.recent()
    found = _newest(website_ids, count, recent)
    few = [website_id for website_id, checks in found.items() if len(checks) < count]
    longer = _watched_since_before(recent.since, few) if few else []
    # A clock may be wrong by more than that.
    longer += [website_id for website_id in few if not found[website_id] and website_id not in longer]
    return found | _newest(longer, count, EVER) if longer else found


def _watched_since_before(moment: datetime, website_ids: Collection[int]) -> list[int]:
    """Those that may have older checks: where many are new, to look for what cannot be there would take long."""
    older = Website.objects.filter(pk__in=id_lists.chosen(website_ids), created_at__lt=moment)
    return list(older.order_by().values_list("pk", flat=True))


def _newest(website_ids: Collection[int], count: int, span: Span) -> dict[int, list[PastCheck]]:
    query = _NEWEST.replace("{asked}", id_lists.table())
    since, until = map(check_sums.moment, span)
    found: dict[int, list[PastCheck]] = {website_id: [] for website_id in website_ids}
    latest = timezone.now() + AHEAD
    before_setback: dict[int, int] = {}
    parameters = [since, until, count - 1, since, id_lists.parameter(website_ids), since, until]
    for row in MonitoringData.objects.raw(query, parameters):
        found[row.website_id].append(PastCheck(*(getattr(row, name) for name in _COLUMNS)))
        if row.entry_timestamp > latest:
            before_setback[row.website_id] = max(row.pk, before_setback.get(row.website_id, 0))
    for website_id, last_id in before_setback.items():
        found[website_id] = _newest_after(website_id, last_id, count)
    return found


def _newest_after(website_id: int, last_id: int, count: int) -> list[PastCheck]:
    checks = MonitoringData.objects.filter(website=website_id, pk__gt=last_id).order_by("-entry_timestamp", "-pk")
    return [PastCheck(*values) for values in checks.values_list(*_COLUMNS)[:count]]


def last_with(website_id: int, outcome: str, before: datetime, since: datetime) -> datetime | None:
    """When the last check with this outcome was made before a moment, and since another; None where there is none."""
    checks = MonitoringData.objects.filter(website=website_id, outcome=outcome)
    checks = checks.filter(entry_timestamp__lt=before, entry_timestamp__gte=since)
    return checks.order_by("-entry_timestamp").values_list("entry_timestamp", flat=True).first()
