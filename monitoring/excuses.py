"""Failures that are the monitor's own are kept as unknown instead of down; told once where that lasts."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from monitoring import troubles
from monitoring.connectivity import Connectivity, Observation, Reason
from monitoring.findings import Finding
from monitoring.models import Outcome, State, TroubleKind
from monitoring.notifications.wording import utc
from monitoring.states import Known

# What is excused for more of a website's intervals than that is told.
PATIENCE = 2
# Seconds between two times of saying so.
SAY_INTERVAL = 5.0
# A website that was not checked for so many intervals, and a minute, is not excused any more: it is gone, or paused.
FORGOTTEN, BESIDES = 3, timedelta(minutes=1)
WORDS = {
    Reason.REFERENCES: "none of the reference addresses answers",
    Reason.LINE: "nothing outside can be connected to",
    Reason.NAMES: "no name server answers",
}


class Excuse(NamedTuple):
    """Since when a website is excused, and why; the latest such check, and its interval."""

    since: datetime
    reason: Reason
    latest: datetime
    interval: timedelta


class Excuses:
    """Used by the one thread that writes checks."""

    def __init__(self, connectivity: Connectivity) -> None:
        self._connectivity = connectivity
        self._excused: dict[int, Excuse] = {}
        self._is_told = False
        self._next = 0.0

    def apply(self, findings: Sequence[Finding], known: Mapping[int, Known]) -> list[Finding]:
        """The findings as they are written; a website that is down stays down, whatever is heard of it."""
        reasons = self._connectivity.excused([_observation(finding, known) for finding in findings])
        if not reasons and not self._excused:
            return list(findings)
        applied = []
        for place, finding in enumerate(findings):
            about = known[finding.row.website_id]
            reason = reasons.get(place) if about.state != State.DOWN else None
            self._note(finding, about, reason)
            row = finding.row if reason is None else finding.row._replace(outcome=Outcome.UNKNOWN.value)
            applied.append(finding._replace(row=row))
        return applied

    def to_ask(self) -> list[int]:
        """Websites to check at once, as their answers tell whose fault the latest failures are."""
        return self._connectivity.to_ask()

    def say(self) -> None:
        """Say that this process is cut off, where that lasts, or is so no more; called as often as one likes.

        Raises `django.db.Error` alone.
        """
        if not (self._excused or self._is_told) or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SAY_INTERVAL
        now, lasting = timezone.now(), self._connectivity.lasting()
        self._excused = {
            website_id: excuse
            for website_id, excuse in self._excused.items()
            if now - excuse.latest < FORGOTTEN * excuse.interval + BESIDES
        }
        # What pauses is not told meanwhile; but it began when it first did.
        held = [excuse for excuse in self._excused.values() if excuse.reason in lasting]
        if any(now - excuse.since > PATIENCE * excuse.interval for excuse in held):
            troubles.note(TroubleKind.CUT_OFF, _words(held), len(held))
            self._is_told = True
        elif self._is_told:
            troubles.clear(TroubleKind.CUT_OFF)
            self._is_told = False

    def _note(self, finding: Finding, about: Known, reason: Reason | None) -> None:
        website_id, checked_at = finding.row.website_id, finding.row.entry_timestamp
        if reason is None:
            self._excused.pop(website_id, None)
            return
        before = self._excused.get(website_id)
        since = min(before.since, checked_at) if before else checked_at
        self._excused[website_id] = Excuse(since, reason, checked_at, timedelta(seconds=about.interval))


def _words(excuses: Iterable[Excuse]) -> str:
    """Each reason that there is, since when."""
    since: dict[Reason, datetime] = {}
    for excuse in excuses:
        since[excuse.reason] = min(excuse.since, since.get(excuse.reason, excuse.since))
    return "; ".join(f"{WORDS[reason]} since {utc(moment)}" for reason, moment in sorted(since.items()))


def _observation(finding: Finding, known: Mapping[int, Known]) -> Observation:
    row = finding.row
    began = row.entry_timestamp.timestamp()
    return Observation(
        row.website_id,
        row.error,
        known[row.website_id].state,
        finding.is_heard,
        began,
        began + (row.response_time or row.failed_after or 0.0),
        finding.url,
        row.remote_ip or "",
    )
