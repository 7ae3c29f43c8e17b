"""Finished checks become rows and states: in bulk, in one transaction a flush."""

import logging
import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from django.db import DataError, Error, IntegrityError, close_old_connections, connection, transaction

from monitoring import certificates, heartbeats, incidents, passing_errors, patience, rollups, states
from monitoring.connectivity import Connectivity
from monitoring.excuses import Excuses
from monitoring.findings import Finding
from monitoring.incidents import Recheck
from monitoring.models import Heartbeat
from monitoring.overload import Misses, Reason
from monitoring.rows import insert, key_of, stored_among
from monitoring.vitals import Vitals
from websites import locks
from websites.models import Website

logger = logging.getLogger(__name__)

# Checks that are written in one transaction.
FLUSH_SIZE = 2_000
# Seconds between attempts while the database takes nothing.
RETRY_DELAYS = (0.5, 1.0, 2.0, 5.0)
# Bytes that the checks kept meanwhile may take, and what each takes beside its matches: 150,000 checks without any,
# which is what 10,000 websites every 5 seconds make in 75 seconds.
KEPT_CAP = 150 << 20
BYTES_EACH = 1 << 10
# Seconds that writing what was kept takes at a time: checks go on meanwhile.
CATCH_UP = 1.0
# So many checks refused one by one, and none taken, are the database's fault and not theirs.
REFUSALS_MAX = 8


class Refusal(NamedTuple):
    """A check that the database did not take by itself, and why."""

    finding: Finding
    error: Error


class Recorder:
    """Writes checks; used by one thread. What the database refuses for now is kept and written later."""

    def __init__(
        self,
        connectivity: Connectivity,
        misses: Misses | None = None,
        recheck: Callable[[Sequence[Recheck]], None] = lambda _: None,
    ) -> None:
        """`misses` has the checks of this process that never came here; `recheck` takes what to check once more."""
        self._excuses = Excuses(connectivity)
        self._misses = misses or Misses()
        self._vitals = Vitals(Heartbeat.Component.WORKER, self._misses)
        self._recheck = recheck
        self._kept: list[Finding] = []
        # What was being written when the database went away: the rows may be there.
        self._in_doubt: list[Finding] = []
        self._failures = 0
        self._retry_at = 0.0
        self._next_heartbeat = 0.0

    @patience.at_most(patience.USUAL)
    def write(self, findings: Sequence[Finding]) -> None:
        """Write these and kept ones, for about `CATCH_UP` seconds; never raises for what the database does."""
        self._kept += findings
        self._note_delay(findings)
        now = time.monotonic()
        if now < self._retry_at:
            return
        try:
            close_old_connections()
            self._write_kept(until=now + CATCH_UP)
            if now >= self._next_heartbeat:
                self._next_heartbeat = now + heartbeats.INTERVAL
                self._vitals.say()
            self._excuses.say()
            self._failures = 0
        except Error as error:
            self._put_off(error)

    def _note_delay(self, findings: Sequence[Finding]) -> None:
        """Note how long after their ends they come here: so long, this process is behind by itself."""
        if findings:
            now = time.time()
            delay = max(now - finding.ended_at for finding in findings)
            self._misses.note_late(delay, (finding.row.website_id for finding in findings))

    @patience.at_most(patience.USUAL)
    def finish(self) -> None:
        """Write all that is kept, at the end of the process."""
        try:
            self._write_kept()
        except Error as error:
            self._put_off(error)

    def _write_kept(self, until: float = math.inf) -> None:
        """Write what is kept until a moment (monotonic), `FLUSH_SIZE` checks a transaction.

        Raises `django.db.Error` if the database takes nothing for now; what is unwritten stays kept.
        """
        if self._in_doubt:
            self._drop_stored()
        while self._kept:
            self._write_first()
            if time.monotonic() >= until:
                break

    def _write_first(self) -> None:
        """Write the first checks that are kept, in one piece if the database takes them so.

        One row can spoil the statement for all: it is found by halves. Raises `django.db.Error`.
        """
        first, rest = self._kept[:FLUSH_SIZE], self._kept[FLUSH_SIZE:]
        pieces, again = [first], first[:0]
        refusals: list[Refusal] = []
        has_judged = False
        while pieces:
            self._kept = [finding for piece in reversed(pieces) for finding in piece] + rest
            # At the end, so that they are not what stands in the way of all others next time.
            self._kept += [refusal.finding for refusal in refusals]
            piece = pieces.pop()
            try:
                self._store(piece)
                has_judged = True
            except Error as error:
                if passing_errors.of_database(error):
                    self._in_doubt = piece
                    raise
                if len(piece) > 1:
                    middle = len(piece) // 2
                    pieces += [piece[middle:], piece[:middle]]
                elif isinstance(error, IntegrityError) and piece is not again:
                    # What follows from it was for a channel that was deleted just then: now there is none to read.
                    again = piece
                    pieces.append(piece)
                else:
                    refusals.append(Refusal(piece[0], error))
                    has_judged = has_judged or isinstance(error, (DataError, IntegrityError))
                    if not has_judged and (len(refusals) == REFUSALS_MAX or not pieces):
                        raise
        self._kept = rest
        self._drop(refusals)

    def _drop(self, refusals: Sequence[Refusal]) -> None:
        self._lose([finding for finding, _ in refusals])
        for finding, error in refusals:
            extra = {"website_id": finding.row.website_id}
            logger.error("a check was refused by the database", exc_info=error, extra=extra)

    def _drop_stored(self) -> None:
        """Keep nothing of what is in doubt that is stored after all: its commit was done, and nobody could say so."""
        stored = stored_among([finding.row for finding in self._in_doubt])
        self._kept = [finding for finding in self._kept if key_of(finding.row) not in stored]
        self._in_doubt = []

    def give_up(self) -> int:
        """Drop all that is kept, and count it as lost; returns how many checks that were."""
        count = len(self._kept)
        self._lose(self._kept)
        self._kept, self._in_doubt = [], []
        return count

    @property
    def lost(self) -> int:
        """Checks that were made and never became rows."""
        return self._misses.by_reason()[Reason.NOT_STORED]

    def _lose(self, findings: Sequence[Finding]) -> None:
        if findings:
            self._misses.add(Reason.NOT_STORED, [finding.row.website_id for finding in findings])

    def _put_off(self, error: Error) -> None:
        connection.close()
        delay = RETRY_DELAYS[min(self._failures, len(RETRY_DELAYS) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + delay
        self._bound_kept()
        logger.warning(
            "checks are kept, the database cannot be written to",
            exc_info=None if passing_errors.of_database(error) else error,
            extra={"kept": len(self._kept), "lost": self.lost, "error": passing_errors.words(error)},
        )

    def _bound_kept(self) -> None:
        """Drop the oldest of what is kept, and count it as lost, if all of it takes too much memory."""
        room, number = KEPT_CAP, 0
        for finding in reversed(self._kept):
            room -= BYTES_EACH + len(finding.row.regex_response or "")
            if room < 0:
                break
            number += 1
        oldest = len(self._kept) - number
        self._lose(self._kept[:oldest])
        self._kept = self._kept[oldest:]

    def _store(self, findings: list[Finding]) -> None:
        """Write rows, and what follows from them, all or nothing."""
        with transaction.atomic():
            known = states.read({finding.row.website_id for finding in findings})
            # What is gone meanwhile is not known here, and its checks are dropped.
            kept = self._excuses.apply([finding for finding in findings if finding.row.website_id in known], known)
            telling = incidents.telling(kept, known)
            # Without an answer, nothing is known of the present one.
            looked = [one for one in kept if one.wants_certificate and (one.certificate or one.row.http_status)]
            # What shows none only loses its row, which refers to nothing any more.
            referred = telling | {finding.row.website_id for finding in looked if finding.certificate}
            gone = referred - locks.hold(Website, referred)
            if gone:
                kept, looked = (_without(gone, findings) for findings in (kept, looked))
            insert([finding.row for finding in kept])
            rollups.late((finding.row.website_id, finding.row.entry_timestamp) for finding in kept)
            rechecks = incidents.judge(kept, known, telling - gone)
            certificates.write(
                (finding.row.website_id, finding.row.entry_timestamp, finding.certificate) for finding in looked
            )
        rechecks += [Recheck(website_id, 0.0) for website_id in self._excuses.to_ask()]
        if rechecks:
            self._recheck(rechecks)


def _without(website_ids: Collection[int], findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.row.website_id not in website_ids]
