"""The overview, as a page and as the fragment that it refreshes itself with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import admin_display as display
from monitoring import alert_display, troubles
from monitoring.absences import absences, warnings
from monitoring.current import in_state
from monitoring.models import Incident, State
from monitoring.overview import listing
from monitoring.overview.health import health
from monitoring.overview.query import FRAGMENT, Query
from monitoring.overview.rows import rows
from monitoring.uptime_text import percent
from websites.models import Website
from websites.plain_text import inert

INCIDENTS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Tile:
    """How many websites are in a state (blank: in any), and where they are listed."""

    state: str
    word: str
    sign: str
    count: int
    address: str
    is_chosen: bool


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """403 with a sentence for whoever may not see websites, 400 with one for what cannot be shown."""
    if not request.user.has_perm("websites.view_website"):
        return _answer(request, {"may_not_see": True}, 403)
    query = Query(request.GET)
    if problems := query.problems:
        return _answer(request, {"query": query, "problems": problems, "tags": listing.all_tags()}, 400)
    return _answer(request, {"query": query, "tags": listing.all_tags(), **_contents(request, query)})


def _answer(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "overview_live" if FRAGMENT in request.GET else "overview"
    return render(request, f"monitoring/{template}.html", {"here": "overview", **context}, status=status)


def _contents(request: HttpRequest, query: Query) -> dict[str, Any]:
    now = timezone.now()
    asked = query.asked
    websites = listing.narrowed(asked.get("search", ""), asked.get("tag", ""))
    counts = listing.counts(websites)
    state = asked.get("state", "")
    pages = listing.pages(counts, state)
    page = min(asked.get("page", 1), pages)
    chosen = in_state(websites, state) if state else websites
    may = request.user.has_perm
    return {
        "now": now,
        "absences": absences(),
        "troubles": troubles.current(),
        "warnings": warnings(),
        "tiles": _tiles(query, counts, state),
        "down": counts[State.DOWN],
        "rows": rows(
            listing.page_of(listing.worst_first(chosen), page),
            now,
            checks=may("monitoring.view_monitoringdata"),
            values=may("monitoring.view_extractedvalue"),
        ),
        **_paging(query, page, pages),
        **(_incidents() if may("monitoring.view_incident") else {}),
        **(_health(now) if may("monitoring.view_monitoringdata") else {}),
    }


def _tiles(query: Query, counts: dict[State, int], chosen: str) -> list[Tile]:
    every = Tile("", "all", "", sum(counts.values()), query.address(state=None), is_chosen=not chosen)
    states = [
        Tile(state, str(state.label), display.SIGNS[state], count, query.address(state=state.value), chosen == state)
        for state, count in counts.items()
    ]
    return [every, *states]


def _paging(query: Query, page: int, pages: int) -> dict[str, Any]:
    return {
        "page": page,
        "pages": pages,
        "previous": query.address(page=page - 1) if page > 1 else "",
        "next": query.address(page=page + 1) if page < pages else "",
    }


def _incidents() -> dict[str, Any]:
    """The newest that are open, of all websites whatever the list is narrowed to."""
    # By their keys, so that the database reads no more websites than these.
    websites = Prefetch("website", Website.objects.only("website_url"))
    newest = Incident.objects.filter(ended_at=None).prefetch_related(websites, "acknowledged_by")
    found = list(newest.order_by("-started_at", "-pk")[: INCIDENTS_SHOWN + 1])
    return {
        "incidents": [_incident(incident) for incident in found[:INCIDENTS_SHOWN]],
        "more_incidents": len(found) > INCIDENTS_SHOWN,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.pk,
        "kind": incident.kind,
        "word": incident.get_kind_display(),
        "url": inert(incident.website.website_url),
        "address": reverse("site", args=[incident.website_id]),
        "cause": alert_display.cause(incident),
        "detail": inert(incident.error_detail),
        "began": display.utc(incident.started_at),
        "lasted": alert_display.lasted(incident),
        "acknowledged": "" if incident.acknowledged_at is None else alert_display.acknowledged_by(incident),
    }


def _health(now: datetime) -> dict[str, Any]:
    found = health()
    day = "" if found.hour is None or found.hour.since.date() == now.date() else f" on {found.hour.since:%Y-%m-%d}"
    return {
        "lateness": display.duration(found.lateness),
        "missed": found.missed,
        "coverage": percent(found.counts.coverage),
        "hour": found.hour and f"{found.hour.since:%H:%M} to {found.hour.until:%H:%M}{day}",
    }
