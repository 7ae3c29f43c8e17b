"""Servers, target, beat and worker that a fault can be injected into."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench import processes, rows
from bench.processes import CELERY
from bench.scenarios import Scenario, fill
from bench.servers import Kept, keep_postgresql, keep_redis

SCENARIO = Scenario("", 1_000, 5)


class Stage:
    """The servers and processes of one fault."""

    def __init__(self, folder: Path, postgresql: Kept, redis: Kept, worker_prefix: tuple[str, ...] = ()) -> None:
        self.postgresql = postgresql
        self.redis = redis
        # What the worker is started by.
        self._worker_prefix = worker_prefix
        self._log = folder / "log"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start `beat`, `worker`, or another of them such as `beat 2`."""
        with self._log.open("ab") as output:
            prefix = self._worker_prefix if name == "worker" else ()
            command = [*prefix, sys.executable, *CELERY, name.split(maxsplit=1)[0]]
            self._processes[name] = subprocess.Popen(command, cwd=processes.PROJECT, stdout=output, stderr=output)

    def cpu_time(self, name: str) -> float:
        """Seconds of CPU time that a process has used."""
        times = psutil.Process(self._processes[name].pid).cpu_times()
        return float(times.user + times.system)

    def send(self, name: str, number: signal.Signals) -> None:
        self._processes[name].send_signal(number)

    def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> float:
        """End a process as its users do; returns the seconds that took. Raises `RuntimeError` for a bad end."""
        process, begun = self._processes.pop(name), time.monotonic()
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise RuntimeError(f"{name} ended with {process.returncode}: {self._log.read_text()[-2000:]}")
        return time.monotonic() - begun

    def end_all(self) -> None:
        """End all that still run, each in any case. Raises the first error that one of them ended with."""
        errors = []
        for name in list(self._processes):
            self.send(name, signal.SIGCONT)
            try:
                self.end(name)
            except RuntimeError as error:
                errors.append(error)
        if errors:
            raise errors[0]


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Everything running and every website checked. Raises `UnavailableError`."""
    with keep_postgresql() as postgresql, keep_redis() as redis, processes.target(SCENARIO, folder):
        processes.configure(folder, (postgresql.url, redis.url))
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        fill(SCENARIO)
        made = Stage(folder, postgresql, redis)
        try:
            made.start("worker")
            made.start("beat")
            rows.wait_for_first()
            yield made
        finally:
            made.end_all()
