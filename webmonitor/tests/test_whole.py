"""The whole product as people start it: used over HTTP, killed and stopped."""

import os
import signal
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from monitoring.tests.servers import Server, answering, response
from webmonitor.tests.product import Product, wait_for


@pytest.fixture
def site() -> Iterator[Server]:
    with Server(answering(response(body=b"temperature 21 C, humidity 40 %"))) as server:
        yield server


def slots(rows: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(row["scheduled_at"]) for row in rows]


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
