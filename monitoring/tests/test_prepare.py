import re
import socket
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from pytest_django import Settings

from monitoring.management.commands import prepare
from monitoring.schedule import owned_tasks
from websites.models import Website

pytestmark = pytest.mark.django_db

SHOWN = re.compile(r"password +(\S+)")


@pytest.fixture(autouse=True)
def empty_installation(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    settings.DATA_DIR = tmp_path / "data"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.HOST = "127.0.0.1"
    settings.PORT = free_port("127.0.0.1")
    settings.PROBE_ALLOWED_NETWORKS = ip_network("127.0.0.0/8"), ip_network("::1")
    settings.DJANGO_SUPERUSER_USERNAME = "admin"
    settings.DJANGO_SUPERUSER_PASSWORD = ""
    settings.DJANGO_SUPERUSER_EMAIL = ""


def free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_the_first_start_shows_a_password_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prepare")
    shown = SHOWN.search(capsys.readouterr().out)
    assert shown is not None
    user = get_user_model()._default_manager.get(is_superuser=True)
    assert user.username == "admin"
    assert user.check_password(shown[1])
    assert len(shown[1]) >= 16


def test_the_second_start_says_nothing_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prepare")
    hash_before = get_user_model()._default_manager.get(is_superuser=True).password
    capsys.readouterr()
    call_command("prepare")
    assert capsys.readouterr().out == ""
    assert get_user_model()._default_manager.get().password == hash_before


def test_a_given_password_is_taken_and_not_shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DJANGO_SUPERUSER_USERNAME = "root"
    settings.DJANGO_SUPERUSER_PASSWORD = " given, with spaces "
    settings.DJANGO_SUPERUSER_EMAIL = "root@example.org"
    call_command("prepare")
    user = get_user_model()._default_manager.get(is_superuser=True)
    assert (user.username, user.email) == ("root", "root@example.org")
    assert user.check_password(" given, with spaces ")
    assert capsys.readouterr().out == ""


def test_an_ordinary_user_is_not_made_administrator() -> None:
    get_user_model()._default_manager.create_user("admin")
    with pytest.raises(CommandError, match="set DJANGO_SUPERUSER_USERNAME"):
        call_command("prepare")
    assert not get_user_model()._default_manager.filter(is_superuser=True).exists()


def test_the_first_website_is_the_monitor_itself(settings: Settings) -> None:
    call_command("prepare")
    website = Website.objects.get()
    assert website.website_url == f"http://localhost:{settings.PORT}/healthz"
    assert website.monitoring_interval == 5
    assert owned_tasks().count() == 1


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", "localhost"), ("::", "localhost"), ("localhost", "localhost"), ("::1", "[::1]")],
)
def test_the_first_website_is_where_the_monitor_answers(settings: Settings, host: str, expected: str) -> None:
    settings.HOST = host
    prepare.watch_ourselves()
    assert Website.objects.get().website_url == f"http://{expected}:{settings.PORT}/healthz"


def test_the_first_website_does_not_come_back_once_deleted() -> None:
    call_command("prepare")
    Website.objects.all().delete()
    call_command("prepare")
    assert not Website.objects.exists()


def test_there_is_no_first_website_where_it_may_not_be_probed(settings: Settings) -> None:
    settings.PROBE_ALLOWED_NETWORKS = ()
    call_command("prepare")
    assert not Website.objects.exists()


def test_there_is_no_first_website_beside_others() -> None:
    Website.objects.create(website_url="https://example.org/", monitoring_interval=60)
    call_command("prepare")
    assert Website.objects.count() == 1


def test_it_repairs_the_periodic_tasks() -> None:
    call_command("prepare")
    owned_tasks().delete()
    call_command("prepare")
    assert owned_tasks().count() == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_named(settings: Settings, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        settings.HOST = host
        settings.PORT = server.getsockname()[1]
        with pytest.raises(CommandError, match=rf"^Port {settings.PORT} on {host} cannot be used: Address already in"):
            call_command("prepare")
    assert not get_user_model()._default_manager.exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_named(settings: Settings, host: str) -> None:
    settings.HOST = host
    with pytest.raises(CommandError, match=host):
        call_command("prepare")


def test_processes_that_serve_nobody_make_no_administrator(settings: Settings) -> None:
    call_command("prepare", "--database-only")
    assert not get_user_model()._default_manager.exists()
    assert not Path(settings.STATIC_ROOT).exists()


def test_static_files_are_copied_only_when_they_changed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "extra.css").write_text("a {}", encoding="utf-8")
    settings.STATICFILES_DIRS = [source]
    copied = Path(settings.STATIC_ROOT) / "extra.css"

    call_command("prepare", "--static-only")
    assert copied.read_text(encoding="utf-8") == "a {}"
    assert (Path(settings.STATIC_ROOT) / "admin" / "css" / "base.css").is_file()
    first = copied.stat().st_ino, copied.stat().st_ctime_ns

    call_command("prepare", "--static-only")
    assert (copied.stat().st_ino, copied.stat().st_ctime_ns) == first

    (source / "extra.css").write_text("b { color: red }", encoding="utf-8")
    call_command("prepare", "--static-only")
    assert copied.read_text(encoding="utf-8") == "b { color: red }"

    (source / "extra.css").unlink()
    call_command("prepare", "--static-only")
    assert not copied.exists()


def test_a_folder_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.STATIC_ROOT = tmp_path / "file"
    with pytest.raises(CommandError, match="Static files cannot be written"):
        call_command("prepare", "--static-only")


def prepare_process(environment: dict[str, str], root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "prepare"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_database_that_is_not_there_is_named(clean_environment: dict[str, str], pytestconfig: pytest.Config) -> None:
    port = free_port("127.0.0.1")
    environment = clean_environment | {
        "PORT": str(free_port("127.0.0.1")),
        "DATABASE_URL": f"postgres://monitor:hunter2@127.0.0.1:{port}/monitor",
    }
    process = prepare_process(environment, pytestconfig.rootpath)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("CommandError: The database cannot be used: connection failed")
    assert "Traceback" not in errors
    assert "hunter2" not in output + errors


def test_processes_that_prepare_together_make_one_administrator(
    clean_environment: dict[str, str], pytestconfig: pytest.Config
) -> None:
    environments = [clean_environment | {"PORT": str(free_port("127.0.0.1"))} for _ in range(3)]
    processes = [prepare_process(environment, pytestconfig.rootpath) for environment in environments]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert sum("password" in output for output, _ in outputs) == 1
