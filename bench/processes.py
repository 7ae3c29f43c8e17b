"""The processes of a benchmark: the target, and beat and worker as users run them."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import certifi

from bench import resolver
from bench.scenarios import Hostile, Scenario
from bench.servers import servers

PROJECT = Path(__file__).resolve().parent.parent
CELERY = ("-m", "celery", "-A", "webmonitor", "--quiet")
STOCK_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


class UnableError(Exception):
    """A scenario that this machine or user cannot run; the message says why."""


@contextlib.contextmanager
def environment(folder: Path, *, embedded: bool) -> Iterator[None]:
    """Servers and the product's settings for a run. Raises `UnavailableError`."""
    with contextlib.ExitStack() as stack:
        configure(folder, None if embedded else stack.enter_context(servers(durable=True)))
        yield


def configure(folder: Path, urls: tuple[str, str] | None) -> None:
    """Set up this process and those it starts, with the URLs of database and broker, or embedded."""
    names = {"DATA_DIR": str(folder / "data"), "WEBMONITOR_DOTENV": os.devnull, "LOG_LEVEL": "WARNING"}
    names["PROBE_ALLOWED_NETWORKS"] = "127.0.0.0/8"
    names["DJANGO_SETTINGS_MODULE"] = "webmonitor.settings"
    if urls is not None:
        names["DATABASE_URL"], names["REDIS_URL"] = urls
    os.environ.update(names)


@contextlib.contextmanager
def running(
    *arguments: str,
    log: Path,
    wait_for_line: bool = False,
    prefix: tuple[str, ...] = (),
    extra: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python ARGUMENTS` until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*prefix, sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, **(extra or {})},
            stdout=subprocess.PIPE if wait_for_line else output,
            stderr=output,
        )
    try:
        if wait_for_line and (process.stdout is None or not process.stdout.readline()):
            raise RuntimeError(f"{arguments} does not start: {log.read_text()}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def target(scenario: Scenario, folder: Path) -> Iterator[list[Hostile]]:
    """The target, a name server where websites have names, and the hostile servers, which are yielded.

    What the target saw is in `folder / "seen"` at the end.
    """
    log = folder / "target.log"
    arguments = ["-m", "bench.target", "--addresses", str(len(scenario.hosts)), "--report", str(folder / "seen")]
    arguments += ["--outage", str(folder / "outage"), "--storm", str(folder / "storm")]
    with contextlib.ExitStack() as stack:
        if scenario.tls:
            arguments += ["--tls", str(_certificate(scenario, folder))]
        if scenario.has_names:
            if os.geteuid() != 0 or shutil.which("unshare") is None:
                raise UnableError(
                    "The scenario needs root and unshare(1): a name server on port 53 for the worker alone."
                )
            stack.enter_context(running("-m", "bench.resolver", log=log, wait_for_line=True))
        if scenario.hostile:
            stack.enter_context(running("-m", "bench.hostile", str(folder), log=log, wait_for_line=True))
            _trust(folder, (folder / "ca.pem").read_bytes())
        stack.enter_context(running(*arguments, log=log, wait_for_line=True))
        cases = folder / "cases.json"
        yield [Hostile(*case) for case in json.loads(cases.read_text())] if cases.exists() else []


@contextlib.contextmanager
def product(scenario: Scenario, folder: Path) -> Iterator[float]:
    """Beat and worker; yields the Unix time when beat was started. What they say is in `folder / "log"`."""
    log = folder / "log"
    extra = {"PYTHONPATH": str(folder / "trust")} if scenario.tls or scenario.hostile else {}
    prefix = with_names(folder) if scenario.has_names else ()
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(*CELERY, "worker", log=log, prefix=prefix, extra=extra))
        begun = time.time()
        if not scenario.embedded:
            chosen = ("-S", STOCK_SCHEDULER) if scenario.stock else ()
            stack.enter_context(running(*CELERY, "beat", *chosen, log=log))
        yield begun


def with_names(folder: Path) -> tuple[str, ...]:
    """A command that runs another with the benchmark's name server as the system's, for that one alone."""
    file = folder / "resolv.conf"
    file.write_text(resolver.RESOLV_CONF)
    script = f'mount --bind {file} /etc/resolv.conf && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def _certificate(scenario: Scenario, folder: Path) -> Path:
    """A PEM file for the target, which the worker is made to trust."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert(*scenario.hosts)
    file = folder / "target.pem"
    file.write_bytes(issued.private_key_pem.bytes() + b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    _trust(folder, authority.cert_pem.bytes())
    return file


def _trust(folder: Path, authority: bytes) -> None:
    """Put a `certifi` into `folder / "trust"` that has everything it always has, and one authority more."""
    package = folder / "trust" / "certifi"
    package.mkdir(parents=True)
    bundle = package / "cacert.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + authority)
    (package / "__init__.py").write_text(
        f"def where():\n    return {str(bundle)!r}\n\n\ndef contents():\n    return open(where()).read()\n"
    )
