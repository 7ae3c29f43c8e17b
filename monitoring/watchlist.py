"""What a worker knows of the websites it checks, so that it need not ask the database for every check.

Along with the slots, beat sends which reading of its plan showed the last change of their websites: what was read here
no earlier than that is used. So an edit has its own message's websites read again, and no others. Changes that no
periodic task tells of (raw SQL) are seen within `TRUSTED_FOR` seconds.
"""

import functools
import random
import threading
import time
from collections.abc import Collection
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError

from monitoring.plan import Version
from monitoring.probe.guard import AddressGuard
from monitoring.probe.types import PLAIN, ProbeRequest, RequestOptions
from monitoring.states import Rules
from websites import http_auth
from websites.encryption import UnreadableSecretError
from websites.models import Website
from websites.request_options import IpVersion, Method, read_headers, read_statuses

# Seconds, at most: half of them at least, so that not all websites are read again at once.
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
        ip_version=None if IpVersion(ip_version) is IpVersion.ANY else int(ip_version),
    )
    # One object for all plain ones: a handle need not be set for it.
    return PLAIN if options == PLAIN else options


class _Known(NamedTuple):
    watched: Watched
    # The newest reading of the plan when it was read, and until when it is trusted (monotonic time).
    reading: int
    until: float


class Watchlist:
    """Websites by id; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, _Known] = {}
        self._beat = ""
        self._swept_at = time.monotonic()

    def get(self, website_ids: Collection[int], version: Version | None) -> dict[int, Watched]:
        """Those of the websites that are active, as they are at this version or later.

        Without a version, they are read anew. Raises `django.db.Error`.
        """
        if version is None:
            return _read(website_ids)
        now = time.monotonic()
        known = self._of_beat(version.beat, now)
        found = {}
        for website_id in website_ids:
            one = known.get(website_id)
            if one is None or one.reading < version.changed or one.until < now:
                break
            found[website_id] = one.watched
        else:
            return found
        # All of them, as they are mostly sent together: so they are read again together as well.
        found = _read(website_ids)
        until = now + random.uniform(0.5, 1.0) * TRUSTED_FOR  # noqa: S311
        known.update((pk, _Known(one, version.reading, until)) for pk, one in found.items())
        return found

    def _of_beat(self, beat: str, now: float) -> dict[int, _Known]:
        """What was read by the readings of this beat: those of another one say nothing of its."""
        with self._lock:
            if beat != self._beat:
                self._known, self._beat = {}, beat
            elif now > self._swept_at + TRUSTED_FOR:
                # Websites that are gone. A new dictionary, as other threads may be about to change this one.
                self._known = {pk: one for pk, one in list(self._known.items()) if one.until >= now}
                self._swept_at = now
            return self._known


def _read(website_ids: Collection[int]) -> dict[int, Watched]:
    websites = Website.objects.active().filter(pk__in=website_ids).order_by()
    return {pk: _watched(*values) for pk, *values in websites.values_list("pk", *_COLUMNS, *_MANNER)}
