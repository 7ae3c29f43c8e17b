"""What is known of websites now: their state and their latest check, for a page of them at once."""

from collections.abc import Collection

from django.db.models import OuterRef, Q, Subquery

from monitoring.models import Certificate, MonitoringData, State, WebsiteState
from websites.models import Website, WebsiteQuerySet

KNOWN = (State.UP, State.DOWN)


def state_of(website: Website) -> State:
    """Paused where it is not active, unknown where no check has said anything yet.

    Costs a query where `current_state` was not selected with the website.
    """
    if not website.is_active:
        return State.PAUSED
    try:
        return State(website.current_state.state)
    except WebsiteState.DoesNotExist:
        return State.UNKNOWN


def certificate_of(website: Website) -> Certificate | None:
    """The certificate last seen; costs a query where it was not selected with the website."""
    try:
        return website.certificate
    except Certificate.DoesNotExist:
        return None


def in_state(websites: WebsiteQuerySet, state: str) -> WebsiteQuerySet:
    """Those websites for which `state_of` gives this state."""
    if state == State.PAUSED:
        return websites.filter(is_active=False)
    if state in KNOWN:
        return websites.filter(is_active=True, current_state__state=state)
    return websites.filter(Q(current_state=None) | ~Q(current_state__state__in=KNOWN), is_active=True)


def latest_checks(website_ids: Collection[int]) -> dict[int, MonitoringData]:
    """The newest row of each of these websites, by website id, in one query: one step into the index a website."""
    newest = MonitoringData.objects.filter(website=OuterRef("pk")).order_by("-entry_timestamp", "-pk").values("pk")[:1]
    row_ids = Website.objects.filter(pk__in=website_ids).order_by().values_list(Subquery(newest))
    return {row.website_id: row for row in MonitoringData.objects.filter(pk__in=row_ids)}
