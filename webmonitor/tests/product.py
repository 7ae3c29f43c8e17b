"""A whole webmonitor of a test's own: prepared and supervised as people start it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from bench.servers import free_port

PASSWORD = "correct horse battery staple"
PROJECT = Path(__file__).resolve().parent.parent.parent


class Product:
    """A running webmonitor of its own."""

    def __init__(self, data_dir: Path, database_url: str, redis_url: str) -> None:
        self.port = free_port()
        self.environment = {
            **os.environ,
            "WEBMONITOR_DOTENV": os.devnull,
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PROBE_ALLOWED_NETWORKS": "127.0.0.0/8",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        self.run("manage.py", "prepare")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webmonitor.supervisor"],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(method, url, auth=("admin", PASSWORD), timeout=10, **options)

    def is_up(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def rows(self, url: str) -> list[dict[str, Any]]:
        """Monitoring data of a website, oldest first."""
        answer = self.request("GET", "/monitoring", params={"website_url": url})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["results"]
        return found[::-1]

    def children(self) -> dict[str, int]:
        """Process numbers by what they run; one that is just ending or starting is passed over."""
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        found = {}
        for pid in listing.split():
            words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
            for name, word in (("web", "webmonitor.web_server"), ("worker", "worker"), ("beat", "beat")):
                if word in words:
                    found[name] = int(pid)
        return found

    def stop(self) -> str:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            self.output, _ = self.process.communicate(timeout=30)
        return self.output


def wait_for(condition: Callable[[], Any], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
