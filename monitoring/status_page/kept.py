"""What is rendered is kept for some seconds, in each process: however many ask, it costs the same.

Nothing of a request has a part in it, so that there is one page and one feed to keep. What is old is rendered anew by
a thread of its own, and meanwhile people get what there is; only where nothing is there, they wait for it.
"""

import gzip
import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import Error, connections

from monitoring.status_page import feed, rendering

logger = logging.getLogger(__name__)

# Seconds, after which the next one is rendered as soon as somebody asks.
FRESH_FOR = 10.0
# So long may it take until a change is seen.
KEPT_FOR = 20.0


@dataclass(frozen=True, slots=True)
class Kept:
    # None where the page is off.
    body: bytes | None
    packed: bytes
    etag: str
    # Seconds since the epoch.
    modified: int
    # By the monotonic clock.
    fresh_until: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self.fresh_until

    @property
    def max_age(self) -> int:
        """Whole seconds for which others may keep it."""
        return max(0, math.floor(self.fresh_until - time.monotonic()))


class Keeper:
    """Keeps what a function renders."""

    def __init__(self, name: str, render: Callable[[], bytes | None]) -> None:
        self._key = f"status-page-{name}"
        self._render = render
        self._rendering = threading.Lock()
        self._changes = 0

    def get(self) -> Kept:
        kept = self._kept()
        if kept is not None and kept.is_fresh:
            return kept
        if kept is not None:
            if self._rendering.acquire(blocking=False):
                threading.Thread(target=self._renew_beside, args=(kept,), name="status-page", daemon=True).start()
            return kept
        with self._rendering:
            return self._kept() or self._renew(None)

    def forget(self) -> None:
        """Something on it was changed: render it again when it is asked for, also where that is under way just now."""
        self._changes += 1
        cache.delete(self._key)

    def _kept(self) -> Kept | None:
        found: Kept | None = cache.get(self._key)
        return found

    def _renew_beside(self, before: Kept) -> None:
        """Renew it in a thread of its own, which got the lock from whoever started it."""
        try:
            self._renew(before)
        except Error:  # what there is goes on being shown for a while, and then whoever asks is told
            logger.warning("the status page cannot be rendered, the database is away")
        finally:
            connections.close_all()
            self._rendering.release()

    def _renew(self, before: Kept | None) -> Kept:
        changes, fresh_until = self._changes, time.monotonic() + FRESH_FOR
        kept = _keep(self._render(), fresh_until, before)
        if changes == self._changes:
            cache.set(self._key, kept, KEPT_FOR)
        return kept


def _keep(body: bytes | None, fresh_until: float, before: Kept | None) -> Kept:
    content = body or b""
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
    is_same = before is not None and before.etag == etag
    modified = before.modified if before is not None and is_same else int(time.time())
    # The same content is packed into the same bytes.
    return Kept(body, gzip.compress(content, 6, mtime=0), etag, modified, fresh_until)


PAGE = Keeper("page", rendering.page)
FEED = Keeper("feed", feed.feed)


def forget(**_: Any) -> None:
    """Forget both; what other processes keep is shown for `KEPT_FOR` seconds at most."""
    PAGE.forget()
    FEED.forget()
