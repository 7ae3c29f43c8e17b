"""The containers of compose.yaml without an engine: as the image's user, in a read-only tree, on their own network.

Needs Linux, root, and the programs in `PROGRAMS`; `missing()` tells what is not there.
"""

import contextlib
import ctypes
import functools
import os
import re
import shlex
import shutil
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("chroot", "ip", "mount", "setpriv", "unshare")
# What of the machine stands for the image's base.
HOST_FOLDERS = ("bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "usr")
# What an engine sets of its own accord.
ENGINE_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}
# <linux/sched.h>
CLONE_NEWNET = 0x40000000

# Arguments: the tree, `ro` or `rw`, the user's number, the working folder, the command.
# Mounts are this process's own and end with it.
ENTER = r"""
set -eu
tree=$1 mode=$2 user=$3 workdir=$4
shift 4
mount --bind "$tree" "$tree"
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
while read -r folder; do
    # Anew where it is below /tmp.
    mkdir -p "$tree$folder"
    mount --rbind "$folder" "$tree$folder"
    case $folder in
    /dev | /proc) ;;
    *) mount -o remount,bind,ro "$tree$folder" ;;
    esac
done <"$tree.mounts"
mount --bind "$tree.hosts" "$tree/etc/hosts"
mount --bind "$tree.data" "$tree/data"
mount -o "remount,bind,$mode" "$tree"
exec chroot "$tree" setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all \
    sh -c 'cd "$0" && exec "$@"' "$workdir" "$@"
"""


@functools.cache
def compose_command() -> tuple[str, ...]:
    """The compose that is installed, as a program or as Docker's plugin; empty if there is none."""
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    plugin = ("docker", "compose")
    if shutil.which("docker") and not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode:
        return plugin
    return ()


def missing() -> str:
    """Why containers cannot be had here; empty if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root, for namespaces"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def rendered(file: Path, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The services of a compose file in the words of docker-compose, with no other variables than these and `.env`."""
    done = subprocess.run(
        [*compose_command(), "--file", str(file), "config"],
        cwd=file.parent,
        env={"PATH": os.environ["PATH"], "HOME": str(file.parent), **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # A dollar sign is doubled, so that what is shown is a compose file again.
    services: dict[str, Any] = yaml.safe_load(done.stdout.replace("$$", "$"))["services"]
    return services


@dataclass
class Image:
    """What the Dockerfile says of the processes: environment, folder, user, and how to start them."""

    environment: dict[str, str] = field(default_factory=lambda: dict(ENGINE_ENVIRONMENT))
    workdir: str = "/"
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)
    # What is run once the sources are there.
    build: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Image":
        image, text = cls(), file.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            match word:
                case "ENV":
                    pairs = (pair.partition("=") for pair in shlex.split(rest))
                    known = {name: string.Template(value).substitute(image.environment) for name, _, value in pairs}
                    image.environment |= known
                case "WORKDIR":
                    image.workdir = rest
                case "USER":
                    number = re.search(rf"useradd --uid (\d+) .* {rest} ", text)
                    assert number, f"The Dockerfile makes no user {rest}."
                    image.user = number[1]
                case "ENTRYPOINT":
                    image.entrypoint = yaml.safe_load(rest)
                case "RUN" if "/app" in rest and "pip" not in rest:
                    image.build.append(rest)
        return image


class Tree:
    """The file system of the image, made of this machine's programs and of what .dockerignore lets through."""

    def __init__(self, folder: Path, image: Image, hosts: Sequence[str]) -> None:
        """`hosts` are names for this machine. The path must be open to everybody, as the image's user goes there."""
        self._path = folder / "tree"
        self._image = image
        mounts = [Path("/", name) for name in HOST_FOLDERS if Path("/", name).is_dir()]
        links = [path for path in mounts if path.is_symlink()]
        mounts = [path for path in mounts if path not in links]
        mounts += [path for path in {Path(sys.prefix), Path(sys.base_prefix)} if Path("/usr") not in path.parents]
        for path in [*mounts, Path("/tmp"), Path("/data"), Path("/app")]:
            self._inside(path).mkdir(parents=True, exist_ok=True)
        for path in links:
            self._inside(path).symlink_to(path.readlink())
        self._inside(Path("/venv")).symlink_to(sys.prefix)
        self._beside("mounts").write_text("".join(f"{path}\n" for path in mounts))
        self._beside("hosts").write_text(f"127.0.0.1 localhost {' '.join(hosts)}\n")
        data = self._beside("data")
        data.mkdir(mode=0o700)
        os.chown(data, int(image.user), int(image.user))
        self._copy_sources()
        for step in image.build:
            done = self.run(["sh", "-c", step], image.environment, user="0", mode="rw")
            assert done.returncode == 0, done.stderr

    def _inside(self, path: Path) -> Path:
        return self._path / path.relative_to("/")

    def _beside(self, name: str) -> Path:
        return self._path.with_name(f"tree.{name}")

    def _copy_sources(self) -> None:
        ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        skip = shutil.ignore_patterns(*(line.removeprefix("**/") for line in ignored if line.startswith("**/")))
        for name in (line.removeprefix("!") for line in ignored if line.startswith("!")):
            source, target = PROJECT / name, self._inside(Path("/app", name))
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=skip)
            else:
                shutil.copy(source, target)

    def command(self, command: Sequence[str], *, user: str = "", mode: str = "ro") -> list[str]:
        numbers = [str(self._path), mode, user or self._image.user, self._image.workdir]
        return [str(shutil.which("unshare")), "--mount", "sh", "-c", ENTER, "sh", *numbers, *command]

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, user: str = "", mode: str = "ro"
    ) -> subprocess.CompletedProcess[str]:
        command = self.command(command, user=user, mode=mode)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


class Container:
    """A service of compose.yaml, started as an engine would."""

    def __init__(self, name: str, service: Mapping[str, Any], image: Image, tree: Tree, log: Path) -> None:
        self._tree = tree
        self._health = service["healthcheck"]["test"]
        self._environment = {**image.environment, "HOSTNAME": name, **service["environment"]}
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                tree.command([*image.entrypoint, *service["command"]]),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Another command in the same container."""
        return self._tree.run(command, self._environment)

    def await_health(self, seconds: float) -> None:
        """Run the health check again and again until it passes."""
        kind, *command = self._health
        assert kind == "CMD"
        deadline = time.monotonic() + seconds
        while self.run(*command).returncode:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            # Each costs the processor time that the start needs.
            time.sleep(0.5)

    def stop(self, seconds: float) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()


@contextlib.contextmanager
def private_network() -> Iterator[None]:
    """A network of this thread and of what it starts, with nothing but loopback: all ports are free."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no network namespace")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)
