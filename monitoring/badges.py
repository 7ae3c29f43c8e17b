"""Badges: small pictures of one line, of what a website is or was, for other pages.

The look is the flat one of https://shields.io; a label on the left, a message on the right. Both are texts, so that
colour alone says nothing, and the title, which screen readers read and mice show, says all of it.
"""

import unicodedata
from dataclasses import dataclass
from html import escape

from monitoring.admin_display import duration
from monitoring.models import State
from monitoring.statistics import Counts
from monitoring.uptime_text import percent
from websites.plain_text import inert

HEIGHT, PADDING = 20, 6
NO_DATA = "no data"
# White text is readable on each (contrast of at least 4.5).
LABEL_COLOUR = "#4d4d4d"
GREEN, YELLOW, RED, GREY, BLUE = "#2e7d32", "#8a6100", "#b3261e", "#6b6b6b", "#3d5a80"
STATE_COLOURS = {State.UP: GREEN, State.DOWN: RED, State.PAUSED: BLUE}
# From which uptime on.
UPTIME_COLOURS = ((0.999, GREEN), (0.99, YELLOW), (0.0, RED))
# Widths of characters of Verdana at 11 pixels. Texts are made as wide as these say, whatever font there is.
WIDTHS = {
    character: width
    for characters, width in (
        ("ijl'|", 3.1),
        (" f.,I:;![]()t/\\", 4.4),
        ('rJ-"sczvxyk', 5.9),
        ("abdeghnopquFLPY0123456789_$*?", 7.0),
        ("ABCKRSTVXZE#+=<>~^", 7.8),
        ("DGHNOQUw&", 8.7),
        ("mMW@%", 11.6),
    )
    for character in characters
}
WIDE, NARROW = 12.0, 8.0


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says of something, such as `uptime 24h`; `note` is for its title alone."""

    subject: str
    message: str
    colour: str
    note: str = ""

    def svg(self, label: str = "") -> str:
        """The picture, as a document of its own; strangers' text in the label is no more than text."""
        left, right = inert(label) or self.subject, self.message
        width, split = _width(left) + _width(right), _width(left)
        title = escape(self._title(left))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}"'
            f' viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{title}">'
            f"<title>{title}</title>"
            f'<rect width="{width}" height="{HEIGHT}" rx="3" fill="{self.colour}"/>'
            f'<path d="M3 0H{split}V{HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="{LABEL_COLOUR}"/>'
            '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" aria-hidden="true">'
            f"{_text(left, PADDING)}{_text(right, split + PADDING)}</g></svg>"
        )

    def _title(self, left: str) -> str:
        whom = left if left == self.subject else f"{left}, {self.subject}"
        return f"{whom}: {self.message}{self.note}"


def state_badge(state: State) -> Badge:
    return Badge("state", state.label, STATE_COLOURS.get(state, GREY))


def uptime_badge(span: str, counts: Counts) -> Badge:
    """The uptime of a time such as `24h`."""
    uptime = counts.uptime
    colour = GREY if uptime is None else next(colour for least, colour in UPTIME_COLOURS if uptime >= least)
    return Badge(f"uptime {span}", NO_DATA if uptime is None else percent(uptime), colour, _coverage(counts))


def p95_badge(seconds: float | None, counts: Counts) -> Badge:
    """The 95th percentile of the response times."""
    if seconds is None:
        return Badge("p95", NO_DATA, GREY)
    return Badge("p95", duration(seconds), BLUE, _coverage(counts))


def _coverage(counts: Counts) -> str:
    """Where it is not that of all checks there should have been."""
    coverage = counts.coverage
    return "" if coverage is None or coverage >= 1 else f" (coverage {percent(coverage)})"


def _text(text: str, x: int) -> str:
    return f'<text x="{x}" y="14" textLength="{_length(text)}">{escape(text)}</text>'


def _width(text: str) -> int:
    return _length(text) + 2 * PADDING


def _length(text: str) -> int:
    """Pixels."""
    return max(1, round(sum(map(_character_width, text))))


def _character_width(character: str) -> float:
    if (known := WIDTHS.get(character)) is not None:
        return known
    if unicodedata.combining(character):
        return 0.0
    return WIDE if unicodedata.east_asian_width(character) in "WF" else NARROW
