"""What a check costs, end to end: beat, worker, broker and database as users run them, against a local target.

`python -m bench.pipeline --scenario http --websites 10000 --interval 5 --seconds 60` starts private servers and a
target (whose CPU time is not counted), beat and worker, and prints one table from the rows that were stored;
`--json` prints it for programs. The exit code is 1 where a stated bound of the scenario is broken.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.servers import servers
from bench.target import PORT, addresses
from bench.usage import PARTS, Usage

PROJECT = Path(__file__).resolve().parent.parent
ADDRESSES = 64
# Seconds that beat and worker get to start and settle before anything is counted.
START_TIMEOUT = 60.0
SETTLE = 5.0
# After the window: the last checks' timeout, and their way into the database.
DRAIN = 12.0
SAMPLE_INTERVAL = 1.0


@dataclass(frozen=True)
class Scenario:
    """How the websites look and what must hold. CPU is in ms a check, lateness in seconds, memory in MB."""

    summary: str
    websites: int
    interval: int
    cpu_ms: float | None = None
    lateness_p99: float | None = None
    memory: float | None = None
    embedded: bool = False
    holes: float = 0.0


SCENARIOS = {
    "http": Scenario("plain HTTP", 10_000, 5, cpu_ms=0.20, lateness_p99=0.5),
    "few": Scenario("plain HTTP where other monitors were measured", 1_000, 5, cpu_ms=0.45),
    "many": Scenario("plain HTTP, a hundred thousand", 100_000, 60, lateness_p99=1.0),
    "blackholes": Scenario("a tenth never answers", 10_000, 10, lateness_p99=0.5, holes=0.1),
    "embedded": Scenario("SQLite and the in-process broker", 1_000, 5, lateness_p99=1.0, memory=300, embedded=True),
}


@dataclass
class Report:
    """What one run showed."""

    scenario: str
    websites: int
    interval: int
    seconds: float
    expected: int = 0
    stored: int = 0
    missed: int = 0
    duplicates: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    cpu_ms_per_check: dict[str, float] = field(default_factory=dict)
    cpu_percent: float = 0.0
    lateness: dict[str, float] = field(default_factory=dict)
    peak_over_mean: float = 0.0
    memory_mb: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running(*arguments: str, log: Path, wait_for_line: bool = False) -> Iterator[None]:
    """Run `python ARGUMENTS` until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            stdout=subprocess.PIPE if wait_for_line else output,
            stderr=output,
        )
    try:
        if wait_for_line and (process.stdout is None or not process.stdout.readline()):
            raise RuntimeError(f"{arguments} does not start: {log.read_text()}")
        yield
    finally:
        process.terminate()
        process.wait(30)


def fill(scenario: Scenario) -> None:
    """Add the websites, as if each had been checked before."""
    from django.utils import timezone

    from monitoring import schedule
    from websites.models import Website

    hosts = addresses(ADDRESSES)
    holes = round(scenario.websites * scenario.holes)
    Website.objects.bulk_create(
        [
            Website(
                website_url=f"http://{hosts[n % ADDRESSES]}:{PORT}/{'hole' if n < holes else 'page'}/{n}",
                monitoring_interval=scenario.interval,
                regex=r'"temperature": "([0-9.]+)"',
            )
            for n in range(scenario.websites)
        ],
        batch_size=5_000,
    )
    schedule.owned_tasks().update(last_run_at=timezone.now())


def wait_for_first_row() -> None:
    from monitoring.models import MonitoringData

    deadline = time.monotonic() + START_TIMEOUT
    while not MonitoringData.objects.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("no check was stored within a minute")
        time.sleep(0.1)


def measure(scenario: Scenario, name: str, seconds: float, folder: Path) -> Report:
    """Run beat and worker against the target and report the window."""
    report = Report(name, scenario.websites, scenario.interval, seconds)
    log = folder / "log"
    with contextlib.ExitStack() as stack:
        stack.enter_context(running("-m", "bench.target", log=log, wait_for_line=True))
        stack.enter_context(running("-m", "celery", "-A", "webmonitor", "--quiet", "worker", log=log))
        if not scenario.embedded:
            stack.enter_context(running("-m", "celery", "-A", "webmonitor", "--quiet", "beat", log=log))
        wait_for_first_row()
        time.sleep(SETTLE)
        usage = Usage()
        begun, before = time.time(), usage.cpu()
        while (left := begun + seconds - time.time()) > 0:
            time.sleep(min(left, SAMPLE_INTERVAL))
        after, ended = usage.cpu(), time.time()
        time.sleep(DRAIN)
    _count_rows(report, begun, begun + seconds)
    spent = {part: after[part] - before[part] for part in PARTS}
    checks = max(1, round(report.stored * (ended - begun) / seconds))
    report.cpu_ms_per_check = {part: round(1000 * cpu / checks, 4) for part, cpu in spent.items()}
    report.cpu_ms_per_check["all"] = round(1000 * sum(spent.values()) / checks, 4)
    report.cpu_percent = round(100 * sum(spent.values()) / (ended - begun), 1)
    report.memory_mb = {part: round(size, 1) for part, size in usage.peak.items() if size}
    judge(report, scenario)
    return report


def _count_rows(report: Report, begin: float, end: float) -> None:
    from monitoring.models import MonitoringData

    rows = MonitoringData.objects.order_by().values_list("website_id", "scheduled_at", "entry_timestamp", "error")
    slots: Counter[tuple[int, float]] = Counter()
    lateness: list[float] = []
    seconds: Counter[int] = Counter()
    errors: Counter[str] = Counter()
    for website_id, scheduled_at, entry_timestamp, error in rows.iterator(chunk_size=10_000):
        due = scheduled_at.timestamp()
        if begin <= due < end:
            slots[website_id, due] += 1
            lateness.append(entry_timestamp.timestamp() - due)
            seconds[int(entry_timestamp.timestamp() - begin)] += 1
            errors[error or "none"] += 1
    lateness.sort()
    report.expected = round(report.websites * report.seconds / report.interval)
    report.stored = len(lateness)
    report.missed = max(0, report.expected - len(slots))
    report.duplicates = report.stored - len(slots)
    report.errors = dict(errors)
    if lateness:
        at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        report.lateness = {name: round(lateness[int(share * len(lateness))], 3) for name, share in at.items()}
        report.lateness["max"] = round(lateness[-1], 3)
        report.peak_over_mean = round(max(seconds.values()) * report.seconds / report.stored, 2)


def judge(report: Report, scenario: Scenario) -> None:
    """Name the bounds that were broken."""
    # A slot at the very edge of the window may fall on either side of it.
    if report.missed > max(2, report.expected // 5000):
        report.broken.append(f"{report.missed} of {report.expected} slots missed")
    if report.duplicates:
        report.broken.append(f"{report.duplicates} slots checked twice")
    cpu, late = report.cpu_ms_per_check["all"], report.lateness.get("p99", 0.0)
    if scenario.cpu_ms is not None and cpu > scenario.cpu_ms:
        report.broken.append(f"{cpu} ms of CPU a check, more than {scenario.cpu_ms}")
    if scenario.lateness_p99 is not None and late > scenario.lateness_p99:
        report.broken.append(f"lateness p99 {late} s, more than {scenario.lateness_p99}")
    memory = sum(report.memory_mb.values())
    if scenario.memory is not None and memory > scenario.memory:
        report.broken.append(f"{memory:.0f} MB, more than {scenario.memory:.0f}")


def show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{report.scenario}: {report.websites} websites every {report.interval} s, {report.seconds:g} s"
    )
    table.add_column("what")
    table.add_column("value", justify="right")
    rate = report.expected / report.seconds
    table.add_row("checks expected / stored / missed", f"{report.expected} / {report.stored} / {report.missed}")
    table.add_row("checks a second expected", f"{rate:.0f}")
    table.add_row("CPU, all together", f"{report.cpu_percent} % of a core")
    for part, cpu in report.cpu_ms_per_check.items():
        table.add_row(f"CPU a check, {part}", f"{cpu:.4f} ms")
    for name, value in report.lateness.items():
        table.add_row(f"lateness {name}", f"{value:.3f} s")
    table.add_row("peak second over mean", f"{report.peak_over_mean}")
    for part, size in report.memory_mb.items():
        table.add_row(f"memory (PSS), {part}", f"{size:.0f} MB")
    table.add_row("errors", ", ".join(f"{error} {count}" for error, count in report.errors.items()))
    console = Console()
    console.print(table)
    for sentence in report.broken:
        console.print(f"BROKEN: {sentence}", markup=False)


@contextlib.contextmanager
def environment(folder: Path, *, embedded: bool) -> Iterator[None]:
    """The product's settings for a run, in this process and those it starts."""
    names = {"DATA_DIR": str(folder / "data"), "WEBMONITOR_DOTENV": os.devnull, "LOG_LEVEL": "WARNING"}
    names["PROBE_ALLOWED_NETWORKS"] = "127.0.0.0/8"
    names["DJANGO_SETTINGS_MODULE"] = "webmonitor.settings"
    with contextlib.ExitStack() as stack:
        if not embedded:
            names["DATABASE_URL"], names["REDIS_URL"] = stack.enter_context(servers(durable=True))
        os.environ.update(names)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenario", choices=SCENARIOS, default="http")
    parser.add_argument("--websites", type=int, help="instead of the scenario's number")
    parser.add_argument("--interval", type=int, help="instead of the scenario's seconds")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the measured window")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = asdict(SCENARIOS[options.scenario])
    changes = {name: getattr(options, name) for name in ("websites", "interval") if getattr(options, name)}
    scenario = Scenario(**{**chosen, **changes})
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        with environment(folder, embedded=scenario.embedded):
            report = run(scenario, options.scenario, options.seconds, folder)
    if options.json:
        print(json.dumps(asdict(report)))
    else:
        show(report)
    return 1 if report.broken else 0


def run(scenario: Scenario, name: str, seconds: float, folder: Path) -> Report:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    fill(scenario)
    try:
        return measure(scenario, name, seconds, folder)
    finally:
        connections.close_all()


if __name__ == "__main__":
    sys.exit(main())
