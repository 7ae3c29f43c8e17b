"""What is known of websites now: their state and their latest check, for a page of them at once."""

from collections.abc import Collection

from django.db.models import OuterRef, Q, QuerySet, Subquery

from monitoring import newest_first
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
    """The newest row of each of these websites, by website id: one step into an index a website.

    A website that was not checked since yesterday takes a step for every day that is kept.
    """
    recent = newest_first.recent()
    checks = MonitoringData.objects.filter(entry_timestamp__gte=recent.since, entry_timestamp__lt=recent.until)
    found = _latest(checks, website_ids)
    resting = set(website_ids) - set(found)
    return found | _latest(MonitoringData.objects.all(), resting) if resting else found


def _latest(checks: QuerySet[MonitoringData], website_ids: Collection[int]) -> dict[int, MonitoringData]:
    newest = checks.filter(website=OuterRef("pk")).order_by("-entry_timestamp", "-pk").values("pk")[:1]
    row_ids = Website.objects.filter(pk__in=website_ids).order_by().values_list(Subquery(newest), flat=True)
    # Read first: PostgreSQL would look for them anew in every partition.
    return {row.website_id: row for row in checks.filter(pk__in=[row_id for row_id in row_ids if row_id])}
