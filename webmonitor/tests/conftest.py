"""The whole product as a fixture, on the same kind of database and broker as the tests."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from webmonitor.tests.product import Product, wait_for

# Of the private server's sixteen: the tests' own process uses the first.
REDIS_DATABASE = 7


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
    product = Product(
        tmp_path_factory.mktemp("data"), database_url, broker and f"{broker.rpartition('/')[0]}/{REDIS_DATABASE}"
    )
    try:
        wait_for(product.is_up, 60)
        yield product
    finally:
        # Shown where a test failed.
        print(product.stop())
