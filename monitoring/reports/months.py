"""Months of a time zone, from local midnight to local midnight."""

import calendar
import re
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError

from monitoring.wall_clock import moment_of, zone_of
from monitoring.watch_periods import Span

WRITTEN = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
# Nobody watched anything before; and no clock shows a later one.
FIRST_YEAR, LAST_YEAR = 1970, 9998


class Month(NamedTuple):
    year: int
    month: int
    zone: str

    def __str__(self) -> str:
        """`2026-10`"""
        return f"{self.year:04}-{self.month:02}"

    @property
    def name(self) -> str:
        return f"{calendar.month_name[self.month]} {self.year}"

    @property
    def span(self) -> Span:
        """In UTC; as long as clocks in the zone have it, days of 23 and 25 hours included."""
        return Span(self._begin, self.later(1)._begin)

    @property
    def _begin(self) -> datetime:
        # Of a midnight that clocks skip, the moment of the skip.
        return moment_of(datetime(self.year, self.month, 1), self.zone)  # noqa: DTZ001

    def later(self, months: int) -> "Month":
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1, self.zone)


def read(text: str, zone: str) -> Month:
    """The month of a text such as `2026-10`; raises `ValidationError` with a sentence where it is none."""
    match = WRITTEN.fullmatch(text.strip())
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise ValidationError("A month is written as 2026-10, from 1970 on.")
    return Month(int(match[1]), int(match[2]), zone)


def last(zone: str, now: datetime) -> Month:
    """The last month that is over."""
    local = now.astimezone(zone_of(zone))
    return Month(local.year, local.month, zone).later(-1)
