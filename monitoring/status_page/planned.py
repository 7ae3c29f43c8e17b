"""Maintenance of shown websites, running and planned."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from monitoring import maintenance
from monitoring.maintenance_windows import merge
from monitoring.models import MaintenanceWindow
from monitoring.watch_periods import Span
from websites.models import Website


class Planned(NamedTuple):
    """A maintenance window that is about some of the websites, and when it is open: whole, in order."""

    window: MaintenanceWindow
    times: list[Span]
    website_ids: frozenset[int]


def planned(websites: Collection[Website], span: Span) -> list[Planned]:
    """The windows that are open within a span and about any of the websites."""
    windows = maintenance.active()
    found = (Planned(window, maintenance.occurrences(window, span), _covered(window, websites)) for window in windows)
    return [one for one in found if one.times and one.website_ids]


def at(found: Iterable[Planned], moment: datetime) -> frozenset[int]:
    """The ids of the websites that have maintenance at a moment."""
    lasting = (one for one in found if any(since <= moment < until for since, until in one.times))
    return frozenset().union(*(one.website_ids for one in lasting))


def is_within(found: Iterable[Planned], website_id: int, span: Span) -> bool:
    """Whether the website had maintenance for all of a span."""
    times = merge(time for one in found if website_id in one.website_ids for time in one.times)
    return any(since <= span.since and span.until <= until for since, until in times)


def _covered(window: MaintenanceWindow, websites: Iterable[Website]) -> frozenset[int]:
    return frozenset(website.pk for website in websites if window.covers(website))
