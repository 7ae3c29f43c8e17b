"""What faults do to the checks: processes and servers are killed, frozen or restarted while websites are checked.

`python -m bench.faults [NAME...]` starts private servers, a target, beat and worker as users run them, anew for each
fault, injects it, and judges from the rows that were stored. The exit code is 1 where something required did not hold.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psycopg

from bench.binaries import UnavailableError
from bench.processes import UnableError
from bench.servers import EXIT_SKIP
from bench.stage import SCENARIO, Stage, stage

# Seconds of checks before the fault, and after it beyond what recovery may take.
BEFORE, AFTER = 10.0, 12.0
# Recovered is who stores this share of all websites' checks within one interval.
RECOVERED = 0.99
# In one second, against the mean: what a beat that takes over may make up for (two seconds of slots); and where workers
# come back, the one slot of every website that waited, beside the slots of that second.
SMALL_BURST, ONE_EACH = 3.0, 1.0 + SCENARIO.interval


def kill_worker(stage: Stage) -> None:
    stage.kill("worker")
    stage.start("worker")


def kill_one_of_two_workers(stage: Stage) -> None:
    both = ("worker", "worker 2")
    stage.start("worker 2")
    time.sleep(5)
    before = [stage.cpu_time(name) for name in both]
    time.sleep(15)
    used = [stage.cpu_time(name) - spent for name, spent in zip(both, before, strict=True)]
    print(f"    the two workers used {used[0]:.1f} and {used[1]:.1f} s of CPU time in 15 s")
    if min(used) < 0.2 * sum(used):
        raise RuntimeError("one worker does nearly everything")
    stage.kill("worker")


def keep_workers_away(stage: Stage) -> None:
    stage.end("worker")
    time.sleep(10 * SCENARIO.interval)
    stage.start("worker")


def kill_beat(stage: Stage) -> None:
    stage.kill("beat")
    stage.start("beat")


def kill_beat_with_standby(stage: Stage) -> None:
    stage.start("beat 2")
    time.sleep(5)
    stage.kill("beat")


def freeze_leader(stage: Stage) -> None:
    stage.start("beat 2")
    time.sleep(5)
    stage.send("beat", signal.SIGSTOP)
    time.sleep(20)
    stage.send("beat", signal.SIGCONT)


def restart_redis(stage: Stage) -> None:
    for _ in range(10):
        stage.redis.end(signal.SIGKILL)
        stage.redis.start()
        time.sleep(5)


def freeze_redis(stage: Stage) -> None:
    stage.redis.send(signal.SIGSTOP)
    time.sleep(60)
    stage.redis.send(signal.SIGCONT)


def restart_postgresql(stage: Stage) -> None:
    # SIGQUIT is its immediate shutdown.
    stage.postgresql.end(signal.SIGQUIT)
    stage.postgresql.start()


def lock_marker(stage: Stage) -> None:
    with psycopg.connect(stage.postgresql.url) as connection:
        connection.execute("SELECT * FROM django_celery_beat_periodictasks FOR UPDATE")
        connection.execute("LOCK TABLE django_celery_beat_periodictasks IN EXCLUSIVE MODE")
        time.sleep(60)


def restart_all(stage: Stage) -> None:
    for name in ("beat", "worker"):
        if (taken := stage.end(name)) > 15:
            raise RuntimeError(f"{name} took {taken:.1f} s to end")
        stage.start(name)


@dataclass(frozen=True)
class Fault:
    """`recovery` is how many seconds after the fault's end all websites must be checked again."""

    inject: Callable[[Stage], None]
    recovery: float
    summary: str
    burst: float = ONE_EACH


FAULTS = {
    "worker-killed": Fault(kill_worker, 10, "kill -9 of the worker, which is started again"),
    "one-of-two": Fault(kill_one_of_two_workers, 5, "kill -9 of one worker, another one shares the load"),
    "workers-away": Fault(keep_workers_away, 10, "no worker for ten intervals"),
    "beat-killed": Fault(kill_beat, 10, "kill -9 of beat, which is started again", SMALL_BURST),
    "leader-killed": Fault(kill_beat_with_standby, 5, "kill -9 of the beat that leads, another stands by", SMALL_BURST),
    "leader-frozen": Fault(freeze_leader, 5, "the beat that leads is frozen for 20 s, another stands by", SMALL_BURST),
    "redis-restarted": Fault(restart_redis, 30, "Redis killed and started again ten times in a minute"),
    "redis-frozen": Fault(freeze_redis, 30, "Redis frozen for 60 s"),
    "postgresql-restarted": Fault(restart_postgresql, 30, "immediate shutdown of PostgreSQL, which is started again"),
    "marker-locked": Fault(lock_marker, 5, "the change marker locked for 60 s"),
    "restarted": Fault(restart_all, 10, "beat and worker ended with SIGTERM and started again"),
}


def run(fault: Fault) -> list[str]:
    """Inject a fault; prints what happened and returns what did not hold."""
    from django.db import close_old_connections, connections

    with (
        tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name,
        stage(Path(name)) as made,
    ):
        time.sleep(BEFORE)
        begun = time.time()
        fault.inject(made)
        over = time.time()
        time.sleep(fault.recovery + AFTER)
        connections.close_all()
        close_old_connections()
        broken = judge(fault, begun, over)
        connections.close_all()
    return broken


def judge(fault: Fault, begun: float, over: float) -> list[str]:
    """What the rows say of a fault between two moments (Unix time)."""
    from monitoring.models import MonitoringData

    stored = MonitoringData.objects.order_by("entry_timestamp").values_list(
        "website_id", "scheduled_at", "entry_timestamp"
    )
    slots: Counter[tuple[int, float]] = Counter()
    moments: dict[int, list[float]] = defaultdict(list)
    for website_id, scheduled_at, entry_timestamp in stored:
        slots[website_id, scheduled_at.timestamp()] += 1
        moments[website_id].append(entry_timestamp.timestamp())
    checks = sorted(at for own in moments.values() for at in own)
    gap = max(later - earlier for own in moments.values() for earlier, later in pairwise(own))
    twice = sum(count - 1 for count in slots.values())
    recovered = _recovered_after(checks, over)
    mean = SCENARIO.websites / SCENARIO.interval
    peak = max(Counter(int(at) for at in checks if at >= begun).values()) / mean
    print(f"    lasted {over - begun:.1f} s; longest gap of a website {gap:.1f} s; slots checked twice {twice}")
    print(f"    all checked again from {recovered:.1f} s after it on; peak second over mean {peak:.2f}")
    broken = []
    if recovered > fault.recovery:
        broken.append(f"recovery took {recovered:.1f} s instead of {fault.recovery:g}")
    if twice:
        broken.append(f"{twice} slots were checked twice")
    if peak > fault.burst:
        broken.append(f"a burst of {peak:.1f} times the mean")
    return broken


def _recovered_after(checks: list[float], over: float) -> float:
    """Seconds after which an interval has (nearly) all checks, and infinity where there was none."""
    for tenths in range(round(10 * (checks[-1] - over)) - 10 * SCENARIO.interval):
        begin = over + tenths / 10
        if sum(begin <= at < begin + SCENARIO.interval for at in checks) >= RECOVERED * SCENARIO.websites:
            return tenths / 10
    return float("inf")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(FAULTS)}; all without a name")
    names = parser.parse_args().names or list(FAULTS)
    if unknown := [name for name in names if name not in FAULTS]:
        parser.error(f"no such fault: {', '.join(unknown)}")
    if len(names) > 1:
        # Each in a process of its own: Django takes its settings once.
        return max(
            subprocess.run([sys.executable, "-m", "bench.faults", name], check=False).returncode for name in names
        )
    fault = FAULTS[names[0]]
    print(f"{names[0]}: {fault.summary}", flush=True)
    try:
        broken = run(fault)
    except (UnavailableError, UnableError) as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP
    for sentence in broken:
        print(f"    BROKEN: {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
