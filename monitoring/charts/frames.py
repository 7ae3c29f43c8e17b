"""What the charts over time have in common: a frame with two axes, and where things stand in it.

The width is the browser's: along the time, everything is placed by shares of it, while heights and texts are in
pixels, so that a chart reads as well on a phone as on a desk. Lines alone are stretched, in an element of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from monitoring.charts.axes import Axis, moments, share, width_of
from monitoring.charts.svg import element, number, percent
from monitoring.watch_periods import Span

# Pixels, from the top: room for marks, the plot, the texts of the time axis.
MARGIN, PLOT, FOOT = 14.0, 176.0, 26.0
BOTTOM = MARGIN + PLOT
HEIGHT = BOTTOM + FOOT
PHONE_TICKS = 5
# Units across the stretched lines.
ACROSS = 1000.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart's place: what it is called in its ids, the time it shows, and its upright axis."""

    name: str
    window: Span
    axis: Axis
    text: Callable[[float, Axis], str]

    def along(self, at: datetime) -> float:
        """0 to 1, from left to right."""
        return share(at, *self.window)

    def middle(self, span: Span) -> float:
        return (self.along(span.since) + self.along(span.until)) / 2

    def height(self, value: float) -> float:
        """Pixels from the top of the plot."""
        return PLOT * (1 - self.axis.share(value))

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return MARGIN + self.height(value)

    def draw(self, title: str, description: str, *drawn: SafeString) -> SafeString:
        """The chart with its axes; what is drawn comes on top of the grid, in order."""
        ids = f"{self.name}-title", f"{self.name}-desc"
        plot = element(
            "svg",
            element("title", title, id=ids[0]),
            element("desc", description, id=ids[1]),
            *self._patterns(),
            *self._grid(),
            *drawn,
            class_="wm-plot",
            role="img",
            aria_labelledby=" ".join(ids),
            width="100%",
            height=HEIGHT,
        )
        return element("div", self._scale(), plot, class_="wm-frame")

    def lines(self, *paths: SafeString) -> SafeString:
        """Paths in units of `ACROSS` and pixels of the plot."""
        return element(
            "svg",
            *paths,
            x=0,
            y=MARGIN,
            width="100%",
            height=PLOT,
            viewBox=f"0 0 {number(ACROSS)} {number(PLOT)}",
            preserveAspectRatio="none",
        )

    def shades(self, spans: Sequence[Span], look: str) -> list[SafeString]:
        """What of the spans is shown, hatched from top to bottom; look: `outage` or `maintenance`."""
        return [self._shade(part, look) for span in spans if (part := span.common(self.window))]

    def _shade(self, span: Span, look: str) -> SafeString:
        left = self.along(span.since)
        place: dict[str, SafeString | str | float] = {
            "x": percent(left),
            "width": percent(self.along(span.until) - left),
        }
        hatched = element("rect", **place, y=MARGIN, height=PLOT, fill=f"url(#{self.name}-{look})", class_=f"wm-{look}")
        # However short it was, it shows.
        edge = element("rect", **place, y=BOTTOM, height=4, class_=f"wm-{look}-edge")
        return SafeString(hatched + edge)

    def _patterns(self) -> list[SafeString]:
        return [hatching(f"{self.name}-{look}", look) for look in ("outage", "maintenance")]

    def _scale(self) -> SafeString:
        """The texts of the upright axis, in a column of their own."""
        ticks = [(tick, self.text(tick, self.axis)) for tick in self.axis.ticks]
        texts = [
            element("text", text, x="100%", y=self.y(tick), dx=-8, dy="0.32em", text_anchor="end")
            for tick, text in ticks
        ]
        width = width_of([text for _, text in ticks])
        return element("svg", *texts, class_="wm-scale", width=width, height=HEIGHT, aria_hidden="true")

    def _grid(self) -> list[SafeString]:
        lines = [
            element("line", x1=0, x2="100%", y1=self.y(tick), y2=self.y(tick), class_="wm-base" if first else "wm-grid")
            for first, tick in ((tick == self.axis.low, tick) for tick in self.axis.ticks)
        ]
        ticks = moments(*self.window)
        for order, moment in enumerate(ticks):
            place = percent(self.along(moment.at))
            # A phone has no room for many.
            look = "wm-tick wm-spare" if order % 2 and len(ticks) > PHONE_TICKS else "wm-tick"
            lines.append(element("line", x1=place, x2=place, y1=BOTTOM, y2=BOTTOM + 5, class_="wm-mark"))
            lines.append(element("text", moment.text, x=place, y=BOTTOM + 20, text_anchor="middle", class_=look))
        return lines


def hatching(name: str, look: str) -> SafeString:
    """A pattern of slanted lines, one way for outages and the other, wider, for maintenance."""
    size, angle = (6, 45) if look == "outage" else (10, -45)
    ground = element("rect", width=size, height=size, class_=f"wm-{look}-ground")
    line = element("line", x1=0, x2=0, y1=0, y2=size, class_=f"wm-{look}-line")
    return element(
        "pattern",
        ground,
        line,
        id=name,
        width=size,
        height=size,
        patternUnits="userSpaceOnUse",
        patternTransform=f"rotate({angle})",
    )
