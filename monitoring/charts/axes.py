"""Axes: where their ticks stand, and what these say."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
# Steps between the ticks of an axis of values, at most.
STEPS_MOST = 4
# Beyond these, or closer together, numbers cannot be told apart or added up.
LARGEST, SMALLEST, CLOSEST = 1e300, 1e-300, 1e-12
ROUNDING = 1e-9
SUFFIXES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1.0, ""))

MINUTES = [timedelta(minutes=count) for count in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)]
DAYS = [timedelta(days=count) for count in (1, 2, 7, 14)]
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
TICKS_MOST = 8
MONTH = timedelta(days=30)
# A Monday, so that weeks begin with it.
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


class Axis(NamedTuple):
    """Numbers from `low` to `high`, which are both ticks, `step` apart."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        count = round((self.high - self.low) / self.step)
        return [self.low + n * self.step for n in range(count + 1)]

    def share(self, value: float) -> float:
        """How far up a value is, from 0 to 1; what is beyond the ends stays at them."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def axis(low: float, high: float) -> Axis:
    """The axis with few round ticks that has both numbers on it, and some room where they are the same."""
    low, high = (min(LARGEST, max(-LARGEST, value)) for value in (low, high))
    magnitude = max(abs(low), abs(high))
    if high - low <= max(CLOSEST * magnitude, SMALLEST):
        room = magnitude / 10 if magnitude > SMALLEST else 1.0
        low, high = low - room, high + room
    step = _step((high - low) / STEPS_MOST)
    # What floats lack or have too much makes no step more.
    return Axis(math.floor(low / step + ROUNDING) * step, math.ceil(high / step - ROUNDING) * step, step)


def from_zero(high: float) -> Axis:
    """The axis of what is never below zero, such as a time."""
    return axis(0.0, high if high > SMALLEST else 1.0)


def _step(least: float) -> float:
    """The next round number."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((step * power for step in STEPS if step * power >= least), 10 * power)


def seconds_text(seconds: float, axis: Axis) -> str:
    """A tick of an axis of times: `0`, `250 ms`, `1.5 s`."""
    if seconds < axis.step / 2:
        return "0"
    return f"{round(seconds, 3):,g} s" if seconds >= 0.9999 else f"{round(seconds * 1000, 4):g} ms"


def number_text(value: float, axis: Axis) -> str:
    """A tick of any axis: `12.5`, `1,250`, `1.5 M`."""
    largest = max(abs(axis.low), abs(axis.high))
    if largest >= 1e15 or axis.step < 1e-4:
        return f"{value if abs(value) > axis.step / 2 else 0:.3g}"
    size, suffix = _unit(largest, axis.step)
    number = value if abs(value) > axis.step / 2 else 0.0
    return f"{number / size:,.{_decimals(axis.step / size)}f}{suffix}" if number else "0"


def _unit(largest: float, step: float) -> tuple[float, str]:
    """The unit in which ticks are short and still differ."""
    fitting = ((size, suffix) for size, suffix in SUFFIXES if largest >= size and _decimals(step / size) <= 3)
    return next(fitting, (1.0, ""))


def _decimals(step: float) -> int:
    """How many decimals tell multiples of a step apart."""
    decimals = max(0, -math.floor(math.log10(step)))
    # Of 2.5, 0.25 and so on, one more.
    return decimals + (not math.isclose(round(step, decimals), step, rel_tol=1e-9))


class Moment(NamedTuple):
    """A tick of an axis of time."""

    at: datetime
    text: str


def moments(since: datetime, until: datetime) -> list[Moment]:
    """The ticks of a time, at most `TICKS_MOST` or one more, at round times (UTC): `14:00`, `26 Nov`, `Nov`, `2027`."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    least = (until - since) / TICKS_MOST
    for steps, text in ((MINUTES, _time_text), (DAYS, day_text)):
        if step := next((step for step in steps if step >= least), None):
            return [Moment(at, text(at)) for at in _regular(since, until, step)]
    months = next((months for months in MONTHS if months * MONTH >= least), MONTHS[-1])
    return [Moment(at, f"{at:%Y}" if at.month == 1 else f"{at:%b}") for at in _months(since, until, months)]


def _time_text(at: datetime) -> str:
    return f"{at:%H:%M}" if at.hour or at.minute else day_text(at)


def day_text(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def _regular(since: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    # The first multiple that is not before.
    at = MONDAY - (MONDAY - since) // step * step
    while at <= until:
        yield at
        at += step


def _months(since: datetime, until: datetime, step: int) -> Iterator[datetime]:
    month = -(-(since.year * 12 + since.month - 1) // step) * step
    while (at := datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)) <= until:
        if at >= since:
            yield at
        month += step


def share(at: datetime, since: datetime, until: datetime) -> float:
    """How far along a time a moment is, from 0 to 1; what is outside stays at the ends."""
    length = (until - since).total_seconds()
    return min(1.0, max(0.0, (at - since).total_seconds() / length)) if length > 0 else 0.0


def width_of(texts: Sequence[str]) -> int:
    """The pixels that a column of ticks' texts takes."""
    return 12 + 7 * max(map(len, texts), default=0)
