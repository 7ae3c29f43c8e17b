"""Wall-clock times of a time zone, and the moments (in UTC) at which clocks there show them."""

import re
from bisect import bisect_left
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError

# At the end of a time of day.
_OFFSET = re.compile(r"[0-9]\s*(Z|[+−-][0-9]{1,2}(:?[0-9]{2}){0,2})\s*$", re.IGNORECASE)  # noqa: RUF001
# Names that stand for no place: for what the server is set to, and for nothing.
PLACELESS = {"localtime", "Factory"}


@cache
def time_zones() -> frozenset[str]:
    """The IANA names of the time zones there are."""
    return frozenset(available_timezones() - PLACELESS)


def check_time_zone(name: str) -> None:
    """Raises `ValidationError` where there is no such time zone; capitals matter."""
    if name not in time_zones():
        raise ValidationError("There is no such time zone: give a name such as Europe/Berlin or UTC.", code="invalid")


@cache
def zone_of(name: str) -> ZoneInfo:
    # zoneinfo itself keeps no more than eight of them.
    return ZoneInfo(name)


def moment_of(local: datetime, zone: str) -> datetime:
    """The first moment (UTC) at which clocks in the zone show this local (naive) time or a later one.

    So a time that clocks skip in spring is the moment at which they skip it, and of a time that
    they show twice in autumn, the first counts.
    """
    there = zone_of(zone)
    moment = local.replace(tzinfo=there, fold=0).astimezone(UTC)
    other = local.replace(tzinfo=there, fold=1).astimezone(UTC)
    # PEP 495: only of a skipped time are these two the wrong way round, before and after the skip.
    if moment <= other:
        return moment
    seconds = range(int(other.timestamp()), int(moment.timestamp()) + 1)
    skip = bisect_left(seconds, local, key=lambda second: datetime.fromtimestamp(second, there).replace(tzinfo=None))
    return datetime.fromtimestamp(seconds[skip], UTC)


def refuse_offset(written: object) -> None:
    """Raises `ValidationError` for a time of day with an offset from UTC: readers of ISO 8601 just leave it out."""
    if isinstance(written, str) and _OFFSET.search(written):
        raise ValidationError(
            "Give the time as clocks show it, such as 22:00, without an offset from UTC: the time zone says which.",
            code="offset",
        )


def iso(moment: datetime | None) -> str | None:
    """In UTC, as programs read it: `2026-01-31T12:00:00Z`; None for none."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
