"""Where the time of an answer goes: its phases, one after the other."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitoring.admin_display import duration
from monitoring.charts.svg import element, percent

# Pixels.
HEIGHT = 16


class Phase(NamedTuple):
    name: str
    seconds: float


def phases(parts: Sequence[Phase]) -> SafeString:
    """Each phase as a bar that begins where the one before it ends, with its name, its time and its share."""
    total = sum(part.seconds for part in parts)
    rows, start = [], 0.0
    for part in parts:
        share = part.seconds / total if total > 0 else 0.0
        rows.append(_row(part, start, share))
        start = min(1.0, start + share)
    return element("ol", *rows, class_="wm-phases")


def _row(part: Phase, start: float, share: float) -> SafeString:
    end = min(1.0, start + share)
    track = element("rect", width="100%", height=HEIGHT, class_="wm-track")
    bar = element("rect", x=percent(start), width=percent(end - start), height=HEIGHT, class_="wm-phase")
    # However short it is, it shows.
    edge = element("line", x1=percent(start), x2=percent(start), y1=0, y2=HEIGHT, class_="wm-phase-edge")
    drawn = element("svg", track, bar, edge, width="100%", height=HEIGHT, aria_hidden="true")
    return format_html(
        '<li><span class="wm-phase-name">{}</span> {} <span class="wm-phase-time">{}</span> '
        '<span class="wm-phase-share">{:s} %</span></li>',
        part.name,
        drawn,
        duration(part.seconds),
        f"{share * 100:.0f}",
    )
