"""Runs web, worker and beat as one: `python -m webmonitor.supervisor`.

A child that dies is started again after 1, 2, 4, ... 30 seconds. The whole ends with exit code 0 when told to
(SIGINT, SIGTERM, SIGHUP), with 1 where a child keeps dying, and with 2 where a child refuses its configuration.
Django stays outside: this process only waits.
"""

import contextlib
import ctypes
import fcntl
import http.client
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from webmonitor.environment import refuse_bad_configuration

PROJECT_DIR = Path(__file__).resolve().parent.parent
# Seconds that children get to end what they are doing.
STOP_TIMEOUT = 15.0
# So many deaths within so many seconds are a fault that starting again does not mend.
DEATHS_MAX = 5
DEATHS_WINDOW = 60.0
BACK_OFF_MAX = 30.0
EXIT_REFUSED = 2
# <linux/prctl.h>
PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]


def say(text: str) -> None:
    # The terminal may be gone by now, which is no reason to leave children behind.
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201 - this process talks to people


class Child:
    """A process of the product, started again when it dies. Times are those of `time.monotonic`."""

    def __init__(self, name: str, command: Sequence[str] = ()) -> None:
        self.name = name
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._deaths: deque[float] = deque(maxlen=DEATHS_MAX)
        self.start_at = 0.0

    @property
    def is_running(self) -> bool:
        return self._pid is not None

    def start(self) -> None:
        self._pid = self._spawn()

    def _spawn(self) -> int:
        """Start it and return its process number; a session of its own keeps Ctrl-C in the terminal from it."""
        self._process = subprocess.Popen(
            self._command,
            cwd=PROJECT_DIR,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=before_program(os.getpid()),  # noqa: PLW1509 - this process has one thread
        )
        return self._process.pid

    def reap(self) -> int | None:
        """The exit code where the child has ended; whatever it started ends with it."""
        if self._pid is None:
            return None
        # Without reaping yet, so that its number still names its process group and nothing else.
        if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _kill_group(self._pid)
        code = self._process.wait() if self._process else os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._process = self._pid = None
        return code

    def note_death(self, now: float) -> bool:
        """Plan the next start; returns whether one makes sense."""
        self._deaths.append(now)
        recent = [death for death in self._deaths if now - death < DEATHS_WINDOW]
        self.start_at = now + min(2.0 ** (len(recent) - 1), BACK_OFF_MAX)
        return len(recent) < DEATHS_MAX

    def terminate(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        if self._pid is not None:
            _kill_group(self._pid)


class Supervisor:
    """Keeps children running until told to stop."""

    def __init__(self, children: Sequence[Child], when_up: Callable[[], bool], say: Say = say) -> None:
        """`when_up` is asked again and again until it is true; it tells people where to go."""
        self._children = children
        self._when_up = when_up
        self._say = say
        # A signal that whoever started this has switched off, as nohup does, stays off.
        hang_up = set() if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else {signal.SIGHUP}
        self._stop_signals = {signal.SIGINT, signal.SIGTERM} | hang_up

    def run(self) -> int:
        """Run until a signal or a fault; returns the exit code."""
        # Where SIGCHLD is ignored, exit codes are lost.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, self._stop_signals | {signal.SIGCHLD})
        is_up = False
        try:
            while True:
                now = time.monotonic()
                self._start_due(now)
                if self._wait(self._pause(now, is_up)):
                    self._say("Stopping.")
                    return 0
                code = self._bury_dead()
                if code is not None:
                    return code
                is_up = is_up or self._when_up()
        finally:
            self._stop()

    def _start_due(self, now: float) -> None:
        for child in self._children:
            if not child.is_running and child.start_at <= now:
                child.start()

    def _pause(self, now: float, is_up: bool) -> float:
        """Seconds until there is something to do besides waiting for signals."""
        starts = [child.start_at - now for child in self._children if not child.is_running]
        return max(0.0, min([*starts, 3600.0 if is_up else 0.2]))

    def _wait(self, seconds: float) -> bool:
        """Sleep until a signal comes; returns whether it asks to stop."""
        received = signal.sigtimedwait(self._stop_signals | {signal.SIGCHLD}, seconds)
        return received is not None and received.si_signo in self._stop_signals

    def _bury_dead(self) -> int | None:
        """Plan the restart of children that died; returns an exit code where the whole must end."""
        for child in self._children:
            code = child.reap()
            if code is None:
                continue
            if code == EXIT_REFUSED:
                self._say(f"{child.name} does not start with this configuration, so everything stops.")
                return EXIT_REFUSED
            if not child.note_death(time.monotonic()):
                self._say(f"{child.name} keeps dying ({_describe(code)}), so everything stops.")
                return 1
            self._say(f"{child.name} died ({_describe(code)}) and is started again.")
        return None

    def _stop(self) -> None:
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        while self._any_running():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            signal.sigtimedwait({signal.SIGCHLD}, left)
        for child in self._children:
            if child.is_running:
                self._say(f"{child.name} did not end within {STOP_TIMEOUT:.0f} seconds and is killed.")
                child.kill()

    def _any_running(self) -> bool:
        for child in self._children:
            child.reap()
        return any(child.is_running for child in self._children)


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def before_program(parent: int) -> Callable[[], None]:
    """What a child does before it becomes its program: undo the signal mask, and die with the supervisor."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            # The supervisor died between the fork and the line above.
            os._exit(1)

    return prepare


def commands(*, with_beat: bool) -> dict[str, list[str]]:
    """What to run, by name. Without a broker outside, beat is a thread of the worker."""
    celery = [sys.executable, "-m", "celery", "-A", "webmonitor", "--quiet"]
    beat = {"beat": [*celery, "beat"]} if with_beat else {}
    return {"web": [sys.executable, "-m", "webmonitor.web_server"], "worker": [*celery, "worker"], **beat}


def reachable_host(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - a comparison


def answers(host: str, port: int) -> bool:
    """Whether a web server answers there, whatever it says."""
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def announcement(host: str, port: int) -> str:
    local = host in ("127.0.0.1", "0.0.0.0", "::1", "::", "localhost")  # noqa: S104 - a comparison
    name = "localhost" if local else f"[{host}]" if ":" in host else host
    url = f"http://{name}:{port}"
    return f"\nwebmonitor is running at {url}\n  admin {url}/admin/\n  API   {url}/docs\nCtrl-C stops it.\n"


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Raise `SystemExit` with a sentence where another supervisor runs with the same data."""
    descriptor = os.open(data_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        sys.exit(f"webmonitor runs already with the data in {data_dir}.")
    finally:
        os.close(descriptor)


def main() -> int:
    with refuse_bad_configuration():
        from webmonitor import settings

    def when_up() -> bool:
        if not answers(settings.HOST, settings.PORT):
            return False
        say(announcement(settings.HOST, settings.PORT))
        return True

    children = [Child(*entry) for entry in commands(with_beat=not settings.EMBEDDED_BROKER).items()]
    with only_one(settings.DATA_DIR):
        return Supervisor(children, when_up).run()


if __name__ == "__main__":
    sys.exit(main())
