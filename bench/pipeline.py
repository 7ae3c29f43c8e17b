"""What a check costs, end to end: beat, worker, broker and database as users run them, against a local target.

`python -m bench.pipeline --scenario http --websites 10000 --interval 5 --seconds 60` starts private servers and a
target (whose CPU time is not counted), beat and worker, and prints one table from the rows that were stored;
`--json` prints it for programs, `--runs 3` repeats it and judges medians. The exit code is 1 where a stated bound of
the scenario is broken, and 77 where the scenario cannot be run here.

`--scenario storm`, `storm-long`, `half` and `drip` let most of the websites fall silent or slow at once, and judge what
becomes of those that answer; they run once.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bench import processes, report, rows, storm, storms
from bench.binaries import UnavailableError
from bench.edits import Editor
from bench.report import Report
from bench.scenarios import SCENARIOS, Scenario, fill
from bench.servers import EXIT_SKIP
from bench.storms import STORMS, Storm
from bench.usage import PARTS, Usage

# Rounds that beat and worker get to settle, before anything is counted: the first check of a website costs more than
# any other (`cold` is for that), and what had to wait is made up for in the next.
ROUNDS_BEFORE = 2
SETTLE_IDLE = 15.0
# After the window: the last checks' timeout, and their way into the database.
DRAIN = 12.0
SAMPLE_INTERVAL = 1.0
# What the processes should not have to say.
WORRYING = re.compile(r"WARNING|ERROR|CRITICAL|Traceback|Exception|locked")


def run(scenario: Scenario, seconds: float) -> Report:
    """One run with fresh servers. Raises `UnavailableError`, `UnableError` or `RuntimeError`."""
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        with processes.environment(folder, embedded=scenario.embedded):
            import django
            from django.core.management import call_command
            from django.db import connections

            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
            if scenario.written:
                rows.note_when_written()
            try:
                return measure(scenario, seconds, folder)
            finally:
                connections.close_all()


class Meanwhile(Protocol):
    """Somebody who does something while it runs."""

    def get_ready(self) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


def measure(scenario: Scenario, seconds: float, folder: Path, meanwhile: Meanwhile | None = None) -> Report:
    """Run beat and worker against the target and report the window."""
    result = Report()
    with processes.target(scenario, folder) as cases:
        fill(scenario, cases)
        editor = Editor(scenario, seconds) if scenario.edits else None
        with processes.product(scenario, folder) as started:
            if scenario.websites:
                rows.wait_for_first()
            if not scenario.cold:
                time.sleep(ROUNDS_BEFORE * scenario.interval if scenario.websites else SETTLE_IDLE)
            if meanwhile is not None:
                meanwhile.get_ready()
            begun, ended, spent, usage = observe(seconds, meanwhile or editor)
            if scenario.websites:
                time.sleep(DRAIN)
    rows.count(result, scenario, begun, begun + seconds)
    rows.count_hostile(result, scenario, cases, begun, begun + seconds)
    result.first_check = round(result.first_check - started, 2) if result.stored else 0.0
    checks = (result.stored + result.holes.get("stored", 0)) * (ended - begun) / seconds
    if checks:
        result.cpu_ms_per_check = {part: round(1000 * cpu / checks, 4) for part, cpu in spent.items()}
        result.cpu_ms_per_check["all"] = round(1000 * sum(spent.values()) / checks, 4)
    result.cpu_percent = round(100 * sum(spent.values()) / (ended - begun), 1)
    result.memory_mb = {part: round(size, 1) for part, size in usage.peak.items() if size}
    result.peak_rss_mb = {part: round(size, 1) for part, size in usage.peak_rss.items()}
    if scenario.growth is not None or scenario.memory_range is not None:
        result.growth = usage.growth("worker")
    _read_target(result, folder, begun, begun + seconds, editor)
    result.log = [line for line in (folder / "log").read_text(errors="replace").splitlines() if WORRYING.search(line)]
    return result


def observe(seconds: float, meanwhile: Meanwhile | Editor | None) -> tuple[float, float, dict[str, float], Usage]:
    """Let it run for so long; returns the moments of begin and end (Unix time), CPU seconds by part, and the rest."""
    usage = Usage()
    begun, before = time.time(), usage.sample()
    if meanwhile is not None:
        meanwhile.start()
    while (left := begun + seconds - time.time()) > 0:
        time.sleep(min(left, SAMPLE_INTERVAL))
        usage.sample()
    after, ended = usage.sample(), time.time()
    if meanwhile is not None:
        meanwhile.stop()
    return begun, ended, {part: after[part] - before[part] for part in PARTS}, usage


def _read_target(result: Report, folder: Path, begin: float, end: float, editor: Editor | None) -> None:
    seen = json.loads((folder / "seen").read_text())
    waited = [seconds for began, seconds in seen["holes"] if begin <= began < end]
    if waited:
        result.holes |= {"shortest": round(min(waited), 3), "longest": round(max(waited), 3)}
    if editor is not None:
        result.edits = editor.count
        result.late_edits = editor.late(seen["edits"])


def repeat(times: int) -> list[Report]:
    """This very command, each time in a process of its own: Django takes its settings once. Raises `UnableError`."""
    arguments = [sys.executable, "-m", "bench.pipeline", *sys.argv[1:], "--runs", "1", "--json"]
    results = []
    for _ in range(times):
        done = subprocess.run(arguments, stdout=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1):
            raise processes.UnableError("a run did not get to its end")
        results.append(Report(**json.loads(done.stdout)["runs"][0]))
    return results


def weather(name: str, chosen: Storm, seconds: float, *, is_json: bool) -> int:
    """Run a storm and print it; the exit code."""
    seen = storm.run(chosen, seconds)
    broken = storms.broken(seen, chosen, seconds)
    if is_json:
        print(json.dumps(storms.as_json(name, chosen, seconds, seen)))
    else:
        report.print_table(f"{name}: {chosen.summary}; {seconds:g} s", storms.lines(seen, chosen), broken)
    return 1 if broken else 0


def main() -> int:
    scenarios: dict[str, Scenario] = {**SCENARIOS, **STORMS}
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenario", choices=scenarios, default="http")
    parser.add_argument("--websites", type=int, help="instead of the scenario's number")
    parser.add_argument("--interval", type=int, help="instead of the scenario's seconds")
    parser.add_argument("--seconds", type=float, help="length of the measured window")
    parser.add_argument("--runs", type=int, default=1, help="how often; medians are judged")
    parser.add_argument("--embedded", action="store_true", help="SQLite and the in-process broker")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    scenario = scenarios[options.scenario]
    changes = {name: getattr(options, name) for name in ("websites", "interval", "embedded") if getattr(options, name)}
    scenario = replace(scenario, **changes)
    seconds = options.seconds or scenario.seconds
    try:
        if isinstance(scenario, Storm):
            return weather(options.scenario, scenario, seconds, is_json=options.json)
        runs = [run(scenario, seconds)] if options.runs == 1 else repeat(options.runs)
    except (UnavailableError, processes.UnableError) as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    if options.json:
        print(json.dumps(report.as_json(options.scenario, scenario, seconds, runs)))
    else:
        report.show(options.scenario, scenario, seconds, runs)
    return 1 if report.broken(report.median(runs), scenario) else 0


if __name__ == "__main__":
    sys.exit(main())
