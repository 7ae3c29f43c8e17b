"""Finished checks become rows and states: in bulk, in one transaction a flush."""

import logging
import queue
import time
from collections.abc import Callable, Mapping, Sequence

from django.db import (
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)

from monitoring import certificates, heartbeats, incidents, rollups, states
from monitoring.connectivity import Connectivity, Observation
from monitoring.findings import Check, Finding, finding_of
from monitoring.incidents import Recheck
from monitoring.models import Heartbeat, Outcome, State
from monitoring.rows import insert, key_of, stored_among
from monitoring.states import Known

logger = logging.getLogger(__name__)

# Seconds: what finishes within this time shares a transaction.
FLUSH_INTERVAL = 0.25
FLUSH_SIZE = 2_000
# Seconds between attempts while the database is away, and checks kept meanwhile.
RETRY_DELAYS = (0.5, 1.0, 2.0, 5.0)
KEPT_CAP = 50_000


def collect(finished: "queue.SimpleQueue[Check | None]") -> tuple[list[Check], bool]:
    """Wait for checks, gather what comes within `FLUSH_INTERVAL`; False with them when None ended the queue.

    Returns empty-handed about once a heartbeat interval, so that an idle worker still says that it lives.
    """
    try:
        first = finished.get(timeout=heartbeats.INTERVAL / 2)
    except queue.Empty:
        return [], True
    if first is None:
        return [], False
    time.sleep(FLUSH_INTERVAL)
    checks = [first]
    while len(checks) < FLUSH_SIZE:
        try:
            check = finished.get_nowait()
        except queue.Empty:
            break
        if check is None:
            return checks, False
        checks.append(check)
    return checks, True


class Recorder:
    """Writes checks; used by one thread. What the database refuses for now is kept and written later."""

    def __init__(
        self,
        connectivity: Connectivity,
        missed: Callable[[], int] = lambda: 0,
        recheck: Callable[[Sequence[Recheck]], None] = lambda _: None,
    ) -> None:
        """`missed` tells how many checks of this process never came here; `recheck` takes what to check once more."""
        self._connectivity = connectivity
        self._missed = missed
        self._recheck = recheck
        self._kept: list[Finding] = []
        # What was being written when the database went away: the rows may be there.
        self._in_doubt: list[Finding] = []
        self._failures = 0
        self._retry_at = 0.0
        self._next_heartbeat = 0.0
        self.lost = 0

    def write(self, checks: Sequence[Check]) -> None:
        """Write these checks and any kept ones; never raises for a database that is away."""
        self._kept += map(finding_of, checks)
        now = time.monotonic()
        if now < self._retry_at:
            return
        try:
            close_old_connections()
            self._write_kept()
            if now >= self._next_heartbeat:
                heartbeats.write(Heartbeat.Component.WORKER, self.lost + self._missed())
                self._next_heartbeat = now + heartbeats.INTERVAL
            self._failures = 0
        except (OperationalError, InterfaceError) as error:
            self._put_off(error)

    def _write_kept(self) -> None:
        """Write what is kept, in one piece where the database takes it; only what is unwritten stays kept.

        Raises `OperationalError` or `InterfaceError` where the database is away.
        """
        if self._in_doubt:
            self._drop_stored()
        pieces = [self._kept] if self._kept else []
        refused: list[Finding] = []
        while pieces:
            self._kept = [finding for piece in reversed(pieces) for finding in piece]
            piece = pieces.pop()
            try:
                self._store(piece)
            except (OperationalError, InterfaceError):
                self._in_doubt = piece
                raise
            except Error as error:
                # One row spoils the statement for all: find it by halves.
                if len(piece) > 1:
                    middle = len(piece) // 2
                    pieces += [piece[middle:], piece[:middle]]
                    continue
                if isinstance(error, IntegrityError) and piece is not refused:
                    # What follows from it was for a channel that was deleted just then: now there is none to read.
                    refused = piece
                    pieces.append(piece)
                    continue
                self.lost += 1
                website_id = piece[0].row.website_id
                logger.exception("a check was refused by the database", extra={"website_id": website_id})
        self._kept = []

    def _drop_stored(self) -> None:
        """Keep nothing of what is in doubt that is stored after all: its commit was done, and nobody could say so."""
        stored = stored_among([finding.row for finding in self._in_doubt])
        self._kept = [finding for finding in self._kept if key_of(finding.row) not in stored]
        self._in_doubt = []

    def give_up(self) -> int:
        """Drop all that is kept, and count it as lost; returns how many checks that were."""
        count = len(self._kept)
        self.lost += count
        self._kept, self._in_doubt = [], []
        return count

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

    def _store(self, findings: list[Finding]) -> None:
        """Write rows, and what follows from them, all or nothing."""
        with transaction.atomic():
            known = states.read({finding.row.website_id for finding in findings})
            # What is gone meanwhile is not known here, and its checks are dropped.
            kept = self._excused([finding for finding in findings if finding.row.website_id in known], known)
            insert([finding.row for finding in kept])
            rollups.late((finding.row.website_id, finding.row.entry_timestamp) for finding in kept)
            rechecks = incidents.judge(kept, known)
            certificates.write(
                (finding.row.website_id, finding.row.entry_timestamp, finding.certificate)
                for finding in kept
                # Without an answer, nothing is known of the present one.
                if finding.wants_certificate and (finding.certificate or finding.row.http_status)
            )
        if rechecks:
            self._recheck(rechecks)

    def _excused(self, findings: list[Finding], known: Mapping[int, Known]) -> list[Finding]:
        """The findings as they are written: unknown instead of down where the fault is our own."""
        kinds = self._connectivity.excused(
            [
                Observation(row.website_id, row.error, known[row.website_id].state)
                for row in (finding.row for finding in findings)
            ]
        )
        if not kinds:
            return findings
        return [
            finding._replace(row=finding.row._replace(outcome=Outcome.UNKNOWN.value))
            if finding.row.error in kinds and known[finding.row.website_id].state != State.DOWN
            else finding
            for finding in findings
        ]
