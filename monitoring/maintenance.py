"""When nobody is to be alerted: maintenance of websites, and quiet hours of channels."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime

from django.core.exceptions import ValidationError

from monitoring import quiet_hours
from monitoring.maintenance_windows import merge
from monitoring.models import Channel, MaintenanceWindow
from monitoring.models.scope import with_chosen
from monitoring.schedule import chunks
from monitoring.watch_periods import Span
from websites.models import Website

logger = logging.getLogger(__name__)


def muted_until(websites: Iterable[Website], at: datetime) -> dict[int, datetime]:
    """When maintenance of those of the websites that are in one ends, by website id."""
    until: dict[int, datetime] = {}
    open_windows = [(window, end) for window in active() if (end := _end(window, at)) is not None]
    for website in websites:
        for window, end in open_windows:
            if window.covers(website):
                until[website.pk] = max(end, until.get(website.pk, end))
    return until


def spans(website_ids: Collection[int], span: Span) -> dict[int, tuple[Span, ...]]:
    """When within a span those of the websites that have maintenance then have it: in order, what overlaps as one."""
    windows = [(window, times) for window in active() if (times := occurrences(window, span))]
    found: dict[int, tuple[Span, ...]] = {}
    for chunk in chunks(list(website_ids)) if windows else ():
        for website in Website.objects.filter(pk__in=chunk).only("pk", "tags"):
            merged = merge(time for window, times in windows if window.covers(website) for time in times)
            if merged:
                found[website.pk] = tuple(span.common(Span(*time)) for time in merged)
    return found


def quiet_until(channel: Channel, at: datetime) -> datetime | None:
    """When the quiet hours of a channel end; None where it has none or they are not now."""
    if channel.quiet_from is None or channel.quiet_until is None:
        return None
    return quiet_hours.quiet_until(at, channel.quiet_from, channel.quiet_until, channel.time_zone)


def active() -> list[MaintenanceWindow]:
    """The windows that are switched on, which know their websites; in two queries."""
    return with_chosen(MaintenanceWindow.objects.filter(is_active=True).order_by("pk"))


def _end(window: MaintenanceWindow, at: datetime) -> datetime | None:
    try:
        return window.window.ends(at)
    except (ValidationError, OverflowError) as error:  # written past the checks, by SQL
        logger.warning("a maintenance window cannot be read", extra={"window": window.pk, "error": str(error)})
        return None


def occurrences(window: MaintenanceWindow, span: Span) -> list[Span]:
    """Those that reach into a span, whole; none where the window cannot be read."""
    try:
        return [Span(*occurrence) for occurrence in window.window.occurrences(*span)]
    except (ValidationError, OverflowError) as error:  # written past the checks, by SQL
        logger.warning("a maintenance window cannot be read", extra={"window": window.pk, "error": str(error)})
        return []
