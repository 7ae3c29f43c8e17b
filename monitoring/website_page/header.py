"""What stands above a website's report: what it is, what it is like now, and what can be done with it."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from monitoring import admin_display as display
from monitoring.current import state_of
from monitoring.models import WebsiteState
from monitoring.notifications import wording
from websites.models import Website
from websites.plain_text import inert
from websites.tags import read

TITLE_LENGTH = 80


def header(user: User | AnonymousUser, website: Website) -> dict[str, Any]:
    may_change = user.has_perm("websites.change_website")
    url, state = inert(website.website_url), state_of(website)
    return {
        "website": website,
        "url": url,
        "page_title": f"{Truncator(url).chars(TITLE_LENGTH)} ({state.label}) | webmonitor",
        "open_url": open_url(website),
        "state": state.value,
        "badge": display.state(state),
        "since": _since(website),
        "tags": [inert(tag) for tag in read(website.tags)],
        "may_change": may_change,
        # Who is no staff has the forms of the API.
        "settings_url": reverse(
            "admin:websites_website_change" if user.is_staff else "website-detail", args=[website.pk]
        ),
    }


def open_url(website: Website) -> str:
    """Where a link to the website leads; blank where its URL, as raw SQL could leave it, is none of the web."""
    url = website.website_url
    return url if url.startswith(("http://", "https://")) and inert(url) == url else ""


def _since(website: Website) -> str:
    """Since when it is in its state; blank where no check has said anything yet."""
    try:
        since = website.current_state.since
    except WebsiteState.DoesNotExist:
        return ""
    return f"{display.utc(since)} ({wording.span(max((timezone.now() - since).total_seconds(), 0.0))})"
