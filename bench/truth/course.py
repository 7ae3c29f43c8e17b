"""What is done to the monitor while the history happens."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.stage import Stage
from bench.truth.history import Span, Timetable
from bench.truth.wire import Wire


@dataclass(frozen=True)
class Course:
    """`wire` is None where there is none to cut; `beginning` is a Unix time."""

    stage: Stage
    wire: Wire | None
    table: Timetable
    beginning: float


def run_course(course: Course) -> dict[str, Span]:
    """Injects the faults at their times and waits for the end; returns when each began and ended (Unix time)."""
    table = course.table
    faults = {"worker killed": _do(course, table.worker_killed, lambda: _kill_worker(course.stage))}
    wire = course.wire
    if wire is not None:
        # Heard of nothing for one half, without a link of its own for the other.
        silenced = _do(course, table.cut.start, wire.silence)
        _do(course, (table.cut.start + table.cut.end) / 2, wire.unplug)
        mended = _do(course, table.cut.end, wire.mend)
        faults["cut off"] = Span(silenced.start, mended.end)
    _do(course, table.seconds, lambda: None)
    away = table.receiver_away
    return faults | {"receiver away": Span(course.beginning + away.start, course.beginning + away.end)}


def _kill_worker(stage: Stage) -> None:
    stage.kill("worker")
    stage.start("worker")


def _do(course: Course, at: float, what: Callable[[], None]) -> Span:
    time.sleep(max(0.0, course.beginning + at - time.time()))
    began = time.time()
    what()
    return Span(began, time.time())
