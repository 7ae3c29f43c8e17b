"""What people get while hundreds of clients hold connections to the web server and ask for nothing they would end.

`python -m bench.slow_clients` starts the web server as users run it, on SQLite with 100 websites, asks for pages alone
and then beside 200 clients that send a byte a second, 100 that send nothing, 50 whose body never ends and 20 that never
read a large answer; with `--idle 3000` beside so many silent ones more. Whoever is shut out comes back. At the
end the server is told to stop while all of them hold on. Before the slow ones, it asks beside 16 clients of one address
who try one wrong password after the other, each with a random name. It prints one table and exits with 1 where a
request took longer than a second (beside guesses half of one) or failed, where guesses were not refused before long, or
where the stop took longer than 15 seconds.

`--server` tries another command in place of the product's own, such as
`"granian --interface wsgi --host 127.0.0.1 --port {port} webmonitor.wsgi:application"`.
"""

import argparse
import contextlib
import os
import resource
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from bench import lists, processes
from bench.habits import GUESSES, HABITS, Crowd
from bench.report import percentiles
from bench.scenarios import Scenario, fill
from bench.servers import free_port

# Seconds.
BOUND, GUESSED_BOUND, STOP_BOUND = 1.0, 0.5, 15.0
SETTLE = 2.0
# Wrong passwords that one address may try before it is refused; and those on their way then.
MOST_GUESSES = 50
# Between two requests of one person: they look at pages, they are not the load.
PAUSE = 0.02
PEOPLE = 3
WEBSITES = 100
USUAL_DESCRIPTORS = 1024
# Clients of each habit, and more silent ones.
USUAL = {"trickling": 200, "silent": 100, "unfinished": 50, "deaf": 20, "guessing": 16, "idle": 0}


@dataclass
class Served:
    """What people got: seconds by path, and what went wrong in words."""

    title: str
    bound: float = BOUND
    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        return max((max(values) for values in self.seconds.values()), default=0.0)

    def note(self, path: str, spent: float, failure: str = "") -> None:
        self.seconds.setdefault(path, []).append(spent)
        if failure:
            self.failures.append(f"{path}: {failure}")


def ask(base: str, paths: Sequence[str], seconds: float, served: Served, cookies: Any) -> Served:
    """Ask for these paths in turns for so long, each on a connection of its own."""
    end = time.monotonic() + seconds

    def look(number: int) -> None:
        for turn in range(number, 10**9):
            if time.monotonic() > end:
                return
            path, begun = paths[turn % len(paths)], time.perf_counter()
            failure = _failure(base + path, cookies)
            served.note(path, time.perf_counter() - begun, failure)
            time.sleep(PAUSE)

    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(look, range(PEOPLE)))
    return served


def _failure(url: str, cookies: Any) -> str:
    try:
        answer = requests.get(url, cookies=cookies, timeout=30, headers={"Connection": "close"}, allow_redirects=False)
    except requests.RequestException as error:
        return type(error).__name__
    return "" if answer.status_code == 200 else str(answer.status_code)


@contextlib.contextmanager
def server(folder: Path, command: str, extra: dict[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    """The web server and where it listens; ended if it still runs."""
    from webmonitor.supervisor import commands

    port = free_port()
    _allow_descriptors(USUAL_DESCRIPTORS)
    words = shlex.split(command.format(port=port)) if command else commands(with_beat=False)["web"]
    with (folder / "web.log").open("ab") as output:
        environment = {**os.environ, **extra, "PORT": str(port)}
        process = psutil.Popen(words, cwd=processes.PROJECT, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + lists.START_TIMEOUT
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((folder / "web.log").read_text())
            time.sleep(0.05)
        # The clients need as many of their own; the server has to live with what processes usually get.
        _allow_descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        yield process, port
    finally:
        for one in [*process.children(recursive=True), process] if process.is_running() else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def _allow_descriptors(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def memory(process: psutil.Process) -> float:
    """Megabytes (PSS) of a process and its children."""
    return float(sum(one.memory_full_info().pss for one in [process, *process.children(recursive=True)])) / 1e6


def stop(process: psutil.Process) -> tuple[float, int | None]:
    """Seconds until it has ended by SIGTERM, and its exit code; None when it had to be killed."""
    begun = time.perf_counter()
    process.terminate()
    try:
        code: int | None = process.wait(2 * STOP_BOUND)
    except psutil.TimeoutExpired:
        code = None
    return time.perf_counter() - begun, code


def prepare() -> None:
    import django
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("prepare", "--static-only", verbosity=0)
    call_command("migrate", interactive=False, verbosity=0)
    fill(Scenario("", WEBSITES, 60))
    get_user_model().objects.create_superuser(lists.USER, f"{lists.USER}@example.com", lists.PASSWORD)
    connections.close_all()


def show(served: Sequence[Served]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("", "path", "requests", "p50 ms", "p99 ms", "max ms"):
        table.add_column(column, justify="left" if column in ("", "path") else "right", no_wrap=True)
    for one in served:
        for path, values in one.seconds.items():
            found = percentiles([1000 * value for value in values])
            figures = [f"{found[name]:.1f}" for name in ("p50", "p99", "max")]
            table.add_row(one.title, path, str(len(values)), *figures)
    Console(width=120).print(table)


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    """Returns sentences about what is not as it must be."""
    prepare()
    numbers = {name: getattr(options, name) for name in HABITS if name != "guessing"}
    extra = {"WEB_CONCURRENCY": str(options.processes)}
    with server(folder, options.server, extra) as (process, port):
        base = f"http://127.0.0.1:{port}"
        cookies = lists.signed_in(base).cookies
        paths = ("/healthz", "/", "/websites")
        ask(base, paths, SETTLE, Served(""), cookies)
        alone = ask(base, paths, options.seconds, Served("alone"), cookies)
        before = memory(process)
        with Crowd(port, {"guessing": options.guessing}):
            guessed = ask(base, paths, options.seconds, Served("beside guesses", GUESSED_BOUND), cookies)
        crowd = {**numbers, "silent": numbers["silent"] + options.idle}
        with Crowd(port, crowd) as clients:
            beside = ask(base, paths, SETTLE + options.seconds, Served("beside the slow"), cookies)
            after = memory(process)
            seconds, code = stop(process)
    served = [alone, guessed, beside]
    show(served)
    print(f"guesses, by the status of their answers: {dict(GUESSES)}")
    print(f"memory {before:.0f} MB, beside the slow {after:.0f} MB; they made {clients.connections} connections")
    print(f"the stop took {seconds:.1f} s and ended with {code}; the log has {_size(folder / 'web.log')} lines")
    return judge(served, seconds, code)


def _size(log: Path) -> int:
    return len(log.read_text(errors="replace").splitlines())


def judge(served: Sequence[Served], seconds: float, code: int | None) -> list[str]:
    wrong = [f"{one.title}: {failure}" for one in served for failure in dict.fromkeys(one.failures)]
    wrong += [f"{one.title}: a request took {one.slowest:.2f} s" for one in served if one.slowest > one.bound]
    if GUESSES[401] > MOST_GUESSES:
        wrong.append(f"{GUESSES[401]} guesses were tried")
    if seconds > STOP_BOUND or code != 0:
        wrong.append(f"the stop took {seconds:.1f} s and ended with {code}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.slow_clients", description=(__doc__ or "").splitlines()[0])
    for name, number in USUAL.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--server", default="", help="a command with {port}, instead of the product's own")
    parser.add_argument("--log", action="store_true", help="what the server wrote, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="webmonitor-bench-") as name:
        processes.configure(Path(name), None)
        wrong = run(options, Path(name))
        if options.log:
            print((Path(name) / "web.log").read_text(errors="replace"))
    for sentence in wrong:
        print(f"BROKEN: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
