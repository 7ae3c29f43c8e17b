"""What was wrong with shown websites, as the public is told of it: what kind, and when; never why."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import QuerySet

from monitoring.models import EndReason, Incident, IncidentKind
from monitoring.notifications.wording import span as in_words
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.status_page.planned import Planned, is_within
from monitoring.watch_periods import Span

# Days of past incidents, and of maintenance to come.
DAYS_TOLD = 14
# A website that flaps has hundreds a day.
TOLD_MAX = 200
KINDS = {
    IncidentKind.DOWN: "Outage",
    IncidentKind.SLOW: "Slow responses",
    IncidentKind.VALUE: "Unexpected content",
}
RESOLVED, UNWATCHED = "Resolved", "No longer monitored"


class Told(NamedTuple):
    """An incident, without anything that only those who are signed in may know."""

    key: int
    website_id: int
    name: str
    kind: str
    is_outage: bool
    began: datetime
    noticed: datetime
    # None while it lasts.
    ended: datetime | None
    end_noticed: datetime | None
    # How it ended; blank while it lasts.
    end: str
    lasted: str
    in_maintenance: bool


class Past(NamedTuple):
    """What ended on a day (UTC)."""

    day: datetime
    told: list[Told]


def lasting(names: Mapping[int, str], maintained: Sequence[Planned], now: datetime) -> list[Told]:
    """What is wrong now with the websites that have names, the newest first."""
    rows = Incident.objects.filter(website__in=names, ended_at=None).order_by("-started_at", "-pk")
    return [_told(row, names, maintained, now) for row in _slim(rows)]


def past(names: Mapping[int, str], maintained: Sequence[Planned], now: datetime) -> tuple[list[Past], bool]:
    """What ended lately, by the day on which it did, the newest first; and whether that is not all of it."""
    today = floor(now, DAY)
    days = [today - n * DAY for n in range(DAYS_TOLD)]
    rows = Incident.objects.filter(website__in=names, ended_at__gte=days[-1]).order_by("-ended_at", "-pk")
    found = [_told(row, names, maintained, now) for row in _slim(rows)[: TOLD_MAX + 1]]
    told = {day: Past(day, []) for day in days}
    for one in found[:TOLD_MAX]:
        # Clocks may differ: what is to end in the future ends today.
        told[min(floor(one.ended or now, DAY), today)].told.append(one)
    return list(told.values()), len(found) > TOLD_MAX


def since(now: datetime) -> datetime:
    """When the first of the days begins whose incidents are told."""
    return floor(now, DAY) - (DAYS_TOLD - 1) * DAY


def _slim(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    fields = ("website", "kind", "started_at", "opened_at", "ended_at", "closed_at", "end_reason")
    return rows.only(*fields)


def _told(row: Incident, names: Mapping[int, str], maintained: Sequence[Planned], now: datetime) -> Told:
    until = row.ended_at or now
    end = "" if row.ended_at is None else RESOLVED if row.end_reason == EndReason.RECOVERED else UNWATCHED
    return Told(
        row.pk,
        row.website_id,
        names[row.website_id],
        KINDS[IncidentKind(row.kind)],
        row.kind == IncidentKind.DOWN,
        row.started_at,
        row.opened_at,
        row.ended_at,
        row.closed_at,
        end,
        in_words(max((until - row.started_at) / timedelta(seconds=1), 0.0)),
        is_within(maintained, row.website_id, Span(row.started_at, until)),
    )
