"""Incidents against the truth: what was found, how late, within which bounds, and what was made up. All pure.

An incident may be about every outage that it overlaps between its outermost bounds, several where it could not see
them apart: its beginning is that of the first, its end that of the last. One that overlaps none is false.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.truth.history import Span


class Outage(NamedTuple):
    """What truly happened to a website, in Unix time; also a slow spell."""

    site: int
    kind: str
    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


class Seen(NamedTuple):
    """An incident as it is stored, in Unix time; None where nothing is stored."""

    pk: int
    site: int
    started_after: float | None
    started_before: float
    opened_at: float
    ended_after: float | None = None
    ended_before: float | None = None


class Match(NamedTuple):
    """An incident and the outages that it is about, in order; without any, it is false."""

    seen: Seen
    outages: tuple[Outage, ...]

    @property
    def is_false(self) -> bool:
        return not self.outages

    @property
    def is_contained(self) -> bool:
        """Whether its bounds hold the true times; a bound that is missing holds none."""
        seen = self.seen
        return (
            not self.is_false
            and _is_within(seen.started_after, self.outages[0].start, seen.started_before)
            and _is_within(seen.ended_after, self.outages[-1].end, seen.ended_before)
        )

    @property
    def delay(self) -> float:
        """Seconds from the true beginning until it was noticed."""
        return self.seen.opened_at - self.outages[0].start


def match(outages: Iterable[Outage], incidents: Iterable[Seen]) -> list[Match]:
    """Every incident with what it is about."""
    own: dict[int, list[Outage]] = defaultdict(list)
    for outage in sorted(outages, key=lambda outage: outage.start):
        own[outage.site].append(outage)
    return [Match(seen, tuple(outage for outage in own[seen.site] if _overlap(outage, seen))) for seen in incidents]


def missed(
    outages: Iterable[Outage], matches: Iterable[Match], least: float, blind: Sequence[Span] = ()
) -> list[Outage]:
    """Outages without an incident that lasted longer than `least` seconds, times when nobody could look left out."""
    found = {outage for one in matches for outage in one.outages}
    return [outage for outage in outages if outage not in found and is_long(outage, least, blind)]


def is_long(outage: Outage, least: float, blind: Sequence[Span] = ()) -> bool:
    hidden = sum(max(0.0, min(outage.end, span.end) - max(outage.start, span.start)) for span in blind)
    return outage.length - hidden > least


def _overlap(outage: Outage, seen: Seen) -> bool:
    begun = seen.started_after is None or outage.end > seen.started_after
    return begun and (seen.ended_before is None or outage.start < seen.ended_before)


def _is_within(low: float | None, moment: float, high: float | None) -> bool:
    return low is not None and high is not None and low <= moment <= high
