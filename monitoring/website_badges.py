"""The badges that each website has."""

from datetime import datetime

from monitoring import statistics
from monitoring.badges import Badge, p95_badge, state_badge, uptime_badge
from monitoring.freshness import believed_state
from monitoring.rollup_tables import DAY
from monitoring.watch_periods import Span
from websites.models import Website

BADGES = ("state", "uptime-24h", "uptime-7d", "uptime-30d", "p95")


def draw(website: Website, kind: str, label: str, now: datetime) -> str:
    """The badge of this kind, one of `BADGES`, as SVG; uptimes are those that lists of websites show."""
    return _badge(website, kind, now).svg(label)


def _badge(website: Website, kind: str, now: datetime) -> Badge:
    if kind == "state":
        return state_badge(believed_state(website, now))
    if kind == "p95":
        _, found = statistics.summaries([website.pk], Span(now - DAY, now))
        summary = found[website.pk]
        return p95_badge(summary.percentile(95), summary)
    recent = statistics.recent([website.pk], now)[website.pk]
    counts = {"uptime-24h": recent.day, "uptime-7d": recent.week, "uptime-30d": recent.month}[kind]
    return uptime_badge(kind.removeprefix("uptime-"), counts)
