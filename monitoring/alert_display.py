"""How the admin shows incidents, alerts and deliveries.

Everything here returns text that is safe as HTML; what a stranger sent is made inert first.
"""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring.channel_secrets import hint
from monitoring.models import Channel, Delivery, Incident
from monitoring.notifications import wording
from websites.models import Website
from websites.plain_text import inert

# As states are: a word, a sign, and a colour that only helps.
DELIVERY_BADGES = {
    Delivery.Status.PENDING: ("unknown", "…"),
    Delivery.Status.SENT: ("up", "✓"),
    Delivery.Status.FAILED: ("down", "✕"),
}


def badge(look: str, sign: str, word: str) -> SafeString:
    """Look: one of `up`, `down`, `unknown` and `paused`."""
    return format_html(
        '<span class="wm-state wm-{}"><span aria-hidden="true">{}</span> {}</span>', look, sign, inert(word)
    )


def incident_state(incident: Incident) -> SafeString:
    return badge("down", "▼", "open") if incident.is_open else badge("paused", "■", "ended")


def delivery_status(delivery: Delivery) -> SafeString:
    look, sign = DELIVERY_BADGES[Delivery.Status(delivery.status)]
    return badge(look, sign, delivery.get_status_display())


def cause(incident: Incident) -> str:
    """In a few words."""
    return wording.reason(incident)


def lasted(incident: Incident) -> str:
    """Until now, where it is open."""
    end = incident.ended_at or timezone.now()
    return wording.span(max((end - incident.started_at).total_seconds(), 0.0))


def bounds(after: datetime | None, before: datetime | None) -> str:
    """Within which moments something happened."""
    if before is None:
        return display.NOTHING
    if after is None:
        return f"before {display.exact_utc(before)}; no earlier check is known"
    return f"between {display.exact_utc(after)} and {display.exact_utc(before)}"


def acknowledged_by(incident: Incident) -> str:
    if incident.acknowledged_at is None:
        return display.NOTHING
    # Whoever it was may be gone.
    who = incident.acknowledged_by
    return f"by {inert(who.get_username()) if who else 'somebody'}"


def acknowledged(incident: Incident) -> str:
    """By whom and when."""
    if incident.acknowledged_at is None:
        return display.NOTHING
    return f"{acknowledged_by(incident)}, {display.utc(incident.acknowledged_at)}"


def lines(text: str) -> SafeString | str:
    """A text of several lines, each of them inert."""
    if not text:
        return display.NOTHING
    return format_html_join(SafeString("<br>"), "{}", ((inert(line),) for line in text.splitlines()))


def where_to(channel: Channel) -> str:
    return inert(hint(channel))


def link(thing: Any, text: str | SafeString) -> SafeString:
    """To a thing's page in the admin."""
    address = reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])
    return format_html('<a href="{}">{}</a>', address, text)


def website_link(website: Website) -> SafeString:
    return link(website, display.short(website.website_url))
