"""What `docker-compose up` starts, with exactly the environment that it passes."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.binaries import UnavailableError
from bench.servers import postgresql, redis_server
from webmonitor.tests.containers import (
    PROJECT,
    Container,
    Image,
    Tree,
    compose_command,
    missing,
    private_network,
    rendered,
)
from webmonitor.tests.product import wait_for

needs_compose = pytest.mark.skipif(not compose_command(), reason="docker-compose is not installed")
OURS = ("web", "worker", "beat")
WEB = "http://127.0.0.1:8080"
# Seconds for what takes a few on a machine that has nothing else to do.
PATIENCE = 180.0


@contextlib.contextmanager
def started(folder: Path, services: dict[str, Any]) -> Iterator[dict[str, Container]]:
    image = Image.read(PROJECT / services["web"]["build"]["dockerfile"])
    tree = Tree(folder, image, [name for name in services if name not in OURS])
    containers = {name: Container(name, services[name], image, tree, folder / name) for name in OURS}
    try:
        yield containers
    finally:
        for container in containers.values():
            container.process.kill()
            container.process.wait()


@pytest.fixture
def services(tmp_path: Path) -> dict[str, Any]:
    """compose.yaml as it is rendered where nobody has set anything."""
    return rendered(Path(shutil.copy(PROJECT / "compose.yaml", tmp_path)))


@pytest.fixture
def servers(services: dict[str, Any]) -> Iterator[None]:
    """PostgreSQL and Redis where the containers look for them."""
    database = services["db"]["environment"]
    assert (database["POSTGRES_USER"], database["POSTGRES_DB"]) == ("webmonitor", "webmonitor")
    try:
        with (
            private_network(),
            postgresql(port=5432, password=database["POSTGRES_PASSWORD"]),
            redis_server(port=6379, protected=False),
        ):
            yield
    except UnavailableError as reason:
        pytest.skip(str(reason))


@needs_compose
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_every_container_gets_healthy_checks_a_website_and_stops(
    services: dict[str, Any], servers: None, tmp_path: Path
) -> None:
    with started(tmp_path, services) as containers:
        containers["web"].await_health(PATIENCE)
        password = re.search(r"password +(\S+)", containers["web"].log)
        assert password, containers["web"].log
        with requests.Session() as session:
            session.auth = ("admin", password[1])
            url = add_website(session)
            for name, container in containers.items():
                container.await_health(PATIENCE)
                assert services[name]["read_only"]
                assert container.run("id", "-u").stdout == "10001\n"
                assert container.run("touch", "/app/left", "/venv/left").stderr.count("Read-only file system") == 2
            wait_for(lambda: rows(session, url), PATIENCE)
            # What is not public may be checked only once somebody allows it, and this network has nothing else.
            assert rows(session, url)[0]["error"] == "blocked_address"
        for container in containers.values():
            assert container.stop(20) == 0, container.log
            assert "Traceback" not in container.log, container.log


def add_website(session: requests.Session) -> str:
    url = f"{WEB}/healthz"
    added = session.post(f"{WEB}/websites", data={"website_url": url, "monitoring_interval": 5}, timeout=10)
    assert added.status_code == 201, added.text
    return url


def rows(session: requests.Session, url: str) -> list[dict[str, Any]]:
    answer = session.get(f"{WEB}/monitoring", params={"website_url": url}, timeout=10)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found
