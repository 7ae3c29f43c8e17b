"""A page of websites as the overview shows it.

Everything here is text for a template that escapes; what a stranger sent is made inert first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import maintenance
from monitoring.current import latest_checks, state_of
from monitoring.models import MonitoringData, State, WebsiteState
from monitoring.notifications import wording
from monitoring.overview.listing import has_bad_value
from monitoring.overview.watched import Watched, watched
from websites import tags
from websites.models import Website
from websites.plain_text import inert

TAGS_SHOWN = 4
VALUE_SHOWN = 200


@dataclass(slots=True)
class Row:
    website_id: int
    address: str
    url: str
    # The URL in parts: people look for the host.
    scheme: str
    host: str
    rest: str
    state: State
    badge: SafeString
    # For how long it has been in its state.
    lasts: str
    is_slow: bool
    has_bad_value: bool
    # With the address of the websites that have it.
    tags: Sequence[tuple[str, str]]
    more_tags: int
    # Blank where the regex matched nothing; None where there is none, or nobody may see it.
    value: str | None
    response_time: str
    checked_at: str
    # None for whoever may not see checks.
    watched: Watched | None = None
    # Blank where it has no maintenance.
    maintained_until: str = ""
    # Blank where its state is known, or where nobody may see why not.
    why_unknown: str = ""


def rows(websites: Sequence[Website], now: datetime, *, checks: bool, values: bool) -> list[Row]:
    """Of websites read by `listing.worst_first`; with what checks showed and extracted values where asked for."""
    latest = latest_checks([website.pk for website in websites]) if checks else {}
    drawn = watched(websites, now) if checks else {}
    maintained = maintenance.muted_until(websites, now)
    found = []
    for website in websites:
        row = _row(website, now, latest.get(website.pk), values=values)
        row.watched = drawn.get(website.pk)
        if checks and row.state is State.UNKNOWN:
            known: WebsiteState | None = getattr(website, "current_state", None)
            row.why_unknown = display.why_unknown(latest.get(website.pk), known.since if known else None)
        if website.pk in maintained:
            row.maintained_until = display.utc(maintained[website.pk])
        found.append(row)
    return found


def _row(website: Website, now: datetime, check: MonitoringData | None, *, values: bool) -> Row:
    known: WebsiteState | None = getattr(website, "current_state", None)
    state = state_of(website)
    scheme, host, rest = _parts(inert(website.website_url))
    named = tags.read(website.tags)
    return Row(
        website_id=website.pk,
        address=reverse("site", args=[website.pk]),
        url=inert(website.website_url),
        scheme=scheme,
        host=host,
        rest=rest,
        state=state,
        badge=display.state(state),
        lasts=wording.span(max(0.0, (now - known.since).total_seconds())) if known else "",
        is_slow=state is State.UP and bool(known and known.is_slow),
        has_bad_value=website.is_active and has_bad_value(website),
        tags=[(tag, f"?{urlencode({'tag': tag})}") for tag in named[:TAGS_SHOWN]],
        more_tags=max(0, len(named) - TAGS_SHOWN),
        value=inert(known.value)[:VALUE_SHOWN] if values and known and known.value is not None else None,
        response_time=display.duration(check.response_time if check else None),
        checked_at=display.utc(check.entry_timestamp) if check else "",
    )


def _parts(url: str) -> tuple[str, str, str]:
    """Scheme, host and what follows; `https://` goes without saying, and so does a path of `/`."""
    scheme, mark, address = url.partition("://")
    if not mark:
        return "", url, ""
    host, slash, rest = address.partition("/")
    return ("" if scheme == "https" else f"{scheme}://"), host, (slash + rest if rest else "")
