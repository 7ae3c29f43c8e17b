"""Windows of time that people ask about."""

from datetime import UTC, datetime, timedelta

from django.core.exceptions import ValidationError

from monitoring import rollups
from monitoring.models import DailyRollup
from monitoring.watch_periods import Span

DEFAULT_LENGTH = timedelta(hours=24)
# Nobody watched anything before.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def asked_for(since: datetime | None, until: datetime | None, now: datetime) -> Span:
    """The window between two moments: up to now where it has no end or a later one, of 24 hours where it has no start.

    Raises `ValidationError` with a sentence under `since` or `until` where there is no time between them.
    """
    check(since, until, now)
    until = now if until is None else min(until, now)
    return Span(max(since or until - DEFAULT_LENGTH, EARLIEST), until)


def check(since: datetime | None, until: datetime | None, now: datetime) -> None:
    """Raises `ValidationError` where there is no time between two moments that anything could be known of."""
    if since is not None and until is not None and since >= until:
        raise ValidationError({"since": "It must be before until: there is no time between them."})
    if until is not None and until <= EARLIEST:
        raise ValidationError({"until": "Nothing was watched before 1970."})
    if since is not None and since >= now:
        raise ValidationError({"since": "This time is still to come: there is nothing to tell of it yet."})


def with_data(website_id: int, window: Span) -> Span:
    """The window without what of it was before anything that is known of a website, where it begins there."""
    days = DailyRollup.objects.filter(website=website_id).order_by("started_at")
    first = days.values_list("started_at", flat=True).first()
    begin = min(filter(None, (first, rollups.progress().checks_since)))
    return Span(max(window.since, begin), window.until) if begin < window.until else window
