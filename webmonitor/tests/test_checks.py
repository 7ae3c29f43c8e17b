import ipaddress
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

LONG_KEY = "k" * 60


def found_ids(*, deploy: bool = True) -> set[str]:
    messages = run_checks(include_deployment_checks=deploy)
    return {str(message.id) for message in messages if str(message.id).startswith("webmonitor.")}


@pytest.fixture(autouse=True)
def sound_configuration(settings: Settings, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    settings.DATA_DIR = tmp_path
    settings.SECRET_KEY = LONG_KEY
    settings.HOST = "127.0.0.1"
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.HTTPS_ONLY = False
    settings.TRUSTED_PROXIES = 0
    settings.EMBEDDED_BROKER = settings.IS_SQLITE = True
    settings.PROBE_ALLOWED_NETWORKS = (ipaddress.ip_network("10.0.0.0/8"),)


def test_a_sound_configuration_has_no_findings() -> None:
    assert found_ids() == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SECRET_KEY": "k" * 31}, "webmonitor.E001"),
        ({"DEBUG": True, "HOST": "0.0.0.0", "ALLOWED_HOSTS": ["*"]}, "webmonitor.W002"),
        ({"HOST": "0.0.0.0"}, "webmonitor.W003"),
        ({"HOST": "::"}, "webmonitor.W003"),
        ({"HTTPS_ONLY": True}, "webmonitor.W004"),
        ({"EMBEDDED_BROKER": False}, "webmonitor.W005"),
        ({"PROBE_ALLOWED_NETWORKS": (ipaddress.ip_network("0.0.0.0/0"),)}, "webmonitor.W006"),
        ({"PROBE_ALLOWED_NETWORKS": (ipaddress.ip_network("::/0"),)}, "webmonitor.W006"),
        ({"PROBE_ALLOWED_NETWORKS": (ipaddress.ip_network("169.254.0.0/16"),)}, "webmonitor.W007"),
        ({"PROBE_ALLOWED_NETWORKS": (ipaddress.ip_network("fe80::/64"),)}, "webmonitor.W007"),
    ],
)
def test_a_bad_combination_is_found(settings: Settings, changes: dict[str, object], expected: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert found_ids() == {expected}


@pytest.mark.parametrize(
    "changes",
    [
        {"SECRET_KEY": "k" * 32},
        {"DEBUG": True},
        {"HOST": "0.0.0.0", "ALLOWED_HOSTS": ["monitor.example.org"]},
        {"HTTPS_ONLY": True, "TRUSTED_PROXIES": 1},
        {"EMBEDDED_BROKER": False, "IS_SQLITE": False},
        {"EMBEDDED_BROKER": True, "IS_SQLITE": False},
        {"PROBE_ALLOWED_NETWORKS": ()},
    ],
)
def test_a_good_combination_is_not_complained_about(settings: Settings, changes: dict[str, object]) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert found_ids() == set()


def test_data_among_the_files_served_to_everybody_is_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path.parent
    assert found_ids() == {"webmonitor.E002"}


def test_a_data_directory_open_to_others_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert found_ids() == {"webmonitor.W001"}


def test_every_finding_says_what_to_do(settings: Settings) -> None:
    settings.SECRET_KEY = "short"
    settings.HTTPS_ONLY = True
    settings.HOST = "0.0.0.0"
    messages = [m for m in run_checks(include_deployment_checks=True) if str(m.id).startswith("webmonitor.")]
    assert len(messages) == 3
    assert all(message.hint for message in messages)


def test_a_listening_container_is_complained_about_only_before_a_deployment(settings: Settings) -> None:
    settings.HOST = "0.0.0.0"
    assert found_ids(deploy=False) == set()


def test_a_first_start_behind_a_tls_proxy_has_no_deployment_warnings(
    clean_environment: dict[str, str], pytestconfig: pytest.Config
) -> None:
    environment = clean_environment | {"HTTPS_ONLY": "true", "TRUSTED_PROXIES": "1"}
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env=environment,
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (Path(clean_environment["DATA_DIR"]) / "secret_key").stat().st_mode & 0o777 == 0o600
