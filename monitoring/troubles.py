"""What keeps the monitor itself from watching: said by the process that has it, read by pages, `/readyz` and alerts.

A process says so again every few seconds while it lasts. One that was silent about it for `FRESH_FOR` has it no more:
it ended without a word.
"""

import datetime
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from monitoring import heartbeats
from monitoring.models import Heartbeat, Trouble, TroubleKind

FRESH_FOR = 60.0
WORDS_MAX_LENGTH = 500
WORKER = Heartbeat.Component.WORKER
# What people can do about each kind, or need to know.
ADVICE = {
    TroubleKind.OVERLOADED: "More workers, longer intervals or shorter timeouts make room: docs/operations.md.",
    TroubleKind.CUT_OFF: "Failures are not taken for the websites' own meanwhile: docs/operations.md.",
}


class Current(NamedTuple):
    """A kind of trouble that any process has now: since when, in words, and how many websites it affects at least."""

    kind: TroubleKind
    began_at: datetime.datetime
    words: str
    affected: int

    @property
    def sentence(self) -> str:
        """`overloaded: 3,412 checks missed in the last minute, affected: 300 websites`."""
        return f"{self.kind.label}: {self.words}, affected: {self.affected_websites}"

    @property
    def affected_websites(self) -> str:
        return f"{self.affected:,} {'website' if self.affected == 1 else 'websites'}"

    @property
    def advice(self) -> str:
        return ADVICE[self.kind]


def note(kind: TroubleKind, words: str, affected: int, component: Heartbeat.Component = WORKER) -> None:
    """Say that this process has this trouble, now or still; `words` say what and why, without a full stop.

    Two short queries at most. Raises `django.db.Error` alone.
    """
    now = timezone.now()
    own = _own(kind, component)
    found = own.first()
    if found is not None and not _is_fresh(found, now):
        # Of a process of the same name that ended, or of before a time in which the database was away.
        own.update(ended_at=found.seen_at)
        found = None
    said = {"seen_at": now, "words": words[:WORDS_MAX_LENGTH], "affected": affected}
    if found is None:
        instance = heartbeats.instance_name()
        Trouble.objects.create(kind=kind, component=component, instance=instance, began_at=now, **said)
    else:
        Trouble.objects.filter(pk=found.pk).update(**said)


def clear(kind: TroubleKind, component: Heartbeat.Component = WORKER) -> None:
    """Say that this process has this trouble no more. Raises `django.db.Error` alone."""
    _own(kind, component).update(ended_at=timezone.now())


def current() -> list[Current]:
    """What troubles the monitor now, by kind; of several processes, the one that is affected most says why."""
    now = timezone.now()
    by_kind: dict[TroubleKind, list[Trouble]] = {}
    for trouble in open_at(now):
        by_kind.setdefault(TroubleKind(trouble.kind), []).append(trouble)
    return [_together(kind, troubles) for kind, troubles in sorted(by_kind.items())]


def open_at(now: datetime.datetime) -> list[Trouble]:
    """Those that processes have now."""
    # What was seen while a clock was ahead is open until then at most: it is not fresh before.
    since = now - datetime.timedelta(seconds=FRESH_FOR)
    return [trouble for trouble in Trouble.objects.filter(ended_at=None, seen_at__gt=since) if _is_fresh(trouble, now)]


def lasts(trouble: Trouble) -> bool:
    """Whether its process has it now."""
    return trouble.ended_at is None and _is_fresh(trouble, timezone.now())


def last_seen(kind: TroubleKind) -> datetime.datetime | None:
    """When any process had this trouble last; None where none is known of."""
    # What ended while the clock was ahead is not seen until then.
    until = timezone.now() + datetime.timedelta(seconds=heartbeats.CLOCK_SKEW)
    seen = Trouble.objects.filter(kind=kind, seen_at__lt=until).order_by("-seen_at").first()
    return None if seen is None else seen.ended_at or seen.seen_at


def _own(kind: TroubleKind, component: Heartbeat.Component) -> QuerySet[Trouble]:
    return Trouble.objects.filter(kind=kind, component=component, instance=heartbeats.instance_name(), ended_at=None)


def _is_fresh(trouble: Trouble, now: datetime.datetime) -> bool:
    # Clocks of several machines need not agree.
    return -heartbeats.CLOCK_SKEW < (now - trouble.seen_at).total_seconds() <= FRESH_FOR


def _together(kind: TroubleKind, troubles: Iterable[Trouble]) -> Current:
    """One of several: their websites overlap, as any process may check any of them, so they are not added up."""
    ordered = sorted(troubles, key=lambda trouble: -trouble.affected)
    worst = ordered[0]
    others = f" (in {len(ordered)} processes)" if len(ordered) > 1 else ""
    return Current(kind, min(trouble.began_at for trouble in ordered), worst.words + others, worst.affected)
