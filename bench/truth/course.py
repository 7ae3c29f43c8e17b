"""What is done to the monitor, and to what many websites share, while the history happens."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bench.stage import Stage
from bench.truth import places
from bench.truth.history import Span, Timetable
from bench.truth.wire import Wire

WORKER_KILLED, CUT_OFF, NETWORK_GONE, RESOLVER_AWAY, RECEIVER_AWAY = (
    "worker killed",
    "cut off",
    "shared network gone",
    "resolver away",
    "receiver away",
)


class Outside(NamedTuple):
    """What is between the monitor and the websites."""

    wire: Wire
    resolver: "subprocess.Popen[bytes]"


@dataclass(frozen=True)
class Course:
    """`outside` is None where nothing can be cut; `beginning` is a Unix time."""

    stage: Stage
    outside: Outside | None
    table: Timetable
    beginning: float


class Step(NamedTuple):
    """What is done, when (seconds from the beginning)."""

    at: float
    name: str
    what: Callable[[], None]


def run_course(course: Course) -> dict[str, Span]:
    """Injects the faults at their times and waits for the end; returns when each began and ended (Unix time)."""
    table, done = course.table, dict[str, list[Span]]()
    for step in sorted(_steps(course), key=lambda step: step.at):
        _wait(course, step.at)
        began = time.time()
        step.what()
        done.setdefault(step.name, []).append(Span(began, time.time()))
    _wait(course, table.seconds)
    faults = {name: Span(spans[0].start, spans[-1].end) for name, spans in done.items()}
    if NETWORK_GONE in done:
        # Nothing is lost for longer than this.
        first, last = done[NETWORK_GONE]
        faults[NETWORK_GONE] = Span(first.end, last.start)
    away = table.receiver_away
    return faults | {RECEIVER_AWAY: Span(course.beginning + away.start, course.beginning + away.end)}


def _steps(course: Course) -> list[Step]:
    table = course.table
    steps = [Step(table.worker_killed, WORKER_KILLED, lambda: _kill_worker(course.stage))]
    if course.outside is None:
        return steps
    wire, resolver = course.outside
    network = places.shared_network(wired=True)
    return [
        *steps,
        Step(table.network_gone.start, NETWORK_GONE, lambda: wire.swallow(network)),
        Step(table.network_gone.end, NETWORK_GONE, lambda: wire.give_back(network)),
        # Heard of nothing for one half, without a link of its own for the other.
        Step(table.cut.start, CUT_OFF, wire.silence),
        Step((table.cut.start + table.cut.end) / 2, CUT_OFF, wire.unplug),
        Step(table.cut.end, CUT_OFF, wire.mend),
        Step(table.resolver_away.start, RESOLVER_AWAY, lambda: resolver.send_signal(signal.SIGSTOP)),
        Step(table.resolver_away.end, RESOLVER_AWAY, lambda: resolver.send_signal(signal.SIGCONT)),
    ]


def _kill_worker(stage: Stage) -> None:
    stage.kill("worker")
    stage.start("worker")


def _wait(course: Course, at: float) -> None:
    time.sleep(max(0.0, course.beginning + at - time.time()))
