"""Small charts for a row of a list: what some time was like, and how long answers took."""

import functools
from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.statistics import Counts

# Units of a strip's own coordinates; how large it is on the page is up to the page.
HEIGHT = 24
PIECE, GAP = 4, 1
STEP = PIECE + GAP
# Of a piece that was up: one with an outage is as high as the strip.
UP_HEIGHT = 14
NOTHING_HEIGHT = 2
# What an outage is drawn at least, of the height, however short it was.
DOWN_LEAST = 0.25
# A piece of which less was observed is drawn thinner.
THIN_COVERAGE, THIN = 0.5, 2
SPARK_WIDTH, SPARK_EDGE = 96, 2

_RUN_HEIGHTS = {"up": UP_HEIGHT, "none": NOTHING_HEIGHT}
_RUN = f'<path class="wm-run-{{}}" stroke-width="{{}}" stroke-dasharray="{PIECE} {GAP}" d="{{}}"/>'
# Columns that are kept: some 300 bytes each.
PIECES_KEPT = 20_000
# `(kind, path)`.
_Shape = tuple[str, str]


def bar(pieces: Sequence[Counts], labels: Sequence[str], title: str) -> SafeString:
    """An uptime bar: a column a piece, oldest first, with its label as its tooltip.

    A piece that was up is of middle height; one with an outage is as high as the strip, the outage from the top down;
    one of which nothing is known is an outline where checks failed by the monitor's own fault, else a dash. Pieces with
    a blank label have no tooltip, and those of them that follow each other and are alike cost a few bytes together.
    """
    runs: dict[str, list[list[int]]] = {"up": [], "none": []}
    drawn: list[SafeString] = []
    for number, (counts, label) in enumerate(zip(pieces, labels, strict=True)):
        kind = "" if label else _plain_kind(counts)
        if kind:
            _prolong(runs[kind], number)
        else:
            drawn.append(_piece(number, (counts.expected, counts.up, counts.down, counts.unknown), label))
    width = max(1, len(pieces) * STEP - GAP)
    return format_html(
        '<svg class="wm-bar" role="img" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none">'
        "<title>{}</title>{}{}</svg>",
        *(width, HEIGHT, width, HEIGHT),
        title,
        format_html_join("", _RUN, ((kind, _RUN_HEIGHTS[kind], _line(ends)) for kind, ends in runs.items() if ends)),
        SafeString("".join(drawn)),
    )


def sparkline(values: Sequence[float | None], title: str) -> SafeString:
    """A line through the values at even distances, from zero up to the highest; a gap where there is none."""
    known = [value for value in values if value is not None]
    highest = max(known, default=0.0) or 1.0
    step = (SPARK_WIDTH - 2 * SPARK_EDGE) / max(1, len(values) - 1)
    lines, areas = "", ""
    for first, run in _runs(values):
        points = [
            (SPARK_EDGE + (first + n) * step, HEIGHT - SPARK_EDGE - value / highest * (HEIGHT - 2 * SPARK_EDGE))
            for n, value in enumerate(run)
        ]
        # A line of no length is a dot, as its ends are round.
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in (points if len(points) > 1 else points * 2))
        lines += f"M{line}"
        areas += f"M{points[0][0]:.1f} {HEIGHT}L{line}V{HEIGHT}z"
    return format_html(
        '<svg class="wm-spark" role="img" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<title>{}</title><path class="wm-spark-area" d="{}"/><path class="wm-spark-line" d="{}"/></svg>',
        *(SPARK_WIDTH, HEIGHT, SPARK_WIDTH, HEIGHT),
        *(title, areas, lines),
    )


def is_thin(counts: Counts) -> bool:
    """Whether so little of a piece was observed that it is drawn thinner."""
    return counts.observed < counts.expected * THIN_COVERAGE


def _plain_kind(counts: Counts) -> str:
    """`up` or `none` of a piece with nothing particular about it; blank for others."""
    if counts.down or counts.unknown:
        return ""
    if not counts.up:
        return "none"
    return "" if is_thin(counts) else "up"


def _prolong(ends: list[list[int]], number: int) -> None:
    """Add a piece to runs, each by its first and last one."""
    if ends and ends[-1][1] == number - 1:
        ends[-1][1] = number
    else:
        ends.append([number, number])


def _line(ends: Sequence[Sequence[int]]) -> str:
    """A line for each run, whose dashes are the pieces."""
    return "".join(f"M{first * STEP} {HEIGHT // 2}H{last * STEP + PIECE}" for first, last in ends)


@functools.lru_cache(maxsize=PIECES_KEPT)
def _piece(number: int, counts: tuple[float, int, int, int], label: str) -> SafeString:
    """A column with its tooltip. What is over is drawn again and again, as it was."""
    title = format_html("<title>{}</title>", label) if label else ""
    return format_html("<g>{}{}</g>", title, _column(Counts(*counts), number))


def _column(counts: Counts, number: int) -> SafeString:
    left, width = number * STEP, PIECE
    # The whole column, so that pointing at it is easy.
    shapes = [("hit", _box(left, PIECE, 0, HEIGHT))]
    if not counts.observed:
        return _paths([_unobserved(counts, left), *shapes])
    if is_thin(counts):
        left, width = left + (PIECE - THIN) // 2, THIN
    if not counts.down:
        return _paths([("up", _box(left, width, (HEIGHT - UP_HEIGHT) / 2, UP_HEIGHT)), *shapes])
    down: float = HEIGHT
    if counts.up:
        down *= min(1 - DOWN_LEAST, max(DOWN_LEAST, counts.down / counts.observed))
        shapes.insert(0, ("up", _box(left, width, down + 1, HEIGHT - down - 1)))
    return _paths([("down", _box(left, width, 0, down)), *shapes])


def _unobserved(counts: Counts, left: int) -> _Shape:
    if counts.unknown:
        return "unknown", _box(left + 0.5, PIECE - 1, (HEIGHT - UP_HEIGHT + 1) / 2, UP_HEIGHT - 1)
    return "none", _box(left, PIECE, (HEIGHT - NOTHING_HEIGHT) / 2, NOTHING_HEIGHT)


def _box(left: float, width: float, top: float, height: float) -> str:
    return f"M{left:g} {top:.3g}h{width:g}v{height:.3g}h{-width:g}z"


def _paths(shapes: Sequence[_Shape]) -> SafeString:
    return format_html_join("", '<path class="wm-piece-{}" d="{}"/>', shapes)


def _runs(values: Sequence[float | None]) -> list[tuple[int, list[float]]]:
    """The values without gaps between them, each run with the number of its first."""
    runs: list[tuple[int, list[float]]] = []
    follows = False
    for number, value in enumerate(values):
        if value is not None:
            if not follows:
                runs.append((number, []))
            runs[-1][1].append(value)
        follows = value is not None
    return runs
