"""What a worker knows of the websites it checks, so that it need not ask the database for every check.

Beat sends the change marker it read the plan at along with the slots: while it stays the same, no website has changed
since it was read here. Changes that moved no marker (raw SQL) are seen after `TRUSTED_FOR` seconds.
"""

import threading
import time
from collections.abc import Collection
from typing import NamedTuple

from django.conf import settings

from monitoring.probe.guard import AddressGuard
from monitoring.probe.types import ProbeRequest
from websites.models import Website

TRUSTED_FOR = 60.0
# A check never takes longer than this (seconds), nor than this share of its interval.
TIMEOUT_MAX = 10.0
TIMEOUT_SHARE = 0.8


class Watched(NamedTuple):
    """An active website: its interval in ms and the check to make."""

    interval: int
    request: ProbeRequest


def user_agent() -> str:
    return f"webmonitor/{settings.VERSION} (+{settings.PROJECT_URL})"


def guard() -> AddressGuard:
    """The address guard as the settings have it."""
    return AddressGuard(settings.PROBE_ALLOWED_NETWORKS)


def probe_request(url: str, interval: int, regex: str | None) -> ProbeRequest:
    """The check of a website that is due every `interval` seconds."""
    return ProbeRequest(url=url, timeout=min(TIMEOUT_MAX, TIMEOUT_SHARE * interval), pattern=regex)


class Watchlist:
    """Websites by id; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._websites: dict[int, Watched] = {}
        self._version: str | None = None
        self._trusted_until = 0.0

    def get(self, website_ids: Collection[int], version: str | None) -> dict[int, Watched]:
        """Those of the websites that are active, as they are at this version of the plan or later.

        Without a version, they are read anew. Raises `django.db.Error`.
        """
        websites = self._of_version(version)
        missing = [website_id for website_id in website_ids if website_id not in websites]
        if missing:
            websites.update(_read(missing))
        return {website_id: websites[website_id] for website_id in website_ids if website_id in websites}

    def _of_version(self, version: str | None) -> dict[int, Watched]:
        if version is None:
            return {}
        with self._lock:
            now = time.monotonic()
            if version != self._version or now > self._trusted_until:
                # A new dictionary: threads that still fill the old one must not fill this one with what is old.
                self._websites, self._version, self._trusted_until = {}, version, now + TRUSTED_FOR
            return self._websites


def _read(website_ids: Collection[int]) -> dict[int, Watched]:
    websites = Website.objects.active().filter(pk__in=website_ids).order_by()
    return {
        website_id: Watched(interval * 1000, probe_request(url, interval, regex))
        for website_id, url, interval, regex in websites.values_list(
            "pk", "website_url", "monitoring_interval", "regex"
        )
    }
