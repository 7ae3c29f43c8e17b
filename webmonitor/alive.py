"""Container health check: `python -m webmonitor.alive web|worker|beat` exits with 0 where that part lives here.

It runs every few seconds for ever, so Django stays outside and one query is all it costs.
"""

import datetime
import http.client
import socket
import sqlite3
import sys
from typing import Any

import psycopg

from webmonitor.environment import refuse_bad_configuration
from webmonitor.supervisor import reachable_host

# Seconds; processes say every 10 seconds that they live.
FRESH_FOR = 45.0
# Without what ended while the clock was ahead.
NEWEST = "SELECT max(seen_at) FROM monitoring_heartbeat WHERE component = {0} AND instance LIKE {0} AND seen_at < {0}"


def web_is_alive(host: str, port: int, allowed_hosts: list[str]) -> bool:
    """Whether `/healthz` answers with 200, asked for under a name that Django takes."""
    name = next((host.lstrip(".") for host in allowed_hosts if host != "*"), "localhost")
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": name})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def last_seen(database: dict[str, Any], component: str) -> datetime.datetime | None:
    """When a process of this machine (in a container: of this container) last said that it lives."""
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=FRESH_FOR)
    parameters = (component, f"{socket.gethostname()}:%")
    if database["ENGINE"] == "django.db.backends.sqlite3":
        connection = sqlite3.connect(database["NAME"], timeout=5)
        try:
            written = until.replace(tzinfo=None).isoformat(" ")
            text = connection.execute(NEWEST.format("?"), (*parameters, written)).fetchone()[0]
        finally:
            connection.close()
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC) if text else None
    return _last_seen_postgresql(database, (*parameters, until))


def _last_seen_postgresql(database: dict[str, Any], parameters: tuple[Any, ...]) -> datetime.datetime | None:
    with psycopg.connect(
        dbname=database["NAME"],
        user=database.get("USER") or None,
        password=database.get("PASSWORD") or None,
        host=database.get("HOST") or None,
        port=database.get("PORT") or None,
        **{"connect_timeout": 5, **database.get("OPTIONS", {})},
    ) as connection:
        row = connection.execute(NEWEST.format("%s"), parameters).fetchone()
    return row[0] if row else None


def main(part: str) -> int:
    with refuse_bad_configuration():
        from webmonitor import settings

    if part == "web":
        return 0 if web_is_alive(settings.HOST, settings.PORT, settings.ALLOWED_HOSTS) else 1
    try:
        seen_at = last_seen(settings.DATABASE, part)
    except (sqlite3.Error, psycopg.Error) as error:
        sys.stderr.write(f"The database cannot be asked: {error}\n")
        return 1
    now = datetime.datetime.now(datetime.UTC)
    return 0 if seen_at is not None and (now - seen_at).total_seconds() < FRESH_FOR else 1


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("web", "worker", "beat"):
        sys.exit("usage: python -m webmonitor.alive web|worker|beat")
    sys.exit(main(sys.argv[1]))
