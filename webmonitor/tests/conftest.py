"""The whole product as a fixture, on the same kind of database and broker as the tests."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from webmonitor.tests.product import Product, wait_for

# Of the private server's sixteen: the tests' own processes use the first ones.
REDIS_DATABASE = 8


@pytest.fixture(scope="module")
def database_url(worker_id: str) -> Iterator[str]:
    """SQLite, or a database of its own on the PostgreSQL server that the tests run on."""
    server = os.environ.get("DATABASE_URL", "")
    if not server:
        yield ""
        return
    base, name = server.rpartition("/")[0], f"whole_product_{worker_id}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{base}/{name}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def broker_url(worker_id: str) -> str:
    """In-process, or a database of its own on the Redis server that the tests run on."""
    server = os.environ.get("REDIS_URL", "")
    number = REDIS_DATABASE + int(worker_id.removeprefix("gw") if worker_id != "master" else 0)
    return f"{server.rpartition('/')[0]}/{number}" if server else ""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("data"), database_url, broker_url)
    try:
        wait_for(product.is_up, 60)
        yield product
    finally:
        # Shown where a test failed.
        print(product.stop())
