"""A website's charts: what they are drawn of."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.safestring import SafeString

from monitoring import maintenance, statistics
from monitoring.admin_display import duration
from monitoring.charts import lines, phases
from monitoring.models import IncidentKind
from monitoring.rollup_tables import DAY
from monitoring.statistics import PHASES, Summary
from monitoring.values import as_number
from monitoring.watch_periods import Span
from websites.models import Website

# Pieces of a window, and how many checks each of them has at least, where that leaves enough of them.
POINTS_LEAST, POINTS_MOST, CHECKS_A_POINT = 60, 300, 4
# Longer windows are drawn of days: hours would be many to read, and draw nothing but saw teeth of day and night.
HOURS_DRAWN = timedelta(days=31)
# Of a website that flaps, or whose value never rests, only the newest are drawn.
OUTAGES_DRAWN, VALUES_DRAWN = 200, 300
# Maintenance that takes less of the window would be nothing but dashes.
MAINTENANCE_LEAST = 1 / 200
PHASE_NAMES = dict(zip(PHASES, ("DNS", "Connect", "TLS", "Waiting"), strict=True))


def response(website: Website, window: Span, *, with_outages: bool) -> dict[str, Any]:
    """The chart of response times and its table, what is hatched in it, and what is beyond its axis, in words."""
    pieces = [
        lines.Piece(span, one.percentile(50), one.percentile(95), one.uptime, one.coverage)
        for span, one in statistics.series(website.pk, window, _points(website, window))
    ]
    outages = _outages(website, window) if with_outages else []
    is_cut = len(outages) > OUTAGES_DRAWN
    outages = outages[-OUTAGES_DRAWN:]
    maintained = _maintenance(website, window)
    return {
        "chart": lines.response_times(pieces, window, outages, maintained, is_cut=is_cut),
        "table": lines.response_table(pieces),
        "has_outages": bool(outages),
        "outages_drawn": OUTAGES_DRAWN if is_cut else None,
        "has_maintenance": bool(maintained),
        "is_empty": all(piece.median is None for piece in pieces),
        "beyond": _beyond(*lines.beyond(pieces)),
    }


def _points(website: Website, window: Span) -> int:
    length = window.until - window.since
    checks = length.total_seconds() / website.monitoring_interval
    days = length // DAY + 1 if length > HOURS_DRAWN else POINTS_MOST
    return int(min(POINTS_MOST, days, max(POINTS_LEAST, checks / CHECKS_A_POINT)))


def _outages(website: Website, window: Span) -> list[Span]:
    """The newest that reach into a window, and one more where there are more; oldest first."""
    incidents = website.incidents.filter(
        Q(ended_at=None) | Q(ended_at__gt=window.since), kind=IncidentKind.DOWN, started_at__lt=window.until
    )
    times = incidents.order_by("-started_at", "-pk").values_list("started_at", "ended_at")[: OUTAGES_DRAWN + 1]
    return [Span(start, end or window.until) for start, end in reversed(times)]


def _maintenance(website: Website, window: Span) -> list[Span]:
    least = (window.until - window.since) * MAINTENANCE_LEAST
    spans = maintenance.spans([website.pk], window).get(website.pk, ())
    return [span for span in spans if span.until - span.since >= least]


def _beyond(count: int, seconds: float) -> str:
    if not count:
        return ""
    times = "1 of the 95th percentiles is" if count == 1 else f"{count} of the 95th percentiles are"
    return f"▲ {times} beyond the scale, up to {duration(seconds)}."


def phase_breakdown(summary: Summary) -> SafeString | None:
    """The mean phases of the answers of some time, drawn; None where nothing was answered."""
    if not summary.mean:
        return None
    measured = [phases.Phase(PHASE_NAMES[name], summary.phase(name) or 0.0) for name in PHASES]
    rest = max(0.0, summary.mean - sum(phase.seconds for phase in measured))
    # An address needs no name, and plain HTTP no TLS.
    return phases.phases([phase for phase in (*measured, phases.Phase("Receiving", rest)) if phase.seconds > 0])


def values(website: Website, window: Span) -> dict[str, Any] | None:
    """The chart of extracted values and its table; None where one of them is not a number, or there is none."""
    rows = _values(website, window)
    readings = [lines.Reading(seen_at, as_number(value)) for seen_at, value in rows]
    is_number = [reading.value is not None for reading, (_, value) in zip(readings, rows, strict=True) if value]
    if not is_number or not all(is_number):
        return None
    bounds = (website.value_min, website.value_max)
    return {
        "chart": lines.values(readings, window, bounds),
        "bounds": " and ".join(map(lines.value_text, lines.bounds_near(readings, bounds))),
        "table": lines.value_table(readings),
        "drawn": VALUES_DRAWN if len(rows) >= VALUES_DRAWN else None,
    }


def _values(website: Website, window: Span) -> list[tuple[datetime, str]]:
    """The newest that were seen in a window, and the one before them; oldest first."""
    rows = website.values.filter(seen_at__lt=window.until).order_by("-seen_at", "-pk")
    newest = list(rows.values_list("seen_at", "value")[:VALUES_DRAWN])
    seen_within = sum(seen_at > window.since for seen_at, _ in newest)
    return newest[: seen_within + 1][::-1]
