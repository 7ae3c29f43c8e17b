"""Sending never fails its caller, and always ends."""

import dataclasses
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.exceptions import ValidationError

from monitoring.notifications.messages import DETAIL_MAX_LENGTH, Receipt
from monitoring.notifications.senders import SEND_TIMEOUT, Kind, check_target, send
from monitoring.tests.receivers import LOOPBACK, MESSAGE, taking, whole_log
from monitoring.tests.servers import Peer, Server

SECRET = "t0psecret"


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK


def test_an_attempt_takes_a_quarter_of_a_minute_at_most() -> None:
    assert SEND_TIMEOUT == 15.0


@pytest.mark.parametrize("kind", ["", "pager", "x" * 1000])
def test_a_kind_that_there_is_not_is_refused_in_words(kind: str) -> None:
    with pytest.raises(ValidationError, match="There are no channels of the kind"):
        check_target(kind, "https://example.org/")
    receipt = send(kind, "https://example.org/", SECRET, MESSAGE)
    assert not receipt.is_delivered
    assert receipt.detail.startswith("There are no channels of the kind")
    assert len(receipt.detail) <= DETAIL_MAX_LENGTH


def test_a_fault_is_a_failure_and_its_words_are_kept_back() -> None:
    message = dataclasses.replace(MESSAGE, payload={"no JSON": {SECRET}})
    with whole_log() as log:
        receipt = send(Kind.WEBHOOK, f"http://127.0.0.1:1/{SECRET}", SECRET, message)
    assert receipt == Receipt(False, "The monitor failed to send it (TypeError).")
    assert "not sent by a fault" in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.parametrize("key", ["two\r\nlines", "ключ"])
def test_what_no_header_can_hold_is_a_failure(key: str, settings: Any) -> None:
    message = dataclasses.replace(MESSAGE, key=key)
    with Server(taking()) as server:
        assert not send(Kind.WEBHOOK, server.url(), SECRET, message).is_delivered
        assert server.requests == []


@pytest.mark.parametrize("kind", [Kind.WEBHOOK, Kind.EMAIL, Kind.APPRISE])
def test_not_even_the_look_up_of_a_name_holds_it_up(kind: Kind, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up(*_: object, **__: object) -> list[Any]:
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    settings.EMAIL_BACKEND = "monitoring.notifications.mail_backend.Backend"
    settings.EMAIL_HOST = "mail.example.org"
    targets = {
        Kind.WEBHOOK: "http://hooks.example.org/",
        Kind.EMAIL: "ann@example.org",
        Kind.APPRISE: "ntfy://ntfy.example.org/alerts",
    }
    receipt = send(kind, targets[kind], SECRET, MESSAGE, 0.5)
    assert receipt.detail.endswith("did not answer in 0.5 s.")
    over.set()
    wait_for_senders()


@pytest.mark.parametrize("scheme", ["http", "gotify"])
def test_nothing_goes_on_after_the_end(scheme: str) -> None:
    with Server(Peer.hold) as server:
        kind = Kind.WEBHOOK if scheme == "http" else Kind.APPRISE
        assert not send(kind, f"{scheme}://127.0.0.1:{server.port}/{SECRET}", SECRET, MESSAGE, 0.3).is_delivered
        wait_for_senders()


def wait_for_senders() -> None:
    """Until no thread sends any more."""
    deadline = time.monotonic() + 10
    while any(thread.name == "sending" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_many_may_send_at_once() -> None:
    receipts: list[Receipt] = []
    with Server(taking()) as server:
        targets = [(Kind.WEBHOOK, server.url()), (Kind.APPRISE, f"gotify://127.0.0.1:{server.port}/{SECRET}")] * 5
        threads = [
            threading.Thread(target=lambda k=kind, t=target: receipts.append(send(k, t, SECRET, MESSAGE)))
            for kind, target in targets
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [receipt.is_delivered for receipt in receipts] == [True] * 10


def test_apprise_is_loaded_by_those_alone_who_use_it(clean_environment: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys, django; django.setup(); import monitoring.notifications.senders as senders\n"
        "senders.check_target('webhook', 'https://example.org/')\n"
        "assert 'apprise' not in sys.modules\n"
        "senders.check_target('apprise', 'ntfy://ntfy.sh/alerts')\n"
        "from monitoring.notifications.confinement import confined\n"
        "from monitoring.notifications.deadlines import Deadline\n"
        "with Deadline(60) as deadline, confined(deadline): pass\n"
    )
    environment = {**clean_environment, "DJANGO_SETTINGS_MODULE": "webmonitor.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=project.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # Nor does anything that listens to the process complain at its end.
    assert (done.returncode, done.stderr) == (0, "")
