"""Typed, checked reading of the configuration from the environment and the `.env` file.

Real environment variables win over `.env`, and one that is empty or blank is unset. Every problem found is collected,
so that one start names all of them: `Environment.refuse_if_bad` raises one `ConfigurationError`.
"""

import contextlib
import difflib
import ipaddress
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from webmonitor.env_file import FOREIGN_PREFIXES, read_env_file

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
T = TypeVar("T")

HOST = re.compile(r"[\w.:-]+", re.ASCII)
MAIL_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+|\[\d+(\.\d+){3}\]|\[IPv6:[0-9a-f.:]+\]", re.IGNORECASE)


class ConfigurationError(ImproperlyConfigured):
    """The configuration cannot be used; the message has one line a problem."""


class Environment:
    """Reads named settings; a bad value is noted as a problem and its default returned."""

    def __init__(self, dotenv: Path) -> None:
        # Every name that was asked for.
        self.names: set[str] = set()
        self.problems: list[str] = []
        self._file: dict[str, str] = {}
        if dotenv.is_file():
            self._file, self.problems = read_env_file(dotenv)

    def raw(self, name: str) -> str | None:
        """The text of a setting, or None where it is unset or empty."""
        return self.secret(name).strip() or None

    def text(self, name: str, default: str = "") -> str:
        return self.raw(name) or default

    def secret(self, name: str) -> str:
        """Like `text`, but white space is kept: passwords may begin or end with it."""
        self.names.add(name)
        found = (source.get(name, "") for source in (os.environ, self._file))
        return next((text for text in found if text.strip()), "")

    def flag(self, name: str, default: bool) -> bool:
        return self._read(name, default, _flag, "must be true or false")

    def number(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        def parse(text: str) -> int:
            value = int(text)
            if not minimum <= value <= maximum:
                raise ValueError(text)
            return value

        return self._read(name, default, parse, f"must be a whole number from {minimum} to {maximum}")

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        lookup = {choice.lower(): choice for choice in choices}
        return self._read(name, default, lambda text: lookup[text.lower()], f"must be one of {', '.join(choices)}")

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A list separated by commas."""
        return self._read(name, list(default), _words, "must be a list separated by commas")

    def networks(self, name: str, default: Sequence[str]) -> tuple[Network, ...]:
        """A list of CIDR blocks separated by commas; `none` is the empty list."""

        def parse(text: str) -> tuple[Network, ...]:
            return () if text.lower() == "none" else tuple(map(ipaddress.ip_network, _words(text)))

        fallback = tuple(map(ipaddress.ip_network, default))
        return self._read(name, fallback, parse, "must be networks such as 10.0.0.0/8,::1/128 separated by commas")

    def origins(self, name: str) -> list[str]:
        def parse(text: str) -> list[str]:
            origins = _words(text)
            if not all(origin.startswith(("http://", "https://")) for origin in origins):
                raise ValueError(text)
            return origins

        return self._read(name, [], parse, "must be origins such as https://monitor.example.org separated by commas")

    def addresses(self, name: str) -> tuple[tuple[str, int], ...]:
        """A list of hosts with their ports."""

        def parse(text: str) -> tuple[tuple[str, int], ...]:
            # `port` raises ValueError where it is no port number.
            parts = [urlsplit(f"//{word}") for word in _words(text)]
            found = [(part.hostname, part.port) for part in parts if HOST.fullmatch(part.hostname or "")]
            addresses = tuple((host, port) for host, port in found if host and port)
            if len(addresses) < len(parts) or any(part.netloc.count("@") or part.path for part in parts):
                raise ValueError(text)
            return addresses

        return self._read(name, (), parse, "must be addresses such as 192.0.2.1:443,[2001:db8::1]:53")

    def database(self, name: str, default: str) -> dict[str, Any]:
        """A database URL as Django's settings; only SQLite and PostgreSQL are taken."""

        def parse(text: str) -> dict[str, Any]:
            if text.partition("://")[0] not in ("postgres", "postgresql", "sqlite"):
                raise ValueError(text)
            config: dict[str, Any] = dict(environ.Env.db_url_config(text))
            is_sqlite = config["ENGINE"] == "django.db.backends.sqlite3"
            if not config.get("NAME") or (is_sqlite and not Path(config["NAME"]).is_absolute()):
                raise ValueError(text)
            return config

        hint = "must look like postgres://user:password@host:5432/name or sqlite:////absolute/path/to/file"
        return self._read(name, parse(default), parse, hint, show=False)

    def host(self, name: str, default: str) -> str:
        """An address or a host name to listen at."""

        def parse(text: str) -> str:
            if not HOST.fullmatch(text):
                raise ValueError(text)
            return text

        return self._read(name, default, parse, "must be an address or a host name such as 127.0.0.1")

    def mail_name(self, name: str) -> str:
        """A host name with a dot, or an address in brackets, as mail servers are told; blank where there is none."""

        def parse(text: str) -> str:
            if not MAIL_NAME.fullmatch(text):
                raise ValueError(text)
            return text

        return self._read(name, "", parse, "must be a host name such as monitor.example.org, or [192.0.2.1]")

    def hosts(self, name: str, default: Sequence[str]) -> list[str]:
        def parse(text: str) -> list[str]:
            if "/" in text:
                raise ValueError(text)
            return _words(text)

        return self._read(name, list(default), parse, "must be host names such as monitor.example.org, not URLs")

    def broker(self, name: str) -> str | None:
        def parse(text: str) -> str | None:
            # `port` raises ValueError where it is no port number.
            parts = urlsplit(text)
            if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.port == 0:
                raise ValueError(text)
            if not re.fullmatch(r"(/\d*)?", parts.path):
                raise ValueError(text)
            return text

        return self._read(name, None, parse, "must look like redis://host:6379/0", show=False)

    def refuse_if_bad(self) -> None:
        """Raise `ConfigurationError` for every bad value, and for names in `.env` that nobody reads."""
        for name in self._file:
            if name not in self.names and not name.startswith(FOREIGN_PREFIXES):
                close = difflib.get_close_matches(name, self.names, n=1)
                hint = f" Did you mean {close[0]}?" if close else " See README.md for the settings."
                self.problems.append(f"{name} in .env is not a setting of webmonitor.{hint}")
        if self.problems:
            raise ConfigurationError("\n".join(self.problems))

    def _read(self, name: str, default: T, parse: Callable[[str], T], rule: str, *, show: bool = True) -> T:
        text = self.raw(name)
        if text is None:
            return default
        try:
            return parse(text)
        except (ValueError, KeyError, ImproperlyConfigured):
            # A URL may carry a password, so its text is not repeated.
            self.problems.append(f"{name} {rule}" + (f", not {text!r}." if show else "."))
            return default


def _flag(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}[
        text.lower()
    ]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def prepare_data_dir(path: Path) -> None:
    """Create the data directory with mode 0700.

    Raises `ConfigurationError` where it cannot be created or written to.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"DATA_DIR {path} cannot be created: {error.strerror}.") from error
    try:
        # Permissions alone do not tell: the file system may be read-only or full.
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigurationError(f"DATA_DIR {path} cannot be written to: {error.strerror}.") from error


def prepare_sqlite_file(name: str) -> None:
    """Create the database file with mode 0600, which SQLite then gives to its journals as well.

    Raises `ConfigurationError` where it cannot be created or opened for writing. In-memory names are passed over.
    """
    if name.startswith((":memory:", "file:")):
        return
    try:
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ConfigurationError(f"The database file {name} cannot be opened: {error.strerror}.") from error


def generated_secret(path: Path, length: int = 50) -> str:
    """Read the secret kept in a file, made at random (mode 0600) by the first process that asks.

    Raises `ConfigurationError` where the file cannot be read or written.
    """
    try:
        if not path.exists():
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(length), encoding="ascii")
            # A link fails where another process was first; its secret is then the one used.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(f"The secret in {path} cannot be read or written: {error.strerror}.") from error


@contextlib.contextmanager
def refuse_bad_configuration() -> Iterator[None]:
    """End the process with the problems as plain sentences instead of a traceback (exit code 2)."""
    try:
        yield
    except ConfigurationError as error:
        sys.stderr.write("webmonitor does not start, its configuration needs a change:\n")
        sys.stderr.writelines(f"  - {line}\n" for line in str(error).splitlines())
        raise SystemExit(2) from None
