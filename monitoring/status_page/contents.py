"""What the status page says, read from the database: the one place where it is decided what the public gets to know."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import OuterRef

from monitoring.current import state_of
from monitoring.freshness import is_fresh, last_checked
from monitoring.models import ShownWebsite, StatusPage
from monitoring.models.status_page import DAYS_MAX, DAYS_MIN, SHOWN_MAX
from monitoring.rollup_tables import DAY
from monitoring.status_page import incidents
from monitoring.status_page.conditions import Condition, Headline, condition, headline
from monitoring.status_page.incidents import Past, Told
from monitoring.status_page.planned import Planned, at, planned
from monitoring.watch_periods import Span
from websites.plain_text import inert, readable


@dataclass(frozen=True, slots=True)
class Listed:
    """A website under its shown name; a blank URL is not shown."""

    website_id: int
    name: str
    url: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Group:
    """Those of no group have a blank name."""

    name: str
    websites: list[Listed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Contents:
    """Texts are inert; they are not yet escaped."""

    title: str
    introduction: str
    days: int
    changed_at: datetime
    at: datetime
    groups: list[Group]
    lasting: list[Told]
    past: list[Past]
    # Whether there were more past incidents than are told.
    is_cut: bool
    maintenance: list[Planned]

    @property
    def websites(self) -> list[Listed]:
        return [website for group in self.groups for website in group.websites]

    @property
    def headline(self) -> Headline:
        return headline([website.condition for website in self.websites])


def read(now: datetime) -> Contents | None:
    """What is to be shown at a moment; None where the page is off."""
    page = StatusPage.objects.filter(is_public=True).first()
    if page is None:
        return None
    rows = _rows(now)
    names = {row.website_id: inert(row.name) for row in rows}
    told_since = incidents.since(now)
    maintenance = planned([row.website for row in rows], Span(told_since, now + incidents.DAYS_TOLD * DAY))
    lasting = incidents.lasting(names, maintenance, now)
    past, is_cut = incidents.past(names, maintenance, now)
    return Contents(
        title=readable(page.title),
        introduction="\n".join(readable(line) for line in page.introduction.splitlines()),
        days=min(max(page.days, DAYS_MIN), DAYS_MAX),
        changed_at=page.changed_at,
        at=now,
        groups=_groups(rows, lasting, at(maintenance, now), now),
        lasting=lasting,
        past=past,
        is_cut=is_cut,
        maintenance=[one for one in maintenance if one.times[-1].until > now],
    )


def _rows(now: datetime) -> list[Any]:
    """The shown websites in order, those of no group first; each with when it was last checked as `checked_at`."""
    rows = ShownWebsite.objects.select_related("group", "website__current_state").order_by(
        "group__position", "group", "position", "pk"
    )
    rows = rows.annotate(checked_at=last_checked(OuterRef("website"), now))
    needed = ("website_url", "is_active", "monitoring_interval", "tags", "current_state__state")
    found: Any = rows.only("name", "show_url", "group__name", *(f"website__{name}" for name in needed))
    # Databases do not agree on where NULL comes in an order.
    return sorted(found[:SHOWN_MAX], key=lambda row: row.group_id is not None)


def _groups(rows: Sequence[Any], lasting: Sequence[Told], maintained: frozenset[int], now: datetime) -> list[Group]:
    wrong = defaultdict(set)
    for told in lasting:
        wrong[told.website_id].add(told.kind)
    groups: dict[int | None, Group] = {}
    for row in rows:
        group = groups.setdefault(row.group_id, Group(inert(row.group.name) if row.group else ""))
        group.websites.append(
            Listed(
                row.website_id,
                inert(row.name),
                inert(row.website.website_url) if row.show_url else "",
                condition(
                    state_of(row.website),
                    is_fresh=is_fresh(row.website, row.checked_at, now),
                    is_degraded=bool(wrong[row.website_id]),
                    in_maintenance=row.website_id in maintained,
                ),
            )
        )
    return list(groups.values())
