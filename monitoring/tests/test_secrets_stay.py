"""S4: what a website is asked with may be secret, and shows in no log, row or message on the way."""

import base64
import contextlib
import ipaddress
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from pytest_django import Settings

from monitoring.models import Certificate, MonitoringData, WebsiteState
from monitoring.probe.transfer import Transfer
from monitoring.runner import Runner
from monitoring.tests.beat import Bench
from monitoring.tests.servers import (
    Authority,
    Peer,
    Server,
    answering,
    redirect,
    refusing_port,
    response,
    self_signed_context,
)
from websites import http_auth
from websites.models import Website

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD, TOKEN, KEY, CONTENT = "pass-s3cr3t", "bearer-s3cr3t", "key-s3cr3t", "body-s3cr3t"
SECRETS = (
    *("s3cr3t", base64.b64encode(f"me:{PASSWORD}".encode()).decode()),
    # As they stand in a message whose body is encoded once more.
    *(base64.b64encode(text.encode()).decode()[2:-4] for text in (PASSWORD, TOKEN, KEY, CONTENT)),
)


class Everything(logging.Handler):
    """All that any logger is told, whatever its own level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # With the traceback, and with the fields that only some formats show.
        self.lines.append(f"{self.format(record)} {vars(record)!r}")


@pytest.fixture
def everything() -> Iterator[Everything]:
    handler = Everything()
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    before = [(logger, logger.level, logger.disabled, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
        logger.propagate = True
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
    for logger, level, disabled, propagate in before:
        logger.setLevel(level)
        logger.disabled = disabled
        logger.propagate = propagate


def kept(url: str, **fields: Any) -> Website:
    """A website with secrets wherever it may have some."""
    values: dict[str, Any] = {
        "http_auth": http_auth.seal(f"Basic me:{PASSWORD}"),
        "request_headers": f"X-Api-Key: {KEY}\nCookie: session={KEY}",
    }
    # Each is checked once only.
    values |= {"failures_before_down": 1}
    return Website.objects.create(website_url=url, monitoring_interval=60, **values | fields)


def run(websites: list[Website]) -> None:
    runner = Runner()
    runner.start()
    deadline = time.monotonic() + 20.0
    try:
        runner.submit([(website.pk, time.time_ns() // 1_000_000) for website in websites])
        while MonitoringData.objects.count() < len(websites):
            assert time.monotonic() < deadline, "not every check became a row"
            time.sleep(0.02)
    finally:
        runner.stop(5.0)
        connections.close_all()


def assert_kept(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text


def garbage(peer: Peer) -> None:
    """An answer that is none, with what was asked in it."""
    peer.send(peer.request())
    peer.finish()


def test_s4_secrets_are_in_no_log_and_no_row_however_a_check_ends(
    settings: Settings, tmp_path: Path, everything: Everything
) -> None:
    settings.PROBE_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)
    authority = Authority(tmp_path)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(answering(response("503 No", b"fine"))))
        reset, echo = stack.enter_context(Server(Peer.reset)), stack.enter_context(Server(garbage))
        away = stack.enter_context(Server(answering(redirect("javascript:alert(1)"))))
        elsewhere = stack.enter_context(Server(answering(redirect(f"http://you:{PASSWORD}@127.0.0.2:1/"))))
        contexts = (self_signed_context(tmp_path, "127.0.0.1"), authority.context("elsewhere.example"))
        secured = [stack.enter_context(Server(answering(response(body=b"fine")), tls=tls)) for tls in contexts]
        websites = [
            kept(f"http://127.0.0.1:{stack.enter_context(refusing_port())}/"),
            *(kept(server.url(path)) for path in ("/", "/other")),
            kept(server.url("/post"), method="POST", request_body=CONTENT, http_auth=http_auth.seal(f"Bearer {TOKEN}")),
            *(kept(failing.url(), regex="(?s).+") for failing in (reset, echo, away, elsewhere)),
            *(kept(failing.url("/strict")) for failing in secured),
            *(kept(failing.url("/loose"), verify_tls=False) for failing in secured),
            kept("http://no-such-name.invalid/"),
            kept("http://192.0.2.1/"),
            # Written past the checks.
            kept(server.url("/broken"), request_headers=f"X-Api-Key {KEY}"),
            kept(server.url("/lost"), http_auth=http_auth.seal(f"Basic me:{PASSWORD}")[:-4]),
        ]
        run(websites)
    # They were sent, so there was something to hide.
    sent = b"".join(server.requests)
    assert all(secret.encode() in sent for secret in (KEY, TOKEN, SECRETS[1]))
    rows = list(MonitoringData.objects.values())
    assert {row["error"] for row in rows} >= {
        "refused",
        "invalid_response",
        "bad_redirect",
        "tls",
        "dns",
        "internal",
        "",
    }
    assert_kept(repr(rows))
    assert_kept(repr(list(WebsiteState.objects.values())) + repr(list(Certificate.objects.values())))
    for line in everything.lines:
        assert_kept(line)


def test_s4_a_fault_of_our_own_is_logged_without_secrets(
    settings: Settings, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROBE_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)

    def fail(transfer: Transfer, *_: object) -> None:
        raise ValueError(f"the fault of {transfer.request!r}")

    monkeypatch.setattr(Transfer, "exchange", fail)
    with Server(answering(response())) as server:
        run([kept(server.url(), method="POST", request_body=CONTENT)])
    assert MonitoringData.objects.get().error == "internal"
    assert_kept(repr(list(MonitoringData.objects.values())))
    (line,) = [line for line in everything.lines if "the fault of ProbeRequest(url='http" in line]
    assert "RequestOptions(method='POST'" in line
    assert_kept(line)


def test_s4_beat_sends_no_secrets(everything: Everything) -> None:
    website = kept("http://127.0.0.1/", method="POST", request_body=CONTENT)
    bench = Bench()
    try:
        bench.tick_until(lambda: bench.checked() == [website.pk])
        (message,) = bench.of("monitoring.tasks.check_batch")
    finally:
        bench.close()
    for part in (message.body, message.payload, message.headers, message.properties, message.delivery_info):
        assert_kept(repr(part))
    assert str(django_settings.SECRET_KEY) not in repr(message.body)
    for line in everything.lines:
        assert_kept(line)
