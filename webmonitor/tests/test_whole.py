"""The whole product as people start it: used over HTTP, killed and stopped."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from monitoring.tests.servers import Server, answering, response
from webmonitor.tests.product import Product, wait_for


@pytest.fixture
def site() -> Iterator[Server]:
    with Server(answering(response(body=b"temperature 21 C, humidity 40 %"))) as server:
        yield server


def slots(rows: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(row["scheduled_at"]) for row in rows if row["scheduled_at"]]


def edit_for(seconds: float, product: Product, website_ids: list[int]) -> list[int]:
    """Four people change these websites for so long, or until the web server ends; returns the answers' statuses."""
    token = product.request("POST", "/tokens").json()["token"]
    end = time.monotonic() + seconds

    def edit(_number: int) -> list[int]:
        statuses: list[int] = []
        with requests.Session() as session:
            session.headers["Authorization"] = f"Token {token}"
            while time.monotonic() < end:
                url = f"http://127.0.0.1:{product.port}/websites/{website_ids[len(statuses) % len(website_ids)]}"
                try:
                    answer = session.patch(url, data={"regex": f"temperature {len(statuses)}"}, timeout=30)
                except requests.ConnectionError:
                    break
                statuses.append(answer.status_code)
        return statuses

    with ThreadPoolExecutor(4) as people:
        return [status for statuses in people.map(edit, range(4)) for status in statuses]


def test_the_monitor_watches_itself_from_the_first_start(product: Product) -> None:
    url = f"http://localhost:{product.port}/healthz"
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
    # The grid begins with the first check, to the millisecond.
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(slots(rows))} == {5.0}
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

    def website() -> Any:
        return product.request("GET", "/website", params={"keyword": "breaks"}).json()["results"][0]

    # Confirmed at once.
    wait_for(lambda: website()["state"] == "down", 10)
    assert website()["incident"] is not None


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


def test_people_and_checks_write_at_once_and_no_check_is_lost(product: Product, site: Server) -> None:
    urls = [site.url(f"/busy/{number}") for number in range(30)]
    bodies = [{"website_url": url, "monitoring_interval": 5} for url in urls]
    websites = [product.request("POST", "/websites", data=body).json()["website_id"] for body in bodies]
    statuses = edit_for(15, product, websites)
    assert set(statuses) == {200}
    assert len(statuses) > 60
    wait_for(lambda: len(product.rows(urls[-1])) >= 5, 20)
    for url in urls:
        rows = product.rows(url)
        # The first gaps may be shorter where many websites came at once.
        assert max((later - earlier).total_seconds() for earlier, later in pairwise(slots(rows))) == 5.0
        assert {row["error"] for row in rows} == {""}


def test_it_ends_cleanly_under_load_and_leaves_no_process_behind(product: Product, site: Server) -> None:
    body = {"website_url": site.url("/last"), "monitoring_interval": 5}
    website_id = product.request("POST", "/websites", data=body).json()["website_id"]
    children = product.children()
    with ThreadPoolExecutor(1) as people:
        editing = people.submit(edit_for, 20, product, [website_id])
        time.sleep(2)
        begun = time.monotonic()
        output = product.stop()
        assert time.monotonic() - begun < 15
        assert set(editing.result()) == {200}
    assert product.process.returncode == 0
    assert "Traceback" not in output, output
    assert "did not end" not in output, output
    assert "locked" not in output, output
    assert set(children) == ({"web", "worker", "beat"} if product.environment["REDIS_URL"] else {"web", "worker"})
    assert not [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]
    # Nothing is half written: each website has its periodic task as it should be.
    code = "from monitoring import schedule; print(schedule.reconcile())"
    assert "Repairs(made=0, changed=0, removed=0)" in product.run("manage.py", "shell", "--command", code)
