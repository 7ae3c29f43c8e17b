"""`manage.py check_website`, against servers on loopback, and `reconcile_schedules`."""

import json
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_celery_beat.models import PeriodicTask

from monitoring import probe
from monitoring.models import MonitoringData
from monitoring.probe import ErrorKind
from monitoring.tests.hostile import ANSWER, CASES, Case
from monitoring.tests.hostile_servers import serving
from monitoring.tests.servers import Authority, Server, answering, redirect, refusing_port, response
from websites.models import Website

pytestmark = pytest.mark.django_db

Check = Callable[..., tuple[int, str]]
HOSTILE = "[red]x[/red] \x1b[31m\u202egnp.exe :smile:"
INERT = "[red]x[/red] \\x1b[31m\\u202egnp.exe :smile:"


@pytest.fixture(autouse=True)
def _loopback_may_be_probed(settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command; returns its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        try:
            call_command("check_website", *arguments)
        except SystemExit as end:
            code = end.code
            assert isinstance(code, int)
            return code, capsys.readouterr().out
        return 0, capsys.readouterr().out

    return run


def test_a_good_answer_is_shown_with_phases_and_matches(check: Check) -> None:
    with Server(answering(response(body=b'{"status": "ok"} {"status": "late"}'))) as server:
        code, shown = check(server.url("/health"), "--regex", r'"status": *"(\w+)"')

    assert code == 0
    assert "UP  HTTP 200 in " in shown
    for part in ("DNS", "connect", "TLS", "first byte", "whole exchange", "1. ok", "2. late", "127.0.0.1"):
        assert part in shown
    assert not MonitoringData.objects.exists()


def test_a_registered_website_is_checked_with_its_own_regex_by_id_and_by_url(check: Check) -> None:
    with Server(answering(response(body=b"version 7"))) as server:
        website = Website.objects.create(website_url=server.url(), monitoring_interval=5, regex=r"version (\d+)")
        for name in (str(website.pk), server.url().upper().replace("HTTP", "hTTp")):
            code, shown = check(name)
            assert code == 0
            assert f"(website {website.pk})" in shown
            assert "1. 7" in shown
        code, shown = check(str(website.pk), "--regex", "nothing")

    assert code == 0
    assert "Matches: none" in shown


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "503 Service Unavailable", "999 Odd"])
def test_a_failure_status_ends_with_code_1(check: Check, status: str) -> None:
    with Server(answering(response(status))) as server:
        code, shown = check(server.url())

    assert code == 1
    assert f"DOWN  HTTP {status[:3]}" in shown


def known(title: str) -> Case:
    return next(case for case in CASES if case.title == title)


# No label of a name has more than 63 characters, so nobody is asked for it.
NO_NAME = f"http://{'x' * 64}.test/"
# Nobody can connect to a network's broadcast address.
BROADCAST = "127.255.255.255"
METADATA = "169.254.169.254"
# Sealed with no SECRET_KEY at all.
UNREADABLE = {"http_auth": "Basic unreadable"}
# How each kind of error is called, and a website that has it.
TROUBLE = [
    ("name not found", Case("W9", "no name", answering(redirect(NO_NAME)), 0, "dns", "does not exist")),
    ("no connection", Case("W2", "unreachable", ANSWER, 0, "connect", "network is unreachable", host=BROADCAST)),
    ("connection refused", known("W2 refused")),
    ("timeout", known("W2 silent after the request")),
    ("TLS failure", known("W8 self-signed")),
    ("blocked address", Case("S1", "metadata", ANSWER, 0, "blocked_address", METADATA, host=METADATA)),
    ("too many redirects", known("W7 a loop")),
    ("bad redirect", known("W7 no Location")),
    ("invalid response", known("W6 an SSH banner")),
    ("body too large", known("W4 endless body")),
    ("truncated response", known("W6 a body cut short")),
    (
        "monitor's own fault",
        Case("P5", "credentials", ANSWER, 0, "internal", "SECRET_KEY has changed", "unknown", UNREADABLE),
    ),
]


def test_every_kind_of_error_is_among_them() -> None:
    assert sorted(case.error for _, case in TROUBLE) == sorted(ErrorKind)


@pytest.mark.parametrize(("name", "case"), TROUBLE, ids=[case.error for _, case in TROUBLE])
def test_every_kind_of_error_is_told_in_words_and_ends_with_code_1(
    check: Check, tmp_path: Path, name: str, case: Case
) -> None:
    timeout = "0.5" if case.error == "timeout" else "20"
    with serving([case], tmp_path) as (urls, _):
        website = Website.objects.create(website_url=urls[case.title], monitoring_interval=60, **case.fields)
        code, shown = check(str(website.pk), "--timeout", timeout)
        code_of_json, as_json = check(str(website.pk), "--timeout", timeout, "--json")

    assert (code, code_of_json) == (1, 1)
    _, headline, error, *_ = shown.splitlines()
    assert headline.startswith(case.outcome.upper())
    assert (f"HTTP {case.http_status}" in headline) == (case.http_status > 0)
    assert error.startswith(f"Error: {name} ({case.error}): ")
    assert case.words in error
    found = json.loads(as_json)
    assert (found["http_status"], found["error"], found["outcome"]) == (case.http_status, case.error, case.outcome)
    assert case.words in found["error_detail"]
    assert not MonitoringData.objects.exists()


def test_an_address_that_is_not_allowed_is_not_dialled(check: Check, settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = ()
    with Server(answering(response())) as server:
        code, shown = check(server.url())

    assert code == 1
    assert "(blocked_address)" in shown
    assert not server.requests


def test_the_timeout_is_the_one_asked_for(check: Check) -> None:
    with Server(lambda peer: peer.hold()) as server:
        code, shown = check(server.url(), "--timeout", "0.3")

    assert code == 1
    assert "(timeout)" in shown


def test_json_is_one_object_with_the_apis_names(check: Check) -> None:
    with Server(answering(response(body=HOSTILE.encode()))) as server:
        website = Website.objects.create(website_url=server.url(), monitoring_interval=5, regex=r"(?s).+")
        code, shown = check(str(website.pk), "--json")

    assert code == 0
    assert shown.isascii()
    assert "\x1b" not in shown
    found = json.loads(shown)
    assert found["website_id"] == website.pk
    assert found["website_url"] == server.url()
    assert found["http_status"] == 200
    assert found["outcome"] == "up"
    assert found["error"] == ""
    assert found["regex_response"] == [HOSTILE]
    assert found["certificate"] is None
    assert found["tls_time"] is None
    assert 0 < found["first_byte_time"] <= found["response_time"]


def test_json_of_a_website_that_is_not_registered_has_no_id(check: Check) -> None:
    with refusing_port() as port:
        _, shown = check(f"http://127.0.0.1:{port}/", "--json")

    assert json.loads(shown)["website_id"] is None


def test_what_a_stranger_sends_neither_drives_the_terminal_nor_is_markup(check: Check) -> None:
    with Server(answering(response(body=HOSTILE.encode()))) as server:
        _, shown = check(server.url(), "--regex", r"(?s).+")

    assert INERT in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_certificate_is_shown(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    with Server(answering(response()), tls=authority.context("127.0.0.1")) as server:
        monkeypatch.setattr(probe, "check", partial(probe.check, ca_file=authority.ca_file))
        code, shown = check(server.url())
        _, as_json = check(server.url(), "--json")

    assert code == 0
    for part in ("Certificate", "subject", "issuer", "trustme", "127.0.0.1", "not after", "days left"):
        assert part in shown
    certificate = json.loads(as_json)["certificate"]
    assert "trustme" in certificate["issuer"]
    assert certificate["days_left"] in (0, 1)
    assert certificate["names"] == ["127.0.0.1"]
    assert certificate["not_after"].endswith("Z")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("4711",), "There is no website with the ID 4711."),
        (("9" * 30,), "There is no website with the ID"),
        (("example.org",), "must begin with http:// or https://"),
        (("ftp://example.org/",), "must begin with http:// or https://"),
        (("\x1b[31m",), r"\x1b[31m: A URL has no spaces, control characters"),
        (("http://127.0.0.1/", "--regex", "("), "Not a valid RE2 pattern: missing )"),
    ],
)
def test_bad_usage_is_told_in_a_sentence_and_ends_with_code_2(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("check_website", *arguments)

    assert message in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "301", "soon"])
def test_a_timeout_that_is_none_is_refused(timeout: str) -> None:
    with pytest.raises(CommandError, match="--timeout"):
        call_command("check_website", "http://127.0.0.1/", "--timeout", timeout)


def test_reconcile_says_what_it_mended(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (
        Website.objects.create(website_url=f"https://www{n}.example.org/", monitoring_interval=60) for n in (1, 2)
    )
    call_command("reconcile_schedules")
    assert capsys.readouterr().out == "Every website has its periodic task; nothing to mend.\n"

    PeriodicTask.objects.filter(name=f"website-{one.pk}").delete()
    PeriodicTask.objects.filter(name=f"website-{two.pk}").update(enabled=False)
    call_command("reconcile_schedules")
    assert capsys.readouterr().out == "Periodic tasks mended: 1 made, 1 changed, 0 removed.\n"
