"""Any window of websites as one sum."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection

from monitoring import check_sums, maintenance, rollups, watch_periods
from monitoring.models import Rollup
from monitoring.schedule import chunks
from monitoring.statistics.parts import split
from monitoring.statistics.summary import Summary
from monitoring.watch_periods import Span

Summaries = dict[int, Summary]
# Spans that a statement leaves out: it looks at all of them for each check, and databases bear only so many.
GAPS_MAX = 50


def summaries(website_ids: Collection[int], window: Span) -> tuple[Span, Summaries]:
    """What checks showed within a window, by website id, and the window that it is of.

    That is wider than the one asked for where checks are gone: by whole hours, and where these are gone, by whole
    days (UTC). Every website asked for is there, with nothing but zeros where it was not watched.
    """
    parts = split(window, rollups.readable())
    found: Summaries = {website_id: Summary() for website_id in website_ids}
    for rollup, span in parts.rolled_up:
        _add_rollups(found, rollup, span)
    add_checks(found, [(span, found) for span in parts.checks])
    return parts.window, found


def _add_rollups(found: Summaries, rollup: type[Rollup], span: Span) -> None:
    rows = rollup._default_manager.filter(started_at__gte=span.since, started_at__lt=span.until)
    for chunk in chunks(list(found)):
        for website_id, expected, *sums in rows.filter(website__in=chunk).values_list(
            "website_id", "expected", *check_sums.COLUMNS
        ):
            found[website_id].expected += expected
            found[website_id].add_sums(sums)


def add_checks(website_ids: Collection[int], parts: Sequence[tuple[Span, Summaries]]) -> None:
    """Add the checks of spans, each to its own summaries, and how many were to be expected; spans are in order."""
    if not parts:
        return
    whole = Span(parts[0][0].since, parts[-1][0].until)
    watches = watch_periods.watches(website_ids, whole)
    for some, maintained in alike(website_ids, maintenance.spans(website_ids, whole)):
        for span, found in parts:
            left_out = span.meeting(maintained)
            for website_id, _, *sums in read_checks(some, span, left_out):
                found[website_id].add_sums(sums)
            counted = span.without(left_out)
            for website_id in some:
                found[website_id].expected += watch_periods.expected(watches.get(website_id, ()), counted)


def alike(
    website_ids: Iterable[int], maintained: Mapping[int, Sequence[Span]]
) -> list[tuple[list[int], tuple[Span, ...]]]:
    """The websites in groups that have the same maintenance, each with that."""
    groups: dict[tuple[Span, ...], list[int]] = defaultdict(list)
    for website_id in website_ids:
        groups[tuple(maintained.get(website_id, ()))].append(website_id)
    return [(ids, left_out) for left_out, ids in groups.items()]


def read_checks(
    website_ids: Sequence[int], span: Span, left_out: Sequence[Span], width: timedelta | None = None
) -> Iterator[tuple[Any, ...]]:
    """Rows of `check_sums.statement`: where much is left out, several of a website and piece, to be added up."""
    pieces = None if width is None else check_sums.Pieces(span.since, width)
    with connection.cursor() as cursor:
        for part, gaps in _in_parts(span, left_out):
            cursor.execute(*check_sums.statement(website_ids, part, left_out=gaps, pieces=pieces))
            yield from cursor.fetchall()


def _in_parts(span: Span, left_out: Sequence[Span]) -> Iterator[tuple[Span, Sequence[Span]]]:
    """The span in parts that each have so few gaps that a statement bears them."""
    since = span.since
    for first in range(0, len(left_out), GAPS_MAX):
        gaps = left_out[first : first + GAPS_MAX]
        until = gaps[-1].until if first + GAPS_MAX < len(left_out) else span.until
        yield Span(since, until), gaps
        since = until
    if not left_out:
        yield span, ()
