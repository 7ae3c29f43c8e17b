"""Whether checks are later while old ones go.

`python -m bench.pruning --rows 10000000` runs the pipeline (`bench.pipeline`) twice, with servers and processes of its
own: once as it is, and once while the worker lets go of so many checks that are too old. It prints how late checks
were in both, from their slot to their request and from their answer to their row, and how long the pruning took
(`--json`: for programs); it takes some ten minutes. `--embedded` does so on SQLite. The exit code is 1 where checks
were missed, or later.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import pipeline, processes, rows
from bench.binaries import UnavailableError
from bench.lists import add_checks
from bench.report import LINES_SHOWN
from bench.scenarios import SCENARIOS
from bench.servers import EXIT_SKIP
from monitoring.clock import BELIEVED_AFTER

# The days that the old checks are of, and how many days ago the last of them was.
DAYS, AGO = 10, 35
TASK = "prune-monitoring-data"
PATIENCE = 600.0
# Rows that SQLite gets at once.
CHUNK = 50_000
# Seconds that checks may be later, at the 99th percentile.
LATER = 0.1
FIGURES = ("p50", "p95", "p99", "max")


class Pruning(threading.Thread):
    """Has beat and worker prune, and waits until nothing old is left."""

    def __init__(self) -> None:
        super().__init__(name="pruning", daemon=True)
        self.seconds = 0.0

    def get_ready(self) -> None:
        """A worker that has just started deletes nothing yet."""
        time.sleep(BELIEVED_AFTER)

    def run(self) -> None:
        from django.db import connections

        switch(on=True)
        begun = time.monotonic()
        while is_anything_old() and time.monotonic() < begun + PATIENCE:
            time.sleep(0.05)
            self.seconds = round(time.monotonic() - begun, 2)
        connections.close_all()

    def stop(self) -> None:
        self.join()


def switch(*, on: bool) -> None:
    """Have beat send the task at once, or not at all."""
    from django.utils import timezone
    from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

    every, _ = IntervalSchedule.objects.get_or_create(every=60, period=IntervalSchedule.SECONDS)
    task = "monitoring.tasks.prune_monitoring_data"
    state = {"enabled": on, "last_run_at": timezone.now() - timedelta(hours=1), "interval": every, "task": task}
    PeriodicTask.objects.update_or_create(name=TASK, defaults=state)
    PeriodicTasks.update_changed()


def is_anything_old() -> bool:
    from monitoring.models import MonitoringData

    oldest = MonitoringData.objects.order_by("pk").values_list("entry_timestamp", flat=True).first()
    return oldest is not None and oldest < datetime.now(UTC) - timedelta(days=AGO)


def add_old_checks(websites: int, count: int) -> None:
    """Add checks that are rolled up, and so may go."""
    from django.db import connection
    from django.utils import timezone

    from monitoring.models import RollupProgress
    from monitoring.rollup_tables import DAY, HOUR
    from monitoring.rollups import floor

    now = timezone.now()
    ended = floor(now, DAY) - AGO * DAY
    if connection.vendor == "postgresql":
        add_checks(1, websites, count, ended.timestamp(), DAYS)
    else:
        add_to_sqlite(websites, count, ended)
    hour = floor(now, HOUR)
    RollupProgress.objects.create(
        pk=1, checks_since=ended - DAYS * DAY, days_until=floor(now, DAY), hours_until=hour, recent_until=hour
    )


def add_to_sqlite(websites: int, count: int, ended: datetime) -> None:
    from django.db import transaction

    from monitoring.rows import Row, insert

    def row(n: int) -> Row:
        at, website = ended - (count - n) * step, 1 + n % websites
        return Row(website, 200, at, 0.1, '["1.5"]', at, "up", "", "", 0.001, 0.02, None, 0.04, None, None)

    step = timedelta(days=DAYS) / count
    for start in range(0, count, CHUNK):
        with transaction.atomic():
            insert([row(n) for n in range(start, min(start + CHUNK, count))])


def run(websites: int, interval: int, seconds: float, count: int, *, embedded: bool) -> dict[str, Any]:
    """One run, of which `count` old checks go. Raises `UnavailableError`, `UnableError` or `RuntimeError`."""
    scenario = replace(
        SCENARIOS["embedded" if embedded else "http"],
        websites=websites,
        interval=interval,
        embedded=embedded,
        written=not embedded,
    )
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        with processes.environment(folder, embedded=embedded):
            import django
            from django.core.management import call_command
            from django.db import connections

            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
            if scenario.written:
                rows.note_when_written()
            switch(on=False)
            pruning = Pruning() if count else None
            if count:
                add_old_checks(websites, count)
            try:
                report = pipeline.measure(scenario, seconds, folder, pruning)
                return {**asdict(report), "pruning": pruning.seconds if pruning else 0.0, "left": is_anything_old()}
            finally:
                connections.close_all()


def repeat(*arguments: str) -> dict[str, Any]:
    """A run in a process of its own: Django takes its settings once. Raises `UnableError`."""
    command = [sys.executable, "-m", "bench.pruning", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode == EXIT_SKIP:
        raise processes.UnableError("a run did not get to its end")
    done.check_returncode()
    return dict(json.loads(done.stdout))


def broken(alone: dict[str, Any], pruned: dict[str, Any]) -> list[str]:
    """What does not hold, in words."""
    sentences = ["old checks are left"] if pruned["left"] else []
    if pruned["missed"] > alone["missed"]:
        sentences.append(f"{pruned['missed']} slots missed instead of {alone['missed']}")
    later = pruned["lateness"]["p99"] - alone["lateness"]["p99"]
    if later > LATER:
        sentences.append(f"checks are {later:.3f} s later (p99), more than {LATER:g}")
    return sentences


def show(alone: dict[str, Any], pruned: dict[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("what", "without", "while old checks go"):
        table.add_column(column, justify="left" if column == "what" else "right")
    both = (alone, pruned)
    table.add_row("checks expected / stored / missed", *map(_counts, both))
    for what, figures in (("lateness", "lateness"), ("from the answer to its row", "written")):
        for name in FIGURES if alone[figures] else ():
            table.add_row(f"{what} {name}", *(f"{one[figures][name]:.3f} s" for one in both))
    table.add_row("CPU, all together", *(f"{one['cpu_percent']} % of a core" for one in both))
    table.add_row("the old checks were gone after", "", f"{pruned['pruning']:.1f} s")
    console = Console()
    console.print(title, highlight=False)
    console.print(table)
    for line in [*alone["log"][:LINES_SHOWN], *pruned["log"][:LINES_SHOWN]]:
        console.print(f"log: {line}", markup=False, highlight=False)


def _counts(one: dict[str, Any]) -> str:
    return " / ".join(str(one[name]) for name in ("expected", "stored", "missed"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pruning", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--embedded", action="store_true", help="SQLite and the in-process broker")
    parser.add_argument("--websites", type=int, help="10,000, or 1,000 with --embedded")
    parser.add_argument("--interval", type=int, default=5, help="seconds between checks (5)")
    parser.add_argument("--rows", type=int, help="old checks: 10,000,000, or 500,000 with --embedded")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the measured window at least")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    websites = options.websites or (1_000 if options.embedded else 10_000)
    count = (500_000 if options.embedded else 10_000_000) if options.rows is None else options.rows
    arguments = ["--one", "--websites", str(websites), "--interval", str(options.interval)]
    arguments += ["--seconds", str(options.seconds)]
    arguments += ["--embedded"] if options.embedded else []
    try:
        if options.one:
            report = run(websites, options.interval, options.seconds, count, embedded=options.embedded)
            print(json.dumps(report))
            return 0
        alone, pruned = (repeat(*arguments, "--rows", str(number)) for number in (0, count))
    except (UnavailableError, processes.UnableError) as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    sentences = broken(alone, pruned)
    if options.json:
        print(json.dumps({"without": alone, "pruning": pruned, "broken": sentences}))
    else:
        show(alone, pruned, f"{websites} websites every {options.interval} s, {count} old checks")
        for sentence in sentences:
            print(f"BROKEN: {sentence}")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
