"""What every test may use."""

import os
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

# Makes the project's Celery application the current one, as in every process that uses Celery.
import webmonitor.celery  # noqa: F401

# What a test has that uses the database or the broker, besides the marker `django_db`.
SERVER_FIXTURES = {"db", "transactional_db", "broker_url"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server-tests", action="store_true", help="only tests that use the database or the broker")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ids = Counter(item.nodeid for item in items)
    if len(ids) < len(items):
        raise pytest.UsageError(f"pytest-xdist would run one alone of the tests with the id {ids.most_common(1)[0][0]}")
    if config.getoption("--server-tests"):
        others = [item for item in items if not _uses_servers(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if _uses_servers(item)]


def _uses_servers(item: pytest.Item) -> bool:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return item.get_closest_marker("django_db") is not None or not SERVER_FIXTURES.isdisjoint(fixtures)


def pytest_configure() -> None:
    # Half of the run's time would go into hashing the passwords of users that live for milliseconds.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # An empty folder: whitenoise would look through all of the real one for every test client.
    settings.STATIC_ROOT = settings.DATA_DIR / "static"
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and settings.REDIS_URL:
        # Each of pytest-xdist's workers has a database of its own, and so it needs a broker of its own.
        server = settings.REDIS_URL.rpartition("/")[0]
        os.environ["REDIS_URL"] = settings.REDIS_URL = settings.CELERY_BROKER_URL = f"{server}/{worker[2:]}"


def pytest_report_header() -> str:
    database = "SQLite" if settings.IS_SQLITE else "PostgreSQL"
    return f"database: {database}, broker: {'in-process' if settings.EMBEDDED_BROKER else 'Redis'}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Test on a SQLite file: in memory, threads would share a connection and WAL would be off."""
    if settings.IS_SQLITE:
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(file)


@pytest.fixture
def clean_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that knows nothing but this test's own empty data directory."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "WEBMONITOR_DOTENV": os.devnull,
        "DATA_DIR": str(tmp_path / "data"),
    }
