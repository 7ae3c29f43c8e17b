import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from webmonitor.environment import ConfigurationError, Environment, generated_secret, prepare_data_dir
from webmonitor.settings import env

NO_FILE = Path(os.devnull)


def run_process(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


READERS: dict[str, Callable[[Environment], Any]] = {
    "flag": lambda env: env.flag("NAME", default=False),
    "number": lambda env: env.number("NAME", 8080, minimum=1, maximum=65535),
    "choice": lambda env: env.choice("NAME", "INFO", ["DEBUG", "INFO"]),
    "networks": lambda env: [str(network) for network in env.networks("NAME", ["10.0.0.0/8"])],
    "origins": lambda env: env.origins("NAME"),
    "addresses": lambda env: env.addresses("NAME"),
    "host": lambda env: env.host("NAME", "127.0.0.1"),
    "hosts": lambda env: env.hosts("NAME", ["localhost"]),
    "broker": lambda env: env.broker("NAME"),
    "database": lambda env: env.database("NAME", "sqlite:////tmp/default.sqlite3")["NAME"],
}


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        ("flag", "", False),
        ("flag", "TRUE", True),
        ("flag", " on ", True),
        ("flag", "0", False),
        ("number", "", 8080),
        ("number", "1", 1),
        ("number", "65535", 65535),
        ("choice", "debug", "DEBUG"),
        ("networks", "", ["10.0.0.0/8"]),
        ("networks", "none", []),
        ("networks", "192.168.0.0/16, ::1/128", ["192.168.0.0/16", "::1/128"]),
        ("origins", "https://a.example,http://b.example:8080", ["https://a.example", "http://b.example:8080"]),
        ("addresses", "", ()),
        ("addresses", "192.0.2.1:443, dns.example.org:53", (("192.0.2.1", 443), ("dns.example.org", 53))),
        ("addresses", "[2001:db8::1]:853", (("2001:db8::1", 853),)),
        ("host", "::1", "::1"),
        ("host", "monitor.local", "monitor.local"),
        ("hosts", "a.example, .b.example,", ["a.example", ".b.example"]),
        ("broker", "", None),
        ("broker", "redis://localhost", "redis://localhost"),
        ("broker", "rediss://:p%40ss@cache:6380/3", "rediss://:p%40ss@cache:6380/3"),
        ("database", "postgres://user:word@host:5433/monitor", "monitor"),
        ("database", "sqlite:////srv/other.sqlite3", "/srv/other.sqlite3"),
    ],
)
def test_good_values_are_read(monkeypatch: pytest.MonkeyPatch, reader: str, text: str, expected: object) -> None:
    monkeypatch.setenv("NAME", text)
    env = Environment(NO_FILE)
    assert READERS[reader](env) == expected
    env.refuse_if_bad()


@pytest.mark.parametrize(
    ("reader", "text", "sentence"),
    [
        ("flag", "maybe", "NAME must be true or false, not 'maybe'."),
        ("number", "0", "NAME must be a whole number from 1 to 65535, not '0'."),
        ("number", "65536", "NAME must be a whole number from 1 to 65535, not '65536'."),
        ("number", "80.5", "NAME must be a whole number from 1 to 65535, not '80.5'."),
        ("choice", "loud", "NAME must be one of DEBUG, INFO, not 'loud'."),
        ("networks", "10.0.0.1/8", "NAME must be networks such as 10.0.0.0/8,::1/128"),
        ("networks", "lan", "NAME must be networks such as 10.0.0.0/8,::1/128"),
        ("origins", "monitor.example.org", "NAME must be origins such as https://monitor.example.org"),
        ("addresses", "192.0.2.1", "NAME must be addresses such as 192.0.2.1:443"),
        ("addresses", "192.0.2.1:0", "NAME must be addresses such as"),
        ("addresses", "192.0.2.1:99999", "NAME must be addresses such as"),
        ("addresses", "http://192.0.2.1:443", "NAME must be addresses such as"),
        ("addresses", "2001:db8::1:53x", "NAME must be addresses such as"),
        ("addresses", "user@192.0.2.1:443", "NAME must be addresses such as"),
        ("host", "a b", "NAME must be an address or a host name such as 127.0.0.1, not 'a b'."),
        ("hosts", "https://monitor.example.org", "NAME must be host names such as monitor.example.org, not URLs"),
        ("broker", "amqp://localhost", "NAME must look like redis://host:6379/0."),
        ("broker", "redis://", "NAME must look like redis://host:6379/0."),
        ("broker", "redis://localhost:99999/0", "NAME must look like redis://host:6379/0."),
        ("broker", "redis://localhost/first", "NAME must look like redis://host:6379/0."),
        ("database", "mysql://root@localhost/monitor", "NAME must look like postgres://"),
        ("database", "postgres://localhost", "NAME must look like postgres://"),
        ("database", "postgres://localhost:port/monitor", "NAME must look like postgres://"),
        ("database", "sqlite:///relative.sqlite3", "NAME must look like postgres://"),
        ("database", "monitor", "NAME must look like postgres://"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, reader: str, text: str, sentence: str
) -> None:
    monkeypatch.setenv("NAME", text)
    env = Environment(NO_FILE)
    READERS[reader](env)
    with pytest.raises(ConfigurationError) as caught:
        env.refuse_if_bad()
    assert sentence in str(caught.value)


def test_passwords_in_bad_urls_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "redis://:hunter2@localhost:99999/0")
    env = Environment(NO_FILE)
    env.broker("NAME")
    with pytest.raises(ConfigurationError) as caught:
        env.refuse_if_bad()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("PROT=9000\n", "PROT in .env is not a setting of webmonitor. Did you mean PORT?"),
        ("COLOUR=red\n", "COLOUR in .env is not a setting of webmonitor. See README.md"),
        ("# fine\n\nPORT = 9000\n", "Line 3 of .env is not of the form NAME=value"),
        ("PORT 9000\n", "Line 1 of .env is not of the form NAME=value"),
        ("PORT=none\n", "PORT must be a whole number"),
        (b"PORT=9000 \xff\n", "cannot be read: it is not UTF-8 text"),
    ],
)
def test_what_the_env_file_gets_wrong_is_refused(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    env = Environment(file)
    env.number("PORT", 8080, minimum=1, maximum=65535)
    with pytest.raises(ConfigurationError) as caught:
        env.refuse_if_bad()
    assert sentence in str(caught.value)


def test_no_setting_is_forgotten_where_settings_are_listed() -> None:
    compose = yaml.safe_load((settings.BASE_DIR / "compose.yaml").read_text(encoding="utf-8"))["services"]
    passed = {name: set(compose[name]["environment"]) for name in ("web", "worker", "beat")}
    assert passed["web"] == env.names
    # The first administrator is made by web alone.
    assert passed["worker"] == passed["beat"] == {name for name in env.names if "SUPERUSER" not in name}
    example = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8")
    # Of docker-compose's own, only the database's password.
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == env.names | {"POSTGRES_PASSWORD"}
    table = (settings.BASE_DIR / "README.md").read_text(encoding="utf-8")
    assert env.names - set(re.findall(r"`([A-Z_]+)`", table)) == set()


# Once settings are loaded, nothing takes empty variables out of the environment any more.
BLANK = """
import importlib, os
from webmonitor import settings

def values():
    return {name: value for name, value in vars(settings).items() if name.isupper()}

unset = values()
for name in sorted(settings.env.names - {"DATA_DIR"}):
    for text in ("", " \\t"):
        os.environ[name] = text
        importlib.reload(settings)
        print(name, "differs" if values() != unset else "unset")
        del os.environ[name]
"""


def test_a_setting_that_is_empty_or_blank_is_unset(clean_environment: dict[str, str]) -> None:
    result = run_process(clean_environment, "-c", BLANK)
    # DATA_DIR is left alone: its default is not the tests' to write to.
    expected = [f"{name} unset" for name in sorted(env.names - {"DATA_DIR"}) for _ in range(2)]
    assert (result.stdout.splitlines(), result.stderr) == (expected, "")


@pytest.mark.parametrize("text", ["", " \t"])
def test_an_empty_variable_leaves_the_env_file_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / ".env"
    file.write_text("HOST=::1\nSECRET_KEY=' kept '\n", encoding="utf-8")
    monkeypatch.setenv("HOST", text)
    monkeypatch.setenv("SECRET_KEY", text)
    read = Environment(file)
    assert (read.text("HOST"), read.secret("SECRET_KEY")) == ("::1", " kept ")


# What libraries read by themselves.
FOREIGN = {"WEB_CONCURRENCY": "", "PGPORT": " ", "HTTPS_PROXY": "", "DJANGO_SETTINGS_MODULE": "", "KEPT": " x "}
SHOW = f"import os; print({{name: os.environ[name] for name in {list(FOREIGN)} if name in os.environ}})"
IN_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}])"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["-m", "webmonitor", sys.executable, "-c", SHOW], id="a command"),
        pytest.param(["-c", f"import webmonitor; {SHOW}"], id="a process of ours"),
        pytest.param(["-c", f"import webmonitor; {IN_A_CHILD}"], id="a child"),
    ],
)
def test_no_library_sees_an_empty_variable(clean_environment: dict[str, str], command: list[str]) -> None:
    result = run_process(clean_environment | FOREIGN, *command)
    assert (result.stdout, result.stderr) == ("{'KEPT': ' x '}\n", "")


def test_an_empty_settings_module_is_the_projects_own(clean_environment: dict[str, str]) -> None:
    result = run_process(clean_environment | {"DJANGO_SETTINGS_MODULE": ""}, "manage.py", "diffsettings")
    assert "ROOT_URLCONF = 'webmonitor.urls'" in result.stdout, result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "usage: python -m webmonitor COMMAND ARGUMENTS..."),
        (["no-such-program"], "no-such-program cannot be run: No such file or directory."),
    ],
)
def test_a_command_that_cannot_be_run_is_named(
    clean_environment: dict[str, str], arguments: list[str], sentence: str
) -> None:
    result = run_process(clean_environment, "-m", "webmonitor", *arguments)
    assert (result.returncode, result.stderr) == (1, f"{sentence}\n")


def test_the_example_env_file_names_real_settings_only(tmp_path: Path, clean_environment: dict[str, str]) -> None:
    example = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8")
    file = tmp_path / ".env"
    lines = [line.removeprefix("#") if line[1:2].isupper() and "=" in line else line for line in example.splitlines()]
    file.write_text("\n".join(lines), encoding="utf-8")
    result = run_process(clean_environment | {"WEBMONITOR_DOTENV": str(file)}, "-c", "import webmonitor.settings")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("export PORT=9000\nHOST='::1'\nPOSTGRES_PASSWORD=for-compose\n", encoding="utf-8")
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.delenv("HOST", raising=False)
    env = Environment(file)
    assert env.number("PORT", 8080, minimum=1, maximum=65535) == 9001
    assert env.text("HOST", "127.0.0.1") == "::1"
    env.refuse_if_bad()
    assert "POSTGRES_PASSWORD" not in os.environ


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["manage.py", "check"], id="manage.py"),
        pytest.param(["-m", "webmonitor.web_server"], id="web"),
        pytest.param(["-m", "celery", "-A", "webmonitor", "worker"], id="worker"),
        pytest.param(["-m", "celery", "-A", "webmonitor", "beat"], id="beat"),
        pytest.param(["-m", "webmonitor.supervisor"], id="supervisor"),
    ],
)
def test_every_process_names_all_problems_and_does_not_start(
    clean_environment: dict[str, str], command: list[str]
) -> None:
    bad = {"PORT": "http", "LOG_LEVEL": "loud", "REDIS_URL": "localhost"}
    bad |= {"EMAIL_USE_TLS": "yes", "EMAIL_USE_SSL": "yes", "EMAIL_HELO": "localhost"}
    result = run_process(clean_environment | bad, *command)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "webmonitor does not start, its configuration needs a change:",
        "  - PORT must be a whole number from 1 to 65535, not 'http'.",
        "  - REDIS_URL must look like redis://host:6379/0.",
        "  - EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other: the first is for port 587, usually.",
        "  - EMAIL_HELO must be a host name such as monitor.example.org, or [192.0.2.1], not 'localhost'.",
        "  - LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'loud'.",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DATA_DIR": "{file}/data"}, "cannot be created: Not a directory."),
        # A file system that nobody can write to, not even the administrator.
        ({"DATA_DIR": "/proc/self/fdinfo"}, "DATA_DIR /proc"),
        ({"DATABASE_URL": "sqlite:///{folder}/missing/db.sqlite3"}, "cannot be opened: No such file or directory."),
        ({"DATABASE_URL": "sqlite:///{folder}"}, "cannot be opened: Is a directory."),
    ],
)
def test_what_cannot_be_written_is_named(
    tmp_path: Path, clean_environment: dict[str, str], changes: dict[str, str], sentence: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    changes = {name: value.format(file=file, folder=tmp_path) for name, value in changes.items()}
    result = run_process(clean_environment | changes, "manage.py", "check")
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_files_made_are_for_the_owner_alone(clean_environment: dict[str, str], tmp_path: Path) -> None:
    script = (
        "import os; os.umask(0o022); import django; django.setup(); from django.db import connection;"
        "connection.cursor().execute('CREATE TABLE t (x)'); import pathlib; from django.conf import settings;"
        "print(*sorted(f'{p.name}:{p.stat().st_mode:o}' for p in pathlib.Path(settings.DATA_DIR).iterdir()))"
    )
    result = run_process(clean_environment | {"DJANGO_SETTINGS_MODULE": "webmonitor.settings"}, "-c", script)
    assert result.stdout.split() == [
        "secret_key:100600",
        "webmonitor.sqlite3-shm:100600",
        "webmonitor.sqlite3-wal:100600",
        "webmonitor.sqlite3:100600",
    ]
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_database_that_exists_is_left_as_it_is(clean_environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.sqlite3"
    connection = sqlite3.connect(file)
    connection.executescript("CREATE TABLE kept (x); INSERT INTO kept VALUES (1);")
    connection.close()
    url = {"DATABASE_URL": f"sqlite:///{file}"}
    assert run_process(clean_environment | url, "-c", "import webmonitor.settings").returncode == 0
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT x FROM kept").fetchall() == [(1,)]
    connection.close()


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    script = (
        f"import pathlib, webmonitor.environment as e; print(e.generated_secret(pathlib.Path({str(tmp_path)!r}, 's')))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    secrets = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert len(secrets) == 1
    assert len(secrets.pop()) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_secret_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read or written: No such file or directory"):
        generated_secret(tmp_path / "missing" / "secret")


def test_a_data_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    prepare_data_dir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
