"""What checks of websites showed, drawn for a row of the overview.

It takes most of the time of a page, and changes little from one second to the next: what is drawn is kept for a while,
but never past a change of the website's state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import statistics
from monitoring.charts import strips
from monitoring.statistics import Counts, Recent
from monitoring.statistics.recent import HALF_HOUR
from monitoring.uptime_text import newest, percent
from websites.models import Website

# Seconds that what is drawn is kept, from the first to the second by website: a page never draws all of its rows anew.
KEPT_FROM, KEPT_TO = 15, 45
# Half hours with failed checks that the bar's name tells.
TIMES_NAMED = 5
# Where less was observed, the coverage stands beside the uptime; but for as many slots as may be under way.
COVERAGE_SHOWN_BELOW, UNDER_WAY = 0.99, 2


@dataclass(frozen=True, slots=True)
class Uptime:
    label: str
    percent: str
    coverage: str
    # The coverage in short, where too much was not observed to leave that unsaid.
    seen: str
    is_full: bool


@dataclass(frozen=True, slots=True)
class Watched:
    bar: SafeString
    uptimes: tuple[Uptime, ...]
    sparkline: SafeString


def watched(websites: Sequence[Website], now: datetime) -> dict[int, Watched]:
    """By website id, of websites that were read with their `current_state`."""
    keys = {website.pk: _key(website) for website in websites}
    kept = cache.get_many(keys.values())
    found: dict[int, Watched] = {pk: kept[key] for pk, key in keys.items() if key in kept}
    missing = [pk for pk in keys if pk not in found]
    for pk, recent in (statistics.recent(missing, now) if missing else {}).items():
        found[pk] = _draw(recent)
        # By the golden ratio, ids in a row are spread evenly.
        cache.set(keys[pk], found[pk], KEPT_FROM + pk * 0.618034 % 1 * (KEPT_TO - KEPT_FROM))
    return found


def _key(website: Website) -> str:
    known = getattr(website, "current_state", None)
    return f"overview-watched:{website.pk}:{known.since.timestamp() if known else 0}:{website.is_active}"


def _draw(recent: Recent) -> Watched:
    medians = recent.medians
    known = [median for median in medians if median is not None]
    of_what = f"{display.duration(min(known))} to {display.duration(max(known))}" if known else "no answers"
    bad = [_half_hour(recent.since + n * HALF_HOUR) for n, counts in enumerate(recent.half_hours) if counts.down]
    failed = f"; failed checks {newest(bad, TIMES_NAMED)}" if bad else ""
    return Watched(
        strips.bar(recent.half_hours, labels(recent), f"Last 24 hours: {_in_words(recent.day)}{failed}"),
        (_uptime("24 h", recent.day), _uptime("7 days", recent.week), _uptime("30 days", recent.month)),
        strips.sparkline(medians, f"Median response time by hour, last 24 hours: {of_what}"),
    )


def labels(recent: Recent) -> list[str]:
    """For the half hours in which anything was amiss; blank for the others."""
    amiss = [_amiss(counts) for counts in recent.half_hours]
    return [words and f"{_half_hour(recent.since + n * HALF_HOUR)}: {words}" for n, words in enumerate(amiss)]


def _half_hour(since: datetime) -> str:
    return f"{since:%H:%M} to {since + HALF_HOUR:%H:%M}"


def _amiss(counts: Counts) -> str:
    if not counts.observed:
        if counts.unknown:
            return f"unknown, {counts.unknown} checks failed by the monitor's own fault"
        # Of less than one slot, no check was to be expected yet.
        return "not checked" if counts.expected >= 1 else ""
    return _in_words(counts) if counts.down or strips.is_thin(counts) else ""


def _in_words(counts: Counts) -> str:
    if not counts.observed:
        return "nothing observed"
    return f"{percent(counts.uptime)} up, coverage {percent(counts.coverage)}"


def _uptime(label: str, counts: Counts) -> Uptime:
    coverage = counts.coverage
    lacks = coverage is not None and coverage < COVERAGE_SHOWN_BELOW and counts.expected - counts.observed > UNDER_WAY
    return Uptime(
        label,
        percent(counts.uptime),
        percent(coverage),
        seen=f"{coverage * 100:.0f} % seen" if coverage and lacks else "",
        is_full=counts.uptime == 1.0,
    )
