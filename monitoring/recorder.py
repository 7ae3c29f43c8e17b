"""Finished checks become rows and states: in bulk, in one transaction a flush."""

import logging
import queue
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import Error, InterfaceError, OperationalError, close_old_connections, connection, transaction

from monitoring import heartbeats
from monitoring.models import ERROR_DETAIL_MAX_LENGTH, Heartbeat, MonitoringData, State, WebsiteState
from monitoring.probe import content
from monitoring.probe.types import Exchange
from monitoring.states import judge
from websites.models import Website

logger = logging.getLogger(__name__)

# Seconds: what finishes within this time shares a transaction.
FLUSH_INTERVAL = 0.25
FLUSH_SIZE = 2_000
# Seconds between attempts while the database is away, and checks kept meanwhile.
RETRY_DELAYS = (0.5, 1.0, 2.0, 5.0)
KEPT_CAP = 50_000


@dataclass(frozen=True, slots=True)
class Check:
    """A finished check of a website's slot (ms of Unix time)."""

    website_id: int
    slot: int
    exchange: Exchange


def collect(finished: "queue.SimpleQueue[Check | None]") -> tuple[list[Check], bool]:
    """Wait for checks, gather what comes within `FLUSH_INTERVAL`; False with them when None ended the queue.

    Returns empty-handed about once a heartbeat interval, so that an idle worker still says that it lives.
    """
    checks: list[Check] = []
    deadline = time.monotonic() + heartbeats.INTERVAL / 2
    while len(checks) < FLUSH_SIZE:
        try:
            check = finished.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if check is None:
            return checks, False
        if not checks:
            deadline = time.monotonic() + FLUSH_INTERVAL
        checks.append(check)
    return checks, True


class Recorder:
    """Writes checks; used by one thread. What the database refuses for now is kept and written later."""

    def __init__(self) -> None:
        self._kept: list[MonitoringData] = []
        self._failures = 0
        self._retry_at = 0.0
        self._next_heartbeat = 0.0
        self.lost = 0

    def write(self, checks: Sequence[Check]) -> None:
        """Write these checks and any kept ones; never raises for a database that is away."""
        self._kept += [row_of(check) for check in checks]
        now = time.monotonic()
        if now < self._retry_at:
            return
        try:
            close_old_connections()
            if self._kept:
                self.lost += _store(self._kept)
                self._kept = []
            if now >= self._next_heartbeat:
                heartbeats.write(Heartbeat.Component.WORKER)
                self._next_heartbeat = now + heartbeats.INTERVAL
            self._failures = 0
        except (OperationalError, InterfaceError) as error:
            self._put_off(error)

    def _put_off(self, error: Exception) -> None:
        connection.close()
        delay = RETRY_DELAYS[min(self._failures, len(RETRY_DELAYS) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + delay
        if len(self._kept) > KEPT_CAP:
            self.lost += len(self._kept) - KEPT_CAP
            self._kept = self._kept[-KEPT_CAP:]
        logger.warning(
            "checks are kept, the database cannot be written to",
            extra={"kept": len(self._kept), "lost": self.lost, "error": str(error).strip()},
        )


def row_of(check: Check) -> MonitoringData:
    """The row that keeps a check; its body is read here."""
    exchange = check.exchange
    matches = content.read(exchange).matches
    return MonitoringData(
        website_id=check.website_id,
        http_status=exchange.http_status,
        entry_timestamp=datetime.fromtimestamp(exchange.started_at, UTC),
        response_time=exchange.response_time,
        regex_response=None if matches is None else content.as_json(matches),
        scheduled_at=datetime.fromtimestamp(check.slot / 1000, UTC),
        error=exchange.error or "",
        error_detail=exchange.error_detail[:ERROR_DETAIL_MAX_LENGTH],
        dns_time=exchange.phases.dns,
        connect_time=exchange.phases.connect,
        tls_time=exchange.phases.tls,
        first_byte_time=exchange.phases.first_byte,
        remote_ip=exchange.remote_ip,
    )


def _store(rows: list[MonitoringData]) -> int:
    """Write rows and the states they change; returns how many the database would not take.

    Raises `OperationalError` or `InterfaceError` where the database is away: nothing is written then.
    """
    try:
        _store_together(rows)
    except (OperationalError, InterfaceError):
        raise
    except Error:
        # One row spoils the statement for all (its website was deleted this moment, say): find it by halves.
        if len(rows) == 1:
            logger.exception("a check was refused by the database", extra={"website_id": rows[0].website_id})
            return 1
        middle = len(rows) // 2
        return _store(rows[:middle]) + _store(rows[middle:])
    return 0


def _store_together(rows: Sequence[MonitoringData]) -> None:
    with transaction.atomic():
        ids = {row.website_id for row in rows}
        # What is gone meanwhile has no row here, and its checks are dropped.
        known = {
            pk: (regex is not None, state)
            for pk, regex, state in Website.objects.filter(pk__in=ids)
            .order_by()
            .values_list("pk", "regex", "current_state__state")
        }
        kept = [row for row in rows if row.website_id in known]
        MonitoringData.objects.bulk_create(kept)
        _move_states(kept, known)


def _move_states(rows: Sequence[MonitoringData], known: Mapping[int, tuple[bool, str | None]]) -> None:
    """Write the state of each website whose newest check here argues for another one."""
    newest: dict[int, MonitoringData] = {}
    for row in rows:
        other = newest.get(row.website_id)
        if other is None or row.entry_timestamp > other.entry_timestamp:
            newest[row.website_id] = row
    changed: list[WebsiteState] = []
    for website_id, row in newest.items():
        has_regex, old = known[website_id]
        new = judge(row.http_status, row.error, wants_body=has_regex)
        if new != (old or State.UNKNOWN):
            changed.append(WebsiteState(website_id=website_id, state=new, since=row.entry_timestamp))
    if changed:
        WebsiteState.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["website"], update_fields=["state", "since"]
        )
