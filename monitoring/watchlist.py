"""What a worker knows of the websites it checks, so that it need not ask the database for every check.

Beat sends the change marker it read the plan at along with the slots: while it stays the same, no website has changed
since it was read here. Changes that moved no marker (raw SQL) are seen after `TRUSTED_FOR` seconds.
"""

import functools
import threading
import time
from collections.abc import Collection
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError

from monitoring.probe.guard import AddressGuard
from monitoring.probe.types import PLAIN, ProbeRequest, RequestOptions
from monitoring.states import Rules
from websites import http_auth
from websites.encryption import UnreadableSecretError
from websites.models import Website
from websites.request_options import IpVersion, Method, read_headers, read_statuses

TRUSTED_FOR = 300.0
# Where a website has no timeout of its own: so long (seconds), and this share of its interval at most.
TIMEOUT_MAX = 10.0
TIMEOUT_SHARE = 0.8


class Watched(NamedTuple):
    """A website: its interval in ms, the check to make and how to judge it; or why it cannot be made."""

    interval: int
    request: ProbeRequest
    rules: Rules
    problem: str = ""


def user_agent() -> str:
    return f"webmonitor/{settings.VERSION} (+{settings.PROJECT_URL})"


def guard() -> AddressGuard:
    """The address guard as the settings have it."""
    return AddressGuard(settings.PROBE_ALLOWED_NETWORKS)


# What of a website says how to check it; and of these, in the end, what many websites share.
_COLUMNS = ("website_url", "monitoring_interval", "timeout", "regex")
_MANNER = (
    *("method", "request_headers", "request_body", "http_auth", "follow_redirects", "verify_tls", "ip_version"),
    *("accepted_statuses", "regex_must_match", "slow_threshold"),
)


def watched(website: Website) -> Watched:
    """How to check and judge a website as it is."""
    return _watched(*(getattr(website, name) for name in (*_COLUMNS, *_MANNER)))


def _watched(url: str, interval: int, timeout: float | None, regex: str | None, *manner: Any) -> Watched:
    if timeout is None:
        timeout = min(TIMEOUT_MAX, TIMEOUT_SHARE * interval)
    options, rules, problem = _manner(*manner)
    return Watched(interval * 1000, ProbeRequest(url, timeout, regex, options=options), rules, problem)


@functools.lru_cache(maxsize=10_000)
def _manner(*manner: Any) -> tuple[RequestOptions, Rules, str]:
    """How to ask and how to judge, by the values of `_MANNER`; or, in a sentence, why that cannot be."""
    *options, accepted_statuses, must_match, slow_threshold = manner
    try:
        return _options(*options), Rules(read_statuses(accepted_statuses), must_match, slow_threshold), ""
    except UnreadableSecretError as error:
        return PLAIN, Rules(), f"its credentials cannot be read: {error}"
    except ValidationError as error:  # written past the checks, by SQL
        return PLAIN, Rules(), error.messages[0]
    except ValueError:
        return PLAIN, Rules(), "its request options cannot be read"


def _options(*values: Any) -> RequestOptions:
    """Raises `UnreadableSecretError`, `ValidationError` or `ValueError`."""
    method, headers, body, sealed, follow_redirects, verify_tls, ip_version = values
    options = RequestOptions(
        method=Method(method).value,
        headers=read_headers(headers),
        body=body.encode() if body else None,
        authorization=http_auth.header(sealed) if sealed else None,
        follow_redirects=follow_redirects,
        verify_tls=verify_tls,
        ip_version=None if ip_version == IpVersion.ANY else int(ip_version),
    )
    # One object for all plain ones: a handle need not be set for it.
    return PLAIN if options == PLAIN else options


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
    return {pk: _watched(*values) for pk, *values in websites.values_list("pk", *_COLUMNS, *_MANNER)}
