import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from webmonitor.supervisor import Child, announcement, commands, reachable_host

PATIENCE = 30.0
# Runs the children named on its command line: `name=python code`.
DRIVER = """
import sys
from webmonitor import supervisor
supervisor.STOP_TIMEOUT = 2.0
supervisor.BACK_OFF_MAX = 0.01
children = [
    supervisor.Child(name, [sys.executable, "-c", code])
    for name, _, code in (argument.partition("=") for argument in sys.argv[1:])
]
sys.exit(supervisor.Supervisor(children, lambda: True).run())
"""
# Appends its process id to a file and lives on.
LIVES = "import os, time; open({file!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_in(file: Path) -> list[int]:
    return [int(line) for line in file.read_text(encoding="ascii").split()] if file.exists() else []


@contextlib.contextmanager
def supervisor(*children: str, **changes: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *children],
        cwd=settings.BASE_DIR,
        env={**os.environ, **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_children_and_then_itself(tmp_path: Path, number: signal.Signals) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    if number == signal.SIGHUP:
        # Under nohup it would be switched off, and stay so.
        signal.signal(number, signal.SIG_DFL)
    with supervisor(*(f"{file.name}={LIVES.format(file=str(file))}" for file in files)) as process:
        wait_until(lambda: all(map(pids_in, files)), "both children run")
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (0, "Stopping.\n")
    assert not any(is_alive(pid) for file in files for pid in pids_in(file))


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "deaf"
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES.format(file=str(file))
    with supervisor(f"deaf={code}") as process:
        wait_until(lambda: bool(pids_in(file)), "the child runs")
        process.terminate()
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "deaf did not end within 2 seconds and is killed." in output
    wait_until(lambda: not is_alive(pids_in(file)[0]), "the child is gone")


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    file = tmp_path / "worker"
    with supervisor(f"worker={LIVES.format(file=str(file))}") as process:
        wait_until(lambda: len(pids_in(file)) == 1, "the child runs")
        os.kill(pids_in(file)[0], signal.SIGKILL)
        wait_until(lambda: len(pids_in(file)) == 2, "the child runs again")
        assert is_alive(pids_in(file)[1])
        process.terminate()
        output, _ = process.communicate(timeout=PATIENCE)
    assert "worker died (SIGKILL) and is started again." in output


def test_what_a_dead_child_had_started_ends_with_it(tmp_path: Path) -> None:
    file = tmp_path / "grandchild"
    grandchild = LIVES.format(file=str(file))
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {grandchild!r}]).wait()"
    parent_file = tmp_path / "child"
    code = f"import os; open({str(parent_file)!r}, 'a').write(f'{{os.getpid()}}\\n'); {code}"
    with supervisor(f"web={code}"):
        wait_until(lambda: len(pids_in(file)) == 1, "the grandchild runs")
        os.kill(pids_in(parent_file)[0], signal.SIGKILL)
        wait_until(lambda: not is_alive(pids_in(file)[0]), "the grandchild is gone")


def test_a_child_that_keeps_dying_ends_the_whole_with_its_name_and_exit_code(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with supervisor("beat=raise SystemExit(7)", f"web={LIVES.format(file=str(other))}") as process:
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert output.count("beat died (exit code 7) and is started again.") == 4
    assert output.endswith("beat keeps dying (exit code 7), so everything stops.\n")
    assert not any(map(is_alive, pids_in(other)))


def test_a_child_that_refuses_its_configuration_ends_the_whole_at_once() -> None:
    with supervisor("worker=raise SystemExit(2)") as process:
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert output == "worker does not start with this configuration, so everything stops.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    file = tmp_path / "web"
    with supervisor(f"web={LIVES.format(file=str(file))}") as process:
        wait_until(lambda: bool(pids_in(file)), "the child runs")
        process.kill()
        wait_until(lambda: not is_alive(pids_in(file)[0]), "the child is gone")


def test_each_death_in_a_row_makes_the_next_start_later() -> None:
    child = Child("web", ["true"])
    waits = []
    for now in (0.0, 3.0, 6.0, 12.0):
        assert child.note_death(now)
        waits.append(child.start_at - now)
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert not child.note_death(59.0)


def test_deaths_long_ago_are_forgiven() -> None:
    child = Child("web", ["true"])
    assert all(child.note_death(death * 20.0) for death in range(50))
    assert child.note_death(10_000.0)
    assert child.start_at == 10_001.0


def test_beat_is_a_process_only_where_there_is_a_broker() -> None:
    assert list(commands(with_beat=False)) == ["web", "worker"]
    assert list(commands(with_beat=True)) == ["web", "worker", "beat"]


@pytest.mark.parametrize(
    ("host", "reached_at", "shown_as"),
    [
        ("127.0.0.1", "127.0.0.1", "http://localhost:8080"),
        ("0.0.0.0", "127.0.0.1", "http://localhost:8080"),
        ("::", "::1", "http://localhost:8080"),
        ("fd00::1", "fd00::1", "http://[fd00::1]:8080"),
        ("192.168.1.5", "192.168.1.5", "http://192.168.1.5:8080"),
    ],
)
def test_people_are_told_an_address_that_works(host: str, reached_at: str, shown_as: str) -> None:
    assert reachable_host(host) == reached_at
    assert f"at {shown_as}\n" in announcement(host, 8080)


def test_a_second_supervisor_with_the_same_data_is_refused(clean_environment: dict[str, str]) -> None:
    code = "import sys; from webmonitor.supervisor import only_one; from pathlib import Path\n"
    code += "with only_one(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    folder = clean_environment["DATA_DIR"]
    Path(folder).mkdir()
    command = [sys.executable, "-c", code, folder]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "mine\n"
        second = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert second.stderr == f"webmonitor runs already with the data in {folder}.\n"
        first.communicate("")
    third = subprocess.run(command, cwd=settings.BASE_DIR, input="", capture_output=True, text=True, check=False)
    assert third.stdout == "mine\n"
