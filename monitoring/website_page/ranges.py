"""How far back a website's page looks."""

from datetime import datetime, timedelta
from typing import NamedTuple

from monitoring.watch_periods import Span
from websites.plain_text import inert

SHOWN_LENGTH = 40


class Range(NamedTuple):
    """As it stands in an address, in short, and in words."""

    key: str
    label: str
    words: str
    length: timedelta

    def window(self, now: datetime) -> Span:
        return Span(now - self.length, now)


RANGES = (
    Range("1h", "1 h", "1 hour", timedelta(hours=1)),
    Range("6h", "6 h", "6 hours", timedelta(hours=6)),
    Range("24h", "24 h", "24 hours", timedelta(hours=24)),
    Range("7d", "7 d", "7 days", timedelta(days=7)),
    Range("30d", "30 d", "30 days", timedelta(days=30)),
    Range("90d", "90 d", "90 days", timedelta(days=90)),
    Range("1y", "1 y", "1 year", timedelta(days=365)),
)
DEFAULT = RANGES[2]


class UnknownRangeError(ValueError):
    """Its text says which ranges there are."""


def read(text: str | None) -> Range:
    """The range of an address, the default where it names none. Raises `UnknownRangeError`."""
    if text is None:
        return DEFAULT
    for found in RANGES:
        if found.key == text.strip().lower():
            return found
    *others, last = (found.key for found in RANGES)
    raise UnknownRangeError(
        f"There is no range “{inert(text[:SHOWN_LENGTH])}”: choose one of {', '.join(others)} and {last}."
    )
