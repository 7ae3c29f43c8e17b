"""Maintenance of shown websites, running and planned."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError

from monitoring.maintenance_windows import merge
from monitoring.models import MaintenanceWindow
from monitoring.models.scope import with_chosen
from monitoring.watch_periods import Span
from websites.models import Website

logger = logging.getLogger(__name__)


class Planned(NamedTuple):
    """A maintenance window that is about some of the websites, and when it is open: whole, in order."""

    window: MaintenanceWindow
    times: list[Span]
    website_ids: frozenset[int]


def planned(websites: Collection[Website], span: Span) -> list[Planned]:
    """The windows that are open within a span and about any of the websites."""
    windows = with_chosen(MaintenanceWindow.objects.filter(is_active=True).order_by("pk"))
    found = (Planned(window, _times(window, span), _covered(window, websites)) for window in windows)
    return [one for one in found if one.times and one.website_ids]


def at(found: Iterable[Planned], moment: datetime) -> frozenset[int]:
    """The ids of the websites that have maintenance at a moment."""
    lasting = (one for one in found if any(since <= moment < until for since, until in one.times))
    return frozenset().union(*(one.website_ids for one in lasting))


def is_within(found: Iterable[Planned], website_id: int, span: Span) -> bool:
    """Whether the website had maintenance for all of a span."""
    times = merge(time for one in found if website_id in one.website_ids for time in one.times)
    return any(since <= span.since and span.until <= until for since, until in times)


def _times(window: MaintenanceWindow, span: Span) -> list[Span]:
    try:
        return [Span(*occurrence) for occurrence in window.window.occurrences(*span)]
    except (ValidationError, OverflowError) as error:  # written past the checks, by SQL
        logger.warning("a maintenance window cannot be read", extra={"window": window.pk, "error": str(error)})
        return []


def _covered(window: MaintenanceWindow, websites: Iterable[Website]) -> frozenset[int]:
    return frozenset(website.pk for website in websites if window.covers(website))
