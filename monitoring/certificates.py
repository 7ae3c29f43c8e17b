"""The certificates of websites: seen now and then as checks go by, kept one a website."""

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection

from monitoring import id_lists
from monitoring.models import Certificate
from monitoring.probe import types

# Seconds between two looks at a website's certificate, and after one that did not pass.
REFRESH_INTERVAL = 3600.0
RETRY_INTERVAL = 300.0
# A look costs OpenSSL as much as half a handshake: after a start, thousands of websites have theirs one after another.
LOOKS_PER_SECOND = 50
# Websites that are remembered without a thought of those that are gone.
FEW = 1_000
_DELETE = f"DELETE FROM {Certificate._meta.db_table} WHERE website_id IN (SELECT id FROM %s)"  # noqa: S608
_FIELDS = ("host", "subject", "issuer", "names", "not_before", "not_after", "seen_at")


class Refresh:
    """Tells which checks are to bring a certificate along; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By website id, its URL and when to look again (monotonic).
        self._next: dict[int, tuple[str, float]] = {}
        self._most = FEW
        # Looks that may be taken now, and when they were counted.
        self._budget = float(LOOKS_PER_SECOND)
        self._counted_at = time.monotonic()

    def is_due(self, website_id: int, url: str) -> bool:
        """Whether this check of the website is to look; the next one then is not."""
        now = time.monotonic()
        known = self._next.get(website_id)
        if known is not None and known[0] == url and now < known[1]:
            return False
        with self._lock:
            self._budget = min(LOOKS_PER_SECOND, self._budget + (now - self._counted_at) * LOOKS_PER_SECOND)
            self._counted_at = now
            if self._budget < 1:
                return False
            self._budget -= 1
            self._next[website_id] = url, now + REFRESH_INTERVAL
            if len(self._next) > self._most:
                # Those that are due anyhow, and with them the websites that are gone.
                self._next = {known: entry for known, entry in self._next.items() if entry[1] > now}
                self._most = 2 * len(self._next) + FEW
        return True

    def look_soon(self, website_id: int, url: str) -> None:
        """Called where none could be looked at, or TLS failed: a new certificate may be there any time."""
        soon = time.monotonic() + RETRY_INTERVAL
        with self._lock:
            known = self._next.get(website_id, (url, soon))
            self._next[website_id] = url, min(known[1], soon)


def write(seen: Iterable[tuple[int, datetime, types.Certificate | None]]) -> None:
    """Keep what was seen (website id, when, what); a website that shows none any more loses its row.

    Raises `django.db.Error`.
    """
    rows = {}
    gone = []
    for website_id, seen_at, certificate in seen:
        if certificate is None:
            gone.append(website_id)
            continue
        rows[website_id] = Certificate(
            website_id=website_id,
            host=certificate.host[:255],
            subject=certificate.subject,
            issuer=certificate.issuer,
            names=list(certificate.names),
            not_before=datetime.fromtimestamp(certificate.not_before, UTC),
            not_after=datetime.fromtimestamp(certificate.not_after, UTC),
            seen_at=seen_at,
        )
    if rows:
        Certificate.objects.bulk_create(
            # In order, as another worker may write some of them in this moment.
            [rows[website_id] for website_id in sorted(rows)],
            update_conflicts=True,
            unique_fields=["website"],
            update_fields=_FIELDS,
        )
    if gone:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE % id_lists.table(), [id_lists.parameter(gone)])
