"""Everything between installing and serving, as often as anybody likes: `manage.py prepare`."""

import argparse
import contextlib
import errno
import fcntl
import hashlib
import ipaddress
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections, transaction

from monitoring import periodic_tasks, poolers, schedule
from websites.models import MONITORING_INTERVAL_MIN, Website

# Any number that no other program locks in the same database.
ADVISORY_LOCK_KEY = 0x77656270
HEALTH_REGEX = r'"status": *"(\w+)"'
SIGNATURE_FILE = ".signature"


class Command(BaseCommand):
    help = (
        "Brings database and static files up to date, and on the very first start makes the first administrator. "
        "Safe to run at any time and by several machines at once."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--database-only", action="store_true", help="for processes that serve nobody")
        only.add_argument("--static-only", action="store_true", help="for building an image")

    def handle(self, *args: Any, database_only: bool, static_only: bool, **options: Any) -> None:
        if not (database_only or static_only):
            refuse_taken_port(settings.HOST, settings.PORT)
        if not database_only:
            collect_static_files(Path(settings.STATIC_ROOT))
        if static_only:
            return
        try:
            with alone():
                poolers.keep_settings()
                call_command("migrate", interactive=False, verbosity=0)
                if not database_only:
                    self._make_first_administrator()
                schedule.reconcile()
                periodic_tasks.restore()
        except Error as error:
            words = f"The database cannot be used: {str(error).strip()}"
            raise CommandError(
                f"{words}. {poolers.ADVICE}" if poolers.knows_no_transactions(error) else words
            ) from error

    def _make_first_administrator(self) -> None:
        users = get_user_model()._default_manager
        with transaction.atomic():
            if users.filter(is_superuser=True).exists():
                return
            name = settings.DJANGO_SUPERUSER_USERNAME
            if users.filter(username=name).exists():
                raise CommandError(
                    f"There is no administrator, and {name!r} is somebody else's name: set DJANGO_SUPERUSER_USERNAME."
                )
            password = settings.DJANGO_SUPERUSER_PASSWORD or secrets.token_urlsafe(12)
            users.create_superuser(name, settings.DJANGO_SUPERUSER_EMAIL, password)
            # Only now: whoever deletes it later does not want it back.
            watch_ourselves()
            if not settings.DJANGO_SUPERUSER_PASSWORD:
                # Before the commit, so that no administrator is ever made whose password nobody saw.
                self.stdout.write(box([f"user      {name}", f"password  {password}", "", "Shown only this once."]))
                self.stdout.flush()


def refuse_taken_port(host: str, port: int) -> None:
    """Raise `CommandError` where the web server could not listen."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CommandError(f"HOST {host} is not an address of this machine: {error.strerror}.") from error
    family, kind, protocol, _, address = found[0]
    try:
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except OSError as error:
        advice = {
            errno.EADDRINUSE: f"Stop the program that uses it, or choose another port: PORT={port % 65535 + 1}.",
            errno.EACCES: "Ports below 1024 are for root: choose another one, such as PORT=8080.",
            errno.EADDRNOTAVAIL: "HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0.",
        }.get(error.errno or 0, "")
        raise CommandError(f"Port {port} on {host} cannot be used: {error.strerror}. {advice}".strip()) from error


def collect_static_files(folder: Path) -> None:
    """Copy what browsers load to where the web server reads it, unless it is there already."""
    signature_file = folder / SIGNATURE_FILE
    with locked(folder.parent):
        signature = static_signature()
        with contextlib.suppress(OSError):
            if signature_file.read_text(encoding="ascii") == signature:
                return
        try:
            call_command("collectstatic", interactive=False, verbosity=0, clear=True)
            signature_file.write_text(signature, encoding="ascii")
        except OSError as error:
            raise CommandError(f"Static files cannot be written to {folder}: {error.strerror}.") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait for other processes that hold the same folder; the lock ends with its process at the latest."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def static_signature() -> str:
    """A digest that changes with any static file: its path, size and second of change (images keep no finer times)."""
    digest = hashlib.sha256()
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{status.st_size}\0{int(status.st_mtime)}\0".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other machines and processes from preparing the same database at the same time."""
    if connection.vendor == "sqlite":
        with locked(Path(settings.DATA_DIR)):
            yield
        return
    # A transaction that stays open: a lock of the session would not be ours alone behind a pooler.
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            # However long the others take, and then our own migrations.
            for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
                cursor.execute("SELECT set_config(%s, '0', true)", [name])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_KEY])
        yield
    finally:
        other.close()


def watch_ourselves() -> None:
    """Give an empty installation its first website, the monitor itself, where it may be probed."""
    local = settings.HOST in ("localhost", "127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - compared
    if Website.objects.exists() or not may_be_probed("127.0.0.1" if local else settings.HOST):
        return
    host = "localhost" if local else settings.HOST
    shown = f"[{host}]" if ":" in host else host
    Website.objects.create(
        website_url=f"http://{shown}:{settings.PORT}/healthz",
        monitoring_interval=MONITORING_INTERVAL_MIN,
        regex=HEALTH_REGEX,
    )


def may_be_probed(host: str) -> bool:
    """Whether PROBE_ALLOWED_NETWORKS names the address; a host name counts as no."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return any(address in network for network in settings.PROBE_ALLOWED_NETWORKS)
    return False


def box(lines: list[str]) -> str:
    width = max(map(len, lines))
    edge = f"+-{'-' * width}-+"
    return "\n".join(["", edge, *(f"| {line:<{width}} |" for line in lines), edge, ""])
