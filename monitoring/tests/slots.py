"""Checks at the slots of websites, as tests put them into the past."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from monitoring.models import CheckError, MonitoringData, Outcome, WatchPeriod
from websites.models import Website

# By letter: what a check at a slot said. A dot is a slot without a check.
CHECKS: dict[str, dict[str, Any]] = {
    "u": {"outcome": Outcome.UP, "http_status": 200, "response_time": 0.1},
    "d": {"outcome": Outcome.DOWN, "http_status": 503, "response_time": 0.1},
    "t": {"outcome": Outcome.DOWN, "http_status": 0, "error": CheckError.TIMEOUT},
    "?": {"outcome": Outcome.UNKNOWN, "http_status": 0, "error": CheckError.INTERNAL},
}


def watched(website: Website, since: datetime, until: datetime | None = None, interval: int = 60) -> None:
    """Have a website be watched in this time and in no other that was noted before."""
    WatchPeriod.objects.filter(website=website).delete()
    WatchPeriod.objects.create(website=website, since=since, until=until, interval=interval)


def checked(website: Website, since: datetime, letters: Iterable[str], every: float = 60, **fields: Any) -> None:
    """Write a check a letter, `every` so many seconds."""
    moments = ((since + timedelta(seconds=every * number), letter) for number, letter in enumerate(letters))
    MonitoringData.objects.bulk_create(
        MonitoringData(**{"website": website, "entry_timestamp": at, "scheduled_at": at, **CHECKS[letter], **fields})
        for at, letter in moments
        if letter != "."
    )
