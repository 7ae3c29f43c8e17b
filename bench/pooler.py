"""A private PgBouncer before a private PostgreSQL, for as long as a block runs."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.binaries import UnavailableError, temporary_home
from bench.servers import database_answers, free_port, running

# Debian's place, which not every PATH has.
PLACES = ("/usr/sbin/pgbouncer",)
POOL_SIZE = 20


@contextlib.contextmanager
def pgbouncer(database_url: str, mode: str) -> Iterator[str]:
    """Run PgBouncer in `session`, `transaction` or `statement` mode and yield the database's URL through it.

    Raises `UnavailableError`.
    """
    with temporary_home() as home:
        parts, port = urlsplit(database_url), free_port()
        secrets = home.write("users", f'"{parts.username}" "{parts.password}"\n')
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": secrets,
            "pool_mode": mode,
            "default_pool_size": POOL_SIZE,
            "max_client_conn": 500,
            "server_login_retry": 1,
        }
        lines = ["[databases]", f"* = host={parts.hostname} port={parts.port}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        configuration = home.write("pgbouncer.ini", "\n".join([*lines, ""]))
        url = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
        with running([_find(), str(configuration)], home, lambda: database_answers(url)):
            yield url


def _find() -> str:
    found = shutil.which("pgbouncer") or next((place for place in PLACES if Path(place).exists()), None)
    if found is None:
        raise UnavailableError("PgBouncer is not installed.")
    return found
