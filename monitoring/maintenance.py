"""When nobody is to be alerted: maintenance of websites, and quiet hours of channels."""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError

from monitoring import quiet_hours
from monitoring.models import Channel, MaintenanceWindow
from websites.models import Website

logger = logging.getLogger(__name__)


def muted_until(websites: Iterable[Website], at: datetime) -> dict[int, datetime]:
    """When maintenance of those of the websites that are in one ends, by website id."""
    until: dict[int, datetime] = {}
    open_windows = [(window, end) for window in _active() if (end := _end(window, at)) is not None]
    for website in websites:
        for window, end in open_windows:
            if window.covers(website):
                until[website.pk] = max(end, until.get(website.pk, end))
    return until


def quiet_until(channel: Channel, at: datetime) -> datetime | None:
    """When the quiet hours of a channel end; None where it has none or they are not now."""
    if channel.quiet_from is None or channel.quiet_until is None:
        return None
    return quiet_hours.quiet_until(at, channel.quiet_from, channel.quiet_until, channel.time_zone)


def _active() -> Iterable[MaintenanceWindow]:
    return MaintenanceWindow.objects.filter(is_active=True)


def _end(window: MaintenanceWindow, at: datetime) -> datetime | None:
    try:
        return window.window.ends(at)
    except (ValidationError, OverflowError) as error:  # written past the checks, by SQL
        logger.warning("a maintenance window cannot be read", extra={"window": window.pk, "error": str(error)})
        return None
