"""What a run of the pipeline benchmark showed: figures, medians of several runs, bounds, and the table."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.scenarios import Scenario

# Seconds: how far from its deadline a silent website may be given up.
DEADLINE_TOLERANCE = 0.5
# Seconds without any check begun.
LONGEST_GAP = 2.0
# Checks begun in the fullest second, against the mean.
PEAK = 2.0
# Seconds in which what was seen must be stored.
WRITTEN = 0.5
LINES_SHOWN = 5
RSS_RANGE, PSS_RANGE = "rss_mb_between_least_and_most", "pss_mb_between_least_and_most"


@dataclass
class Report:
    """Counts, seconds and megabytes; of one run, or the medians of several."""

    expected: int = 0
    stored: int = 0
    missed: int = 0
    duplicates: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    cpu_ms_per_check: dict[str, float] = field(default_factory=dict)
    cpu_percent: float = 0.0
    # From the slot to the request, by percentile.
    lateness: dict[str, float] = field(default_factory=dict)
    # From the end of the exchange to the row, by percentile; where it was measured.
    written: dict[str, float] = field(default_factory=dict)
    longest_gap: float = 0.0
    first_check: float = 0.0
    peak_over_mean: float = 0.0
    # Proportional set size of a part's processes, the largest seen; and each part's largest process ever (RSS).
    memory_mb: dict[str, float] = field(default_factory=dict)
    peak_rss_mb: dict[str, float] = field(default_factory=dict)
    # Of the websites that never answer: checks expected and stored as timeouts, and seconds until each was given up.
    holes: dict[str, float] = field(default_factory=dict)
    # Checks of the websites that are hostile, by error.
    hostile: dict[str, float] = field(default_factory=dict)
    hostile_missed: int = 0
    # Sentences.
    hostile_wrong: list[str] = field(default_factory=list)
    # Of the worker: megabytes a minute and descriptors over the second half, megabytes apart once it has settled.
    growth: dict[str, float] = field(default_factory=dict)
    edits: int = 0
    # Sentences.
    late_edits: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest; nothing for nothing."""
    if not values:
        return {}
    ordered = sorted(values)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: round(ordered[int(share * len(ordered))], 3) for name, share in at.items()} | {
        "max": round(ordered[-1], 3)
    }


def median(reports: list[Report]) -> Report:
    """Figure by figure the median; what was said in any of the runs is kept."""
    return Report(**{part.name: _median([getattr(report, part.name) for report in reports]) for part in fields(Report)})


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], list):
        return [sentence for value in values for sentence in value]
    if isinstance(values[0], dict):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _median([value.get(name, 0) for value in values]) for name in names}
    return statistics.median_high(values)


def broken(report: Report, scenario: Scenario) -> list[str]:
    """The bounds that do not hold, in words."""
    p99, cpu = report.lateness.get("p99", 0.0), report.cpu_ms_per_check.get("all", 0.0)
    memory, beat = sum(report.memory_mb.values()), report.peak_rss_mb.get("beat", 0.0)
    bounds = [
        ("ms of CPU a check", cpu, scenario.cpu_ms),
        ("% of a core", report.cpu_percent, scenario.cpu_percent),
        ("s of lateness p99", p99, scenario.lateness_p99),
        ("MB in all", memory, scenario.memory),
        ("MB in beat", beat, scenario.beat_memory),
        ("s from the start to the first check", report.first_check, scenario.first_check),
        ("MB between the worker's least and most", report.growth.get(RSS_RANGE, 0.0), scenario.memory_range),
        ("MB a minute more in the worker", report.growth.get("mb_per_minute", 0.0), scenario.growth),
        ("s without any check", report.longest_gap, LONGEST_GAP if scenario.edits else None),
        ("times the mean in one second", report.peak_over_mean, PEAK),
        ("s from an answer to its row, p99", report.written.get("p99", 0.0), WRITTEN),
    ]
    sentences = [f"{value} {what}, more than {bound:g}" for what, value, bound in bounds if bound and value > bound]
    if scenario.stock:
        return sentences
    if report.missed:
        sentences.append(f"{report.missed} of {report.expected} slots missed")
    if report.duplicates:
        sentences.append(f"{report.duplicates} slots checked twice")
    if failed := sum(count for error, count in report.errors.items() if error != "none"):
        sentences.append(f"{failed} checks of websites that answer have an error")
    sentences += _broken_holes(report, scenario) + report.late_edits
    return sentences + _broken_hostile(report, scenario) + _broken_log(report)


def _broken_holes(report: Report, scenario: Scenario) -> list[str]:
    if not scenario.holes:
        return []
    holes, sentences = report.holes, []
    if holes["stored"] < holes["expected"] or holes["timeouts"] < holes["stored"]:
        sentences.append(f"of {holes['expected']} checks of silent websites {holes['timeouts']} ended as timeouts")
    sentences += [
        f"a silent website was given up after {holes[which]} s instead of {scenario.timeout:g}"
        for which in ("shortest", "longest")
        if abs(holes[which] - scenario.timeout) > DEADLINE_TOLERANCE
    ]
    return sentences


def _broken_hostile(report: Report, scenario: Scenario) -> list[str]:
    if not scenario.hostile:
        return []
    missed = [f"{report.hostile_missed} slots of hostile websites missed"] if report.hostile_missed else []
    return missed + report.hostile_wrong


def _broken_log(report: Report) -> list[str]:
    return [f"{len(report.log)} warnings and errors in the log"] if report.log else []


def as_json(name: str, scenario: Scenario, seconds: float, runs: list[Report]) -> dict[str, Any]:
    middle = median(runs)
    return {
        "scenario": name,
        "websites": scenario.websites,
        "interval": scenario.interval,
        "seconds": seconds,
        "median": asdict(middle),
        "runs": [asdict(run) for run in runs],
        "broken": broken(middle, scenario),
    }


def show(name: str, scenario: Scenario, seconds: float, runs: list[Report]) -> None:
    middle = median(runs)
    title = f"{name}: {scenario.summary}; {scenario.websites} websites every {scenario.interval} s, {seconds:g} s"
    title += f", medians of {len(runs)}" if len(runs) > 1 else ""
    said = [f"run {number}: {_line(run)}" for number, run in enumerate(runs, 1) if len(runs) > 1]
    said += [f"log: {line}" for line in middle.log[:LINES_SHOWN]]
    print_table(title, _rows(middle, seconds), broken(middle, scenario), said)


def print_table(title: str, rows: list[tuple[str, str]], broken: list[str], said: Sequence[str] = ()) -> None:
    table = Table()
    table.add_column("what")
    table.add_column("value", justify="right")
    for what, value in rows:
        table.add_row(what, value)
    console = Console()
    console.print(title, highlight=False)
    console.print(table)
    for line in said:
        console.print(line, markup=False, highlight=False)
    for sentence in broken:
        console.print(f"BROKEN: {sentence}", markup=False)


def _line(run: Report) -> str:
    cpu, late = run.cpu_ms_per_check.get("all", 0.0), run.lateness.get("p99", 0.0)
    return f"{run.stored} of {run.expected} stored, {cpu:.4f} ms a check, lateness p99 {late:.3f} s"


def _rows(report: Report, seconds: float) -> list[tuple[str, str]]:
    rows = [
        ("checks expected / stored / missed", f"{report.expected} / {report.stored} / {report.missed}"),
        ("checks a second expected / stored", f"{report.expected / seconds:.0f} / {report.stored / seconds:.0f}"),
        ("CPU, all together", f"{report.cpu_percent} % of a core"),
    ]
    rows += [(f"CPU a check, {part}", f"{1000 * cpu:.1f} µs") for part, cpu in report.cpu_ms_per_check.items()]
    rows += [(f"lateness {name}", f"{value:.3f} s") for name, value in report.lateness.items()]
    rows += [(f"from the answer to its row {name}", f"{value:.3f} s") for name, value in report.written.items()]
    if report.stored:
        rows += [
            ("start of beat to first check", f"{report.first_check:.1f} s"),
            ("peak second over mean", f"{report.peak_over_mean}"),
            ("longest time without a check", f"{report.longest_gap:.3f} s"),
        ]
    rows += [(f"memory (PSS), {part}", f"{size:.0f} MB") for part, size in report.memory_mb.items()]
    rows += [(f"peak memory (RSS), {part}", f"{size:.0f} MB") for part, size in report.peak_rss_mb.items()]
    rows += [(f"silent websites, {name}", f"{value:g}") for name, value in report.holes.items()]
    rows += [(f"worker, {name}", f"{value:g}") for name, value in report.growth.items()]
    if report.hostile:
        rows.append(("hostile websites", ", ".join(f"{error} {count:g}" for error, count in report.hostile.items())))
    if report.edits:
        rows.append(("edits / too late", f"{report.edits} / {len(report.late_edits)}"))
    if report.errors:
        rows.append(("errors", ", ".join(f"{error} {count}" for error, count in report.errors.items())))
    return rows
