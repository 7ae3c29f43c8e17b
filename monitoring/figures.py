"""What is told of websites and a window in numbers: the same in the API and in reports."""

from collections.abc import Collection
from typing import Any, NamedTuple

from monitoring import statistics
from monitoring.downtime import Downtime, downtimes
from monitoring.statistics import PHASES, Summary
from monitoring.watch_periods import Span

PERCENTILES = (50, 95, 99)


class Figures(NamedTuple):
    summary: Summary
    downtime: Downtime


def figures(website_ids: Collection[int], window: Span) -> tuple[Span, dict[int, Figures]]:
    """Figures by website id, and the window that they are of; see `statistics.summaries`."""
    covered, summaries = statistics.summaries(website_ids, window)
    down = downtimes(website_ids, covered)
    return covered, {pk: Figures(summary, down[pk]) for pk, summary in summaries.items()}


def facts(summary: Summary, downtime: Downtime) -> dict[str, Any]:
    """As programs read them (docs/statistics.md): times in seconds, shares from 0 to 1, null where nothing is known."""
    return {
        "expected": round(summary.expected, 3),
        "observed": summary.observed,
        "up": summary.up,
        "down": summary.down,
        "unknown": summary.unknown,
        "uptime": summary.uptime,
        "coverage": summary.coverage,
        "outages": {"count": downtime.count, "at_least": downtime.at_least, "at_most": downtime.at_most},
        "response_time": {
            "mean": _rounded(summary.mean),
            "min": _rounded(summary.response_min),
            "max": _rounded(summary.response_max),
            **{f"p{percent}": _rounded(summary.percentile(percent)) for percent in PERCENTILES},
        },
        "phases": {name: _rounded(summary.phase(name)) for name in PHASES},
        "errors": dict(summary.errors.most_common()),
    }


def _rounded(seconds: float | None) -> float | None:
    """To the microsecond, as what is behind it was never measured."""
    return None if seconds is None else round(seconds, 6)
