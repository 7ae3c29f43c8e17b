"""What the monitor notices and tells, against a history of outages that is known.

`python -m bench.truth [--websites 200] [--interval 5] [--minutes 10] [--json]` starts private servers, beat and worker
as users run them, websites that fail as a script says, and a webhook's receiver that fails as well. Meanwhile the
worker is killed once, a server and a network that many websites share fail, and the monitor is cut off from all
websites, and then from its name server, for a while. The exit code is 1 where a required figure is missed, and 77
where this cannot be run here.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.binaries import UnavailableError
from bench.servers import EXIT_SKIP, free_port, keep_postgresql, keep_redis
from bench.stage import Stage
from bench.truth import moments, places, report, stored, wire
from bench.truth.course import Course, Outside, run_course
from bench.truth.history import SHORTEST_RUN, history, timetable
from bench.truth.outcome import Played, conclude
from bench.truth.report import Result

# Seconds from the moment when all websites are up to the beginning, and that alerts may take after the end.
AHEAD, PATIENCE = 2.0, 180.0
# What processes should not have to say, even while they are cut off.
WORRYING = re.compile(r"ERROR|CRITICAL|Traceback|Exception")


def run(result: Result, *, wired: bool) -> None:
    """Let the history happen and fill in the result. Raises `UnavailableError`, `UnableError` or `RuntimeError`."""
    sites = history(result.seed, result.websites, result.seconds)
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        folder = Path(name)
        with staged(result, folder, wired=wired) as stage:
            website_ids = stored.fill(sites, result.interval, wired=wired)
            with acting(result, folder, wired=wired) as outside:
                stage.start("worker")
                stage.start("beat")
                stored.wait_until_up(len(sites))
                beginning = time.time() + AHEAD
                moments.announce(folder, beginning)
                course = Course(stage, outside, timetable(result.seconds), beginning)
                faults = run_course(course)
                stored.wait_until_told(PATIENCE)
            played = Played(
                json.loads((folder / "played").read_text()), json.loads((folder / "received").read_text()), faults
            )
            conclude(result, sites, website_ids, beginning, played)
        log = (folder / "log").read_text(errors="replace").splitlines()
        result.log = [line for line in log if WORRYING.search(line)]


@contextlib.contextmanager
def staged(result: Result, folder: Path, *, wired: bool) -> Iterator[Stage]:
    """The servers, and a database that is ready; whatever was started ends at the end."""
    with keep_postgresql() as postgresql, keep_redis() as redis:
        processes.configure(folder, (postgresql.url, redis.url))
        os.environ["PROBE_ALLOWED_NETWORKS"] += f",{wire.NETWORK}"
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        (folder / "names").write_text(json.dumps(places.names(result.websites)))
        stage = Stage(folder, postgresql, redis, processes.with_names(folder) if wired else ())
        try:
            yield stage
        finally:
            stage.end_all()
            connections.close_all()


@contextlib.contextmanager
def acting(result: Result, folder: Path, *, wired: bool) -> Iterator[Outside | None]:
    """The websites and the receiver, which a channel is made for; yields what is between, where there is something."""
    log, port = folder / "acting.log", free_port()
    history_words = ["--websites", str(result.websites), "--seconds", str(result.seconds), "--seed", str(result.seed)]
    sites = ["-m", "bench.truth.sites", str(folder), *history_words, *(["--wired"] if wired else [])]
    away = timetable(result.seconds).receiver_away
    receiver = ["-m", "bench.truth.receiver", str(folder), "--port", str(port), "--seed", str(result.seed)]
    receiver += ["--secret", stored.add_channel(port), "--away", str(away.start), str(away.end)]
    with (
        processes.running(*sites, log=log, wait_for_line=True, prefix=wire.PREFIX if wired else ()) as process,
        processes.running(*receiver, log=log, wait_for_line=True),
    ):
        if not wired:
            yield None
            return
        resolver = ("-m", "bench.resolver", str(folder / "names"))
        with processes.running(*resolver, log=log, wait_for_line=True) as names:
            try:
                yield Outside(wire.Wire(process.pid), names)
            finally:
                # A process that is stopped does not end.
                names.send_signal(signal.SIGCONT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--websites", type=int, default=200)
    parser.add_argument("--interval", type=int, default=5, help="seconds, from 5 to 300")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of another history")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not (options.websites >= 10 and 5 <= options.interval <= 300 and 60 * options.minutes >= SHORTEST_RUN):
        parser.error("It takes 10 websites, an interval from 5 to 300 s, and 3 minutes.")
    result = Result(options.websites, options.interval, 60 * options.minutes, options.seed)
    try:
        wired = isolated()
        run(result, wired=wired)
    except (UnavailableError, processes.UnableError) as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    if options.json:
        print(json.dumps(report.as_json(result)))
    else:
        report.show(result)
    return 1 if report.broken(result) else 0


def isolated() -> bool:
    """Whether there can be a wire to cut; says why not."""
    try:
        wire.isolate()
    except processes.UnableError as reason:
        print(f"SKIPPED: the monitor is not cut off. {reason}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
