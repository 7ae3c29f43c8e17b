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
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import psycopg
import redis

from bench.binaries import UnavailableError
from bench.processes import UnableError
from bench.servers import EXIT_SKIP
from bench.stage import SCENARIO, Stage, stage

# Seconds of checks before the fault, and after it beyond what recovery may take.
BEFORE, AFTER = 10.0, 12.0
# Seconds beyond an interval in which every website must be checked again where all is well.
SLACK = 0.5
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


def fill_redis(stage: Stage) -> None:
    with redis.Redis.from_url(stage.redis.url) as client:
        client.config_set("maxmemory", "1")
        time.sleep(30)
        client.config_set("maxmemory", "0")


def restart_postgresql(stage: Stage) -> None:
    # SIGQUIT is its immediate shutdown.
    stage.postgresql.end(signal.SIGQUIT)
    stage.postgresql.start()


def refuse_writes(stage: Stage) -> None:
    """As a replica does until it is promoted, or a host whose volume is nearly full."""
    try:
        _set_read_only(stage, "on")
        time.sleep(40)
    finally:
        _set_read_only(stage, "off")


def _set_read_only(stage: Stage, value: str) -> None:
    with psycopg.connect(stage.postgresql.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        connection.execute("SELECT pg_reload_conf()")


def lock_marker(stage: Stage) -> None:
    with psycopg.connect(stage.postgresql.url) as connection:
        connection.execute("SELECT * FROM django_celery_beat_periodictasks FOR UPDATE")
        connection.execute("LOCK TABLE django_celery_beat_periodictasks IN EXCLUSIVE MODE")
        time.sleep(60)


def lock_tasks(stage: Stage) -> None:
    with psycopg.connect(stage.postgresql.url) as connection:
        connection.execute("LOCK TABLE django_celery_beat_periodictask IN EXCLUSIVE MODE")
        time.sleep(60)


def restart_all(stage: Stage) -> None:
    for name in ("beat", "worker"):
        if (taken := stage.end(name)) > 15:
            raise RuntimeError(f"{name} took {taken:.1f} s to end")
        stage.start(name)


@dataclass(frozen=True)
class Fault:
    """`recovery` is how many seconds after the fault's end all websites must be checked again.

    What a process that is killed had in its hands is lost uncounted (`kills`); all else must be stored or counted.
    Where nothing keeps checks from being made (`keeps`), each must be stored.
    """

    inject: Callable[[Stage], None]
    recovery: float
    summary: str
    burst: float = ONE_EACH
    kills: bool = False
    keeps: bool = False


FAULTS = {
    "worker-killed": Fault(kill_worker, 10, "kill -9 of the worker, which is started again", kills=True),
    "one-of-two": Fault(kill_one_of_two_workers, 5, "kill -9 of one worker, another one shares the load", kills=True),
    "workers-away": Fault(keep_workers_away, 10, "no worker for ten intervals"),
    "beat-killed": Fault(kill_beat, 10, "kill -9 of beat, which is started again", SMALL_BURST, kills=True),
    "leader-killed": Fault(
        kill_beat_with_standby, 5, "kill -9 of the beat that leads, another stands by", SMALL_BURST, kills=True
    ),
    "leader-frozen": Fault(freeze_leader, 5, "the beat that leads is frozen for 20 s, another stands by", SMALL_BURST),
    "redis-restarted": Fault(restart_redis, 30, "Redis killed and started again ten times in a minute"),
    "redis-frozen": Fault(freeze_redis, 30, "Redis frozen for 60 s"),
    "redis-full": Fault(fill_redis, 30, "Redis answers but takes nothing for 30 s"),
    "postgresql-restarted": Fault(restart_postgresql, 30, "immediate shutdown of PostgreSQL, which is started again"),
    "read-only": Fault(refuse_writes, 5, "PostgreSQL takes no writes for 40 s", keeps=True),
    "marker-locked": Fault(lock_marker, 5, "the change marker locked for 60 s"),
    "tasks-locked": Fault(lock_tasks, 5, "the table of periodic tasks locked for 60 s"),
    "restarted": Fault(restart_all, 10, "beat and worker ended with SIGTERM and started again", kills=True),
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
    from monitoring.models import Heartbeat, MonitoringData

    stored = MonitoringData.objects.order_by("entry_timestamp").values_list(
        "website_id", "scheduled_at", "entry_timestamp"
    )
    checks = [Made(website_id, due.timestamp(), at.timestamp()) for website_id, due, at in stored if due]
    slots = Counter((check.website_id, check.due) for check in checks)
    twice = sum(count - 1 for count in slots.values())
    lost, counted = _lost(slots), sum(Heartbeat.objects.values_list("missed", flat=True))
    late = Counter(check.website_id for check in checks if check.due < over <= check.at)
    gap = _longest_gap(checks)
    recovered = _recovered_after(checks, over)
    mean = SCENARIO.websites / SCENARIO.interval
    peak = max(Counter(int(check.at) for check in checks if check.at >= begun).values()) / mean
    print(f"    lasted {over - begun:.1f} s; longest gap of a website {gap:.1f} s; slots checked twice {twice}")
    print(f"    slots without a check {lost}, counted as missed {counted}; made up for, a website {max(late.values())}")
    print(f"    all websites checked again from {recovered:.1f} s after it on; peak second over mean {peak:.2f}")
    longest = over - begun + 2 * SCENARIO.interval + 1
    judged = {
        f"recovery took {recovered:.1f} s instead of {fault.recovery:g}": recovered > fault.recovery,
        f"{twice} slots were checked twice": twice > 0,
        f"a burst of {peak:.1f} times the mean": peak > fault.burst,
        f"a website was not checked for {gap:.1f} s": gap > longest,
        "a website was checked for several slots that had passed": max(late.values()) > 1,
        f"{lost - counted} slots have no check and were not counted": lost > counted and not fault.kills,
        f"{lost} slots have no check": lost > 0 and fault.keeps,
    }
    return [sentence for sentence, is_broken in judged.items() if is_broken]


class Made(NamedTuple):
    """A check: whose, when it was due and when it was made (Unix time)."""

    website_id: int
    due: float
    at: float


def _lost(slots: Collection[tuple[int, float]]) -> int:
    """Slots that have no check, between each website's first and last."""
    own: dict[int, list[float]] = defaultdict(list)
    for website_id, due in slots:
        own[website_id].append(due)
    expected = sum(round((max(dues) - min(dues)) / SCENARIO.interval) + 1 for dues in own.values())
    return expected - len(slots)


def _longest_gap(checks: Sequence[Made]) -> float:
    """Seconds between two checks of one website."""
    own: dict[int, list[float]] = defaultdict(list)
    for check in checks:
        own[check.website_id].append(check.at)
    return max(later - earlier for moments in own.values() for earlier, later in pairwise(moments))


def _recovered_after(checks: Sequence[Made], over: float) -> float:
    """Seconds from which on every website is checked within an interval; infinity where that never came."""
    length = SCENARIO.interval + SLACK
    for tenths in range(round(10 * (checks[-1].at - over - length))):
        begin = over + tenths / 10
        if len({check.website_id for check in checks if begin <= check.at < begin + length}) == SCENARIO.websites:
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
        codes = [subprocess.run([sys.executable, "-m", "bench.faults", name], check=False).returncode for name in names]
        return int(any(codes))
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
