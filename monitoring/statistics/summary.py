"""Sums over checks of one website, that can be added up."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring import histogram
from monitoring.histogram import Histogram

# Parts of an exchange, in order.
PHASES = ("dns", "connect", "tls", "first_byte")


@dataclass(slots=True)
class Counts:
    """How many slots there were in some time, and what their checks said."""

    expected: float = 0.0
    up: int = 0
    down: int = 0
    # Checked, but the fault was the monitor's own.
    unknown: int = 0

    @property
    def observed(self) -> int:
        """Checks that said something of the website."""
        return self.up + self.down

    @property
    def uptime(self) -> float | None:
        """0 to 1; None where nothing was observed."""
        return self.up / self.observed if self.observed else None

    @property
    def coverage(self) -> float | None:
        """0 to 1; None where nothing was to be expected."""
        return min(1.0, self.observed / self.expected) if self.expected else None

    def add_counts(self, other: "Counts") -> None:
        self.expected += other.expected
        self.up += other.up
        self.down += other.down
        self.unknown += other.unknown


@dataclass(slots=True)
class Summary(Counts):
    """And how long the answers took: times are seconds, of checks that were answered."""

    response_sum: float = 0.0
    response_min: float | None = None
    response_max: float | None = None
    # By phase, see `PHASES`.
    phase_sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    histogram: Histogram = field(default_factory=Histogram)
    # Failed checks by kind of error; `check_sums.REJECTED` where there was none.
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.histogram.total

    @property
    def mean(self) -> float | None:
        """Seconds."""
        return self.response_sum / self.answered if self.answered else None

    def percentile(self, percent: float) -> float | None:
        """Seconds, off by at most 5 %; None where nothing was answered."""
        found = self.histogram.percentile(percent)
        if found is None or self.response_min is None or self.response_max is None:
            return found
        return min(max(found, self.response_min), self.response_max)

    def phase(self, name: str) -> float | None:
        """The mean seconds of a phase; None where nothing was answered."""
        return self.phase_sums[name] / self.answered if self.answered else None

    def add_sums(self, sums: Sequence[Any]) -> None:
        """Add what a statement gives for `check_sums.COLUMNS`."""
        up, down, unknown, response, *phases, low, high, times, errors = sums
        self.up += up
        self.down += down
        self.unknown += unknown
        self.response_sum += response or 0.0
        for name, seconds in zip(PHASES, phases, strict=True):
            self.phase_sums[name] += seconds or 0.0
        self._widen(low, high)
        self.histogram.add(times)
        for kind, count in histogram.read(errors):
            self.errors[kind] += count

    def add(self, other: "Summary") -> None:
        self.add_counts(other)
        self.response_sum += other.response_sum
        for name, seconds in other.phase_sums.items():
            self.phase_sums[name] += seconds
        self._widen(other.response_min, other.response_max)
        self.histogram.merge(other.histogram)
        self.errors.update(other.errors)

    def _widen(self, low: float | None, high: float | None) -> None:
        if low is not None and high is not None:
            self.response_min = low if self.response_min is None else min(low, self.response_min)
            self.response_max = high if self.response_max is None else max(high, self.response_max)
