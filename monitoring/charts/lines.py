"""Charts over time: how long answers took, and which values were extracted."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from django.utils.safestring import SafeString

from monitoring.admin_display import duration
from monitoring.charts.axes import ROUNDING, Axis, axis, day_text, from_zero, number_text, seconds_text
from monitoring.charts.frames import ACROSS, MARGIN, PLOT, Frame
from monitoring.charts.svg import element, number, percent, table
from monitoring.uptime_text import percent as percent_text
from monitoring.watch_periods import Span

# Where a few answers took far longer than all others, the axis ends at so many times the longest but for a tenth,
# unless that leaves out little.
USUAL, LITTLE = 3.0, 2.0


class Piece(NamedTuple):
    """What checks of some time showed: seconds, shares from 0 to 1; None where there were none."""

    span: Span
    median: float | None
    high: float | None
    uptime: float | None
    coverage: float | None


class Reading(NamedTuple):
    """A value from a moment on; None where there was none."""

    at: datetime
    value: float | None


class Dot(NamedTuple):
    """Shares of the width, and pixels of the plot, of a piece: its median and its 95th percentile."""

    x: float
    median: float
    high: float


def response_times(
    pieces: Sequence[Piece],
    window: Span,
    outages: Sequence[Span] = (),
    maintenance: Sequence[Span] = (),
    *,
    is_cut: bool = False,
) -> SafeString:
    """Medians as a line, up to the 95th percentile as a band; times without an answer stay empty.

    `is_cut` says that there were more outages than these, the newest.

    The axis begins at zero. It leaves out the farthest of the 95th percentiles where the rest would be flat; an arrow
    marks each of them.
    """
    frame = Frame("response-time", window, from_zero(_top(pieces)), seconds_text)
    runs = [[_dot(frame, piece) for piece in run] for run in _answered(pieces)]
    lines = [path for run in runs for path in _run(run)]
    return frame.draw(
        "Response time",
        _described(pieces, outages, maintenance, is_cut=is_cut),
        *frame.shades(maintenance, "maintenance"),
        *frame.shades(outages, "outage"),
        frame.lines(*lines),
        *(mark for run in runs if len(run) == 1 for mark in _lone(run[0])),
        *(_arrow(frame.middle(piece.span)) for piece in pieces if _is_beyond(piece, frame.axis)),
        *(_hit(frame, piece.span, "\n".join((_when(piece.span), *_words(piece)))) for piece in pieces),
    )


def beyond(pieces: Sequence[Piece]) -> tuple[int, float]:
    """How many pieces reach beyond the axis of `response_times`, and how far (seconds)."""
    scale = from_zero(_top(pieces))
    highs = [piece.high or 0.0 for piece in pieces if _is_beyond(piece, scale)]
    return len(highs), max(highs, default=0.0)


def response_table(pieces: Iterable[Piece]) -> SafeString:
    """The same in words, newest first, without the pieces of which nothing is known."""
    rows = [
        (
            _when(piece.span),
            duration(piece.median),
            duration(piece.high),
            percent_text(piece.uptime),
            percent_text(piece.coverage),
        )
        for piece in pieces
        if piece.uptime is not None or piece.median is not None
    ]
    head = ("Time (UTC)", "Median", "95th percentile", "Uptime", "Coverage")
    return table("Response times as a table", "Response times", head, reversed(rows))


def values(readings: Sequence[Reading], window: Span, bounds: Sequence[float | None] = ()) -> SafeString:
    """Values as steps, each up to the next one; bounds that are near them as dashed lines."""
    seen, near = _seen(readings), bounds_near(readings, bounds)
    frame = Frame("values", window, _value_axis([*seen, *near]), number_text)
    parts = list(_steps(readings, window))
    limits = [
        element("line", x1=0, x2="100%", y1=frame.y(bound), y2=frame.y(bound), class_="wm-bound") for bound in near
    ]
    return frame.draw(
        "Extracted value",
        _values_described(seen),
        *limits,
        frame.lines(element("path", d=_staircase(frame, parts), class_="wm-line")),
        *(_hit(frame, span, f"{_when(Span(since, since))}\n{value_text(value)}") for since, span, value in parts),
    )


def bounds_near(readings: Sequence[Reading], bounds: Iterable[float | None]) -> list[float]:
    """Those of the bounds with which the values stay readable: `values` draws them."""
    seen = _seen(readings)
    return [bound for bound in bounds if bound is not None and _is_near(bound, seen)]


def value_table(readings: Iterable[Reading]) -> SafeString:
    """The same in words, newest first."""
    rows = [(_when(Span(reading.at, reading.at)), value_text(reading.value)) for reading in readings]
    return table("Values as a table", "Values", ("Since (UTC)", "Value"), reversed(rows))


def _top(pieces: Sequence[Piece]) -> float:
    """What the axis has to reach: all medians, and the 95th percentiles but for the farthest."""
    highs = sorted(piece.high for piece in pieces if piece.high is not None)
    if not highs:
        return 0.0
    usual = USUAL * highs[(len(highs) - 1) * 9 // 10]
    return max(highs[-1] if highs[-1] <= LITTLE * usual else usual, *(piece.median or 0.0 for piece in pieces))


def _is_beyond(piece: Piece, scale: Axis) -> bool:
    return piece.high is not None and piece.high > scale.high + ROUNDING


def _answered(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces that follow each other without one that nothing answered in."""
    return [list(run) for known, run in groupby(pieces, lambda piece: piece.median is not None) if known]


def _dot(frame: Frame, piece: Piece) -> Dot:
    median = piece.median or 0.0
    return Dot(frame.middle(piece.span), frame.height(median), frame.height(max(median, piece.high or 0.0)))


def _run(dots: Sequence[Dot]) -> list[SafeString]:
    """The band and the line of a run; one dot makes neither."""
    if len(dots) < 2:
        return []
    median = [_point(dot.x, dot.median) for dot in dots]
    high = [_point(dot.x, dot.high) for dot in reversed(dots)]
    return [
        element("path", d=f"M{' '.join([*median, *high])}Z", class_="wm-band"),
        element("path", d=f"M{' '.join(median)}", class_="wm-line"),
    ]


def _point(along: float, height: float) -> str:
    return f"{number(ACROSS * along)} {number(height)}"


def _lone(dot: Dot) -> list[SafeString]:
    x = percent(dot.x)
    return [
        element("line", x1=x, x2=x, y1=MARGIN + dot.median, y2=MARGIN + dot.high, class_="wm-lone-band"),
        element("circle", cx=x, cy=MARGIN + dot.median, r=2.5, class_="wm-dot"),
    ]


def _arrow(along: float) -> SafeString:
    """Upwards, above the plot."""
    arrow = element("path", d=f"M-4 {number(MARGIN - 3)}L0 {number(MARGIN - 10)}L4 {number(MARGIN - 3)}Z")
    return element("svg", arrow, x=percent(along), class_="wm-beyond")


def _hit(frame: Frame, span: Span, words: str) -> SafeString:
    """What tells of a span when it is pointed at."""
    left = frame.along(span.since)
    width = percent(frame.along(span.until) - left)
    return element(
        "rect", element("title", words), x=percent(left), width=width, y=MARGIN, height=PLOT, class_="wm-hit"
    )


def _when(span: Span) -> str:
    """A moment, or a time by its beginning and its end: as short as it can be told."""
    since, until = span.since.astimezone(UTC), span.until.astimezone(UTC)
    if until - since >= timedelta(days=1):
        last = until - timedelta(seconds=1)
        first = day_text(since) + (f" {since.year}" if since.year != last.year else "")
        return f"{last.day} {last:%b %Y}" if since.date() == last.date() else f"{first} to {last.day} {last:%b %Y}"
    clock = "%H:%M:%S" if since.second or until.second else "%H:%M"
    start = f"{since.day} {since:%b %Y}, {since.strftime(clock)}"
    return start if until == since else f"{start} to {until.strftime(clock)}"


def _words(piece: Piece) -> list[str]:
    if piece.coverage is None and piece.uptime is None and piece.median is None:
        return ["not watched"]
    if piece.uptime is None:
        return ["no checks"]
    times = "nothing answered"
    if piece.median is not None:
        times = f"median {duration(piece.median)}, 95 % within {duration(piece.high)}"
    return [times, f"up {percent_text(piece.uptime)} (coverage {percent_text(piece.coverage)})"]


def _described(pieces: Sequence[Piece], outages: Sequence[Span], maintenance: Sequence[Span], *, is_cut: bool) -> str:
    medians = [piece.median for piece in pieces if piece.median is not None]
    down = "no outage" if not outages else "1 outage" if len(outages) == 1 else f"{len(outages)} outages"
    down = f"the newest {down} are hatched" if is_cut else down
    if maintenance:
        down += f"; maintenance {'once' if len(maintenance) == 1 else f'{len(maintenance)} times'}"
    if not medians:
        return f"Nothing was answered in this time; {down}."
    least, most = duration(min(medians)), duration(max(medians))
    return f"Medians from {least} to {most}, the last one {duration(medians[-1])}; {down}. A table follows."


def _values_described(seen: Sequence[float]) -> str:
    if not seen:
        return "No value in this time."
    return f"From {value_text(min(seen))} to {value_text(max(seen))}, now {value_text(seen[-1])}. A table follows."


def value_text(value: float | None) -> str:
    return "no match" if value is None else f"{value:,.10g}"


def _seen(readings: Iterable[Reading]) -> list[float]:
    return [reading.value for reading in readings if reading.value is not None]


def _is_near(bound: float, seen: Sequence[float]) -> bool:
    if not seen:
        return False
    low, high = min(seen), max(seen)
    room = max(high / 2 - low / 2, abs(high) / 4)
    return low - room <= bound <= high + room


def _value_axis(shown: Sequence[float]) -> Axis:
    """From zero where the values are not far from it."""
    if not shown:
        return axis(0.0, 1.0)
    low, high = min(shown), max(shown)
    if 0 < low <= high / 2:
        low = 0.0
    elif high < 0 and high >= low / 2:
        high = 0.0
    return axis(low, high)


def _steps(readings: Sequence[Reading], window: Span) -> Iterator[tuple[datetime, Span, float | None]]:
    """What of the window each reading is of, with when it began."""
    ends = [reading.at for reading in readings[1:]] + [window.until]
    for reading, end in zip(readings, ends, strict=False):
        if span := Span(reading.at, end).common(window):
            yield reading.at, span, reading.value


def _staircase(frame: Frame, parts: Iterable[tuple[datetime, Span, float | None]]) -> str:
    path, is_joined = [], False
    for _, span, value in parts:
        if value is not None:
            start, end = (number(ACROSS * frame.along(at)) for at in span)
            y = number(frame.height(value))
            path.append(f"V{y}H{end}" if is_joined else f"M{start} {y}H{end}")
        is_joined = value is not None
    return "".join(path)
