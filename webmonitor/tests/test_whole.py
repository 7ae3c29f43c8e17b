"""The whole product as people start it: prepared, supervised, used over HTTP, killed and stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from bench.servers import free_port
from monitoring.tests.servers import Server, answering, response

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
            for name, word in (("web", "webmonitor.wsgi"), ("worker", "worker"), ("beat", "beat")):
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


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """SQLite, or a database of its own on the PostgreSQL server that the tests run on."""
    server = os.environ.get("DATABASE_URL", "")
    if not server:
        yield ""
        return
    base = server.rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS whole_product")
        connection.execute("CREATE DATABASE whole_product")
    yield f"{base}/whole_product"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE whole_product WITH (FORCE)")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Product]:
    broker = os.environ.get("REDIS_URL", "")
    product = Product(tmp_path_factory.mktemp("data"), database_url, broker and f"{broker.rpartition('/')[0]}/7")
    try:
        wait_for(product.is_up, 60)
        yield product
    finally:
        # Shown where a test failed.
        print(product.stop())


@pytest.fixture
def site() -> Iterator[Server]:
    with Server(answering(response(body=b"temperature 21 C, humidity 40 %"))) as server:
        yield server


def slots(rows: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(row["scheduled_at"]) for row in rows]


def test_the_monitor_watches_itself_from_the_first_start(product: Product) -> None:
    url = f"http://127.0.0.1:{product.port}/healthz"
    wait_for(lambda: product.rows(url), 20)
    row = product.rows(url)[0]
    assert (row["http_status"], row["error"], row["regex_response"]) == (200, "", ["ok"])


def test_a_website_is_checked_at_once_and_then_at_its_slots(product: Product, site: Server) -> None:
    url = site.url("/weather")
    body = {"website_url": url, "monitoring_interval": 5, "regex": r"(\d+) (C|%)"}
    answer = product.request("POST", "/websites", data=body)
    assert answer.status_code == 201, answer.text
    wait_for(lambda: product.rows(url), 10)
    wait_for(lambda: len(product.rows(url)) >= 4, 25)
    rows = product.rows(url)
    assert all(row["http_status"] == 200 and row["response_time"] > 0 for row in rows)
    assert all(row["regex_response"] == [["21", "C"], ["40", "%"]] for row in rows)
    # The first one came with the website, the others stand on its grid to the millisecond.
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(slots(rows)[1:])} == {5.0}
    found = product.request("GET", "/website", params={"keyword": "weather"}).json()["results"]
    assert [(website["website_url"], website["state"]) for website in found] == [(url, "up")]
    assert found[0]["last_check"]["http_status"] == 200


def test_an_update_pause_and_check_take_effect(product: Product, site: Server) -> None:
    url = site.url("/update")
    website = product.request("POST", "/websites", data={"website_url": url, "monitoring_interval": 300}).json()
    path = f"/websites/{website['website_id']}"
    wait_for(lambda: len(product.rows(url)) == 1, 10)
    updated = product.request("PUT", "/websites", data={"website_url": url, "monitoring_interval": 299})
    assert (updated.status_code, updated.json()["monitoring_interval"]) == (200, 299)
    assert product.request("POST", f"{path}/check").status_code == 202
    wait_for(lambda: len(product.rows(url)) == 2, 10)
    assert product.request("POST", f"{path}/pause").status_code == 202
    assert product.request("GET", path).json()["state"] == "paused"
    assert product.request("POST", f"{path}/resume").status_code == 202
    wait_for(lambda: len(product.rows(url)) == 3, 10)


def test_a_website_that_breaks_is_down_with_the_reason(product: Product) -> None:
    with Server(answering(response())) as server:
        url = server.url("/breaks")
        product.request("POST", "/websites", data={"website_url": url, "monitoring_interval": 5})
        wait_for(lambda: product.rows(url), 10)
    wait_for(lambda: product.rows(url)[-1]["error"] == "refused", 15)
    website = product.request("GET", "/website", params={"keyword": "breaks"}).json()["results"][0]
    assert website["state"] == "down"


def test_a_worker_that_is_killed_comes_back_and_goes_on(product: Product, site: Server) -> None:
    url = site.url("/killed")
    product.request("POST", "/websites", data={"website_url": url, "monitoring_interval": 5})
    wait_for(lambda: product.rows(url), 10)
    victim = product.children()["worker"]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: product.children().get("worker", victim) != victim, 15)
    before = len(product.rows(url))
    wait_for(lambda: len(product.rows(url)) >= before + 2, 30)
    seen = slots(product.rows(url))
    assert len(set(seen)) == len(seen)


def test_it_ends_cleanly_and_leaves_no_process_behind(product: Product) -> None:
    children = product.children()
    output = product.stop()
    assert product.process.returncode == 0
    assert "Traceback" not in output, output
    assert "did not end" not in output, output
    assert set(children) == ({"web", "worker", "beat"} if product.environment["REDIS_URL"] else {"web", "worker"})
    assert not [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]
