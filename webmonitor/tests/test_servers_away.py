"""Web, worker and beat as people start them, while Redis is away."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from bench.binaries import UnavailableError
from bench.servers import Kept, free_port, keep_redis
from webmonitor.tests.product import PROJECT, wait_for

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.skipif(settings.IS_SQLITE, reason="separate processes take PostgreSQL"),
]

CELERY = ("celery", "-A", "webmonitor", "--quiet")
COMMANDS = {"web": ("webmonitor.web_server",), "worker": (*CELERY, "worker"), "beat": (*CELERY, "beat")}
DEADLINE = 60.0


class Processes:
    """What was started, and what each has said."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = environment["PORT"]
        self._folder = folder
        self._environment = environment
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for name, command in COMMANDS.items():
            with (self._folder / name).open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=PROJECT,
                    env=self._environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            self._started.append(process)

    def said(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8")

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def end(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)


@pytest.fixture
def redis_away() -> Iterator[Kept]:
    try:
        with keep_redis() as server:
            server.end()
            yield server
    except UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def processes(tmp_path: Path, database_url: str, redis_away: Kept) -> Iterator[Processes]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_away.url,
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(free_port()),
        "LOG_LEVEL": "INFO",
    }
    prepare = [sys.executable, "manage.py", "prepare", "--database-only"]
    subprocess.run(prepare, cwd=PROJECT, env=environment, check=True, capture_output=True)
    processes = Processes(tmp_path, environment)
    yield processes
    processes.end()


def test_whoever_starts_before_redis_says_so_in_a_line_and_works_when_it_is_there(
    processes: Processes, redis_away: Kept
) -> None:
    processes.start()
    wait_for(lambda: "Cannot connect to redis" in processes.said("worker"), DEADLINE)
    wait_for(lambda: "the broker takes nothing" in processes.said("beat"), DEADLINE)
    redis_away.start()
    wait_for(processes.ready, DEADLINE)
    for name in COMMANDS:
        assert "Traceback" not in processes.said(name), processes.said(name)
    lines = [line for line in processes.said("beat").splitlines() if "ERROR" in line]
    assert len(lines) <= 2, lines
