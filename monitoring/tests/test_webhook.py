"""What a webhook's receiver gets, and what is made of its answer."""

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from monitoring.notifications.messages import RETRY_AFTER_MAX, Kind, Receipt
from monitoring.notifications.senders import check_target, send
from monitoring.notifications.webhook import retry_after, signature
from monitoring.tests import hostile
from monitoring.tests.receivers import LOOPBACK, MESSAGE, posts, taking, whole_log
from monitoring.tests.servers import (
    Peer,
    Script,
    Server,
    answering,
    endless,
    redirect,
    refusing_port,
    response,
    self_signed_context,
)
from monitoring.tests.test_probe_guard import SPELLINGS, loopback_listeners

SECRET = "whsec_Zq8v"
UNANSWERED = Receipt(False, "The receiver did not answer in 0.5 s.")


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK


def sent(url: str, seconds: float = 20.0) -> Receipt:
    return send(Kind.WEBHOOK, url, SECRET, MESSAGE, seconds)


def test_a_receiver_gets_the_payload_signed(settings: Any) -> None:
    before = int(time.time())
    with Server(taking()) as server:
        assert sent(server.url("/hook?to=ops")) == Receipt(True, "The receiver answered 200.")
    [post] = posts(server)
    assert post.line == "POST /hook?to=ops HTTP/1.1"
    assert post.body == '{"event":"began","website":{"name":"Käse & <Brot>"}}'.encode()
    timestamp = post.headers["webmonitor-timestamp"]
    assert before <= int(timestamp) <= time.time()
    digest = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + post.body, hashlib.sha256).hexdigest()
    assert post.headers["webmonitor-signature"] == f"v1={digest}"
    assert post.headers["idempotency-key"] == MESSAGE.key
    assert post.headers["content-type"] == "application/json"
    assert post.headers["user-agent"].startswith(f"webmonitor/{settings.VERSION}")


def test_the_signature_is_the_one_that_other_programs_compute() -> None:
    # printf '1700000000.{"a":"ä"}' | openssl dgst -sha256 -hmac whsec_key
    digest = "18804011217ae1dda3535f343fd375f935903f1889d23d86d7c7838631243e5e"
    assert signature("whsec_key", 1_700_000_000, '{"a":"ä"}'.encode()) == f"v1={digest}"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_message_is_delivered_where_the_receiver_says_so(status: int) -> None:
    with Server(taking(response(f"{status} Words"))) as server:
        assert sent(server.url()) == Receipt(True, f"The receiver answered {status}.")


@pytest.mark.parametrize("announced", ["100 Continue", "102 Processing", "103 Early Hints", "199 Soon"])
@pytest.mark.parametrize(("status", "is_delivered"), [("200 OK", True), ("503 Busy", False)])
def test_what_announces_an_answer_is_none(announced: str, status: str, is_delivered: bool) -> None:
    before = f"HTTP/1.1 {announced}\r\nLink: </style.css>\r\n\r\n".encode()
    with Server(taking(before * 3 + response(status))) as server:
        receipt = sent(server.url())
    assert receipt == Receipt(is_delivered, f"The receiver answered {status[:3]}.")


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503, 599])
def test_any_other_answer_is_a_failure(status: int) -> None:
    with Server(taking(response(f"{status} Words", b"my secret token"))) as server:
        assert sent(server.url()) == Receipt(False, f"The receiver answered {status}.")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with (
        Server(taking()) as inner,
        Server(taking(redirect(inner.url(), f"{status} Elsewhere"))) as lure,
    ):
        assert sent(lure.url()) == Receipt(False, f"The receiver answered {status}: redirects are not followed.")
        assert inner.accepted == 0


@pytest.mark.parametrize(("status", "pause"), [(429, 30.0), (503, 30.0), (500, None), (200, None)])
def test_who_is_busy_says_when_to_come_again(status: int, pause: float | None) -> None:
    with Server(taking(response(f"{status} Words", b"", "Retry-After: 30"))) as server:
        assert sent(server.url()).retry_after == pause


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("86401", 86_400),
        ("9" * 1000, 86_400),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_a_pause_is_a_day_at_most(value: str, pause: float) -> None:
    assert retry_after(value) == pause


def test_a_pause_may_be_a_date() -> None:
    pause = retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert pause is not None
    assert 0 < pause <= 3600


@pytest.mark.parametrize("value", ["", "-1", "1.5", "soon", "٣", "Sun, 06 Nov 1994", "Fri, 31 Feb 2025 00:00:00 GMT"])
def test_what_is_no_pause_is_none(value: str) -> None:
    assert retry_after(value) is None


@given(
    st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d{1,3}:\d{1,3}(:\d{1,3})? [+-]?\w{1,6}")
)
def test_no_header_makes_it_fail(value: str) -> None:
    pause = retry_after(value)
    assert pause is None or 0 <= pause <= RETRY_AFTER_MAX


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Peer.finish, "closed the connection without an answer"),
        (answering(), "closed the connection without an answer"),
        (hostile.reset_after_request, "closed the connection without an answer"),
        (hostile.greets_first, "closed the connection without an answer"),
        (answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"), "closed the connection without an answer"),
    ],
)
def test_who_does_not_speak_http_gets_no_message(script: Script, words: str) -> None:
    with Server(script) as server:
        receipt = sent(server.url())
    assert not receipt.is_delivered
    assert words in receipt.detail


def test_who_cannot_be_connected_to_gets_no_message() -> None:
    with refusing_port() as port:
        assert sent(f"http://127.0.0.1:{port}/") == Receipt(False, "The receiver could not be connected to.")
    assert sent("http://no-such-name.invalid/") == Receipt(False, "The receiver's name could not be looked up.")


def test_a_certificate_must_be_valid(tmp_path: Path) -> None:
    words = "The receiver has no valid certificate for its name, or does not speak TLS."
    with Server(taking(), tls=self_signed_context(tmp_path, "127.0.0.1")) as server:
        assert sent(server.url()) == Receipt(False, words)
        assert server.requests == []
    with Server(hostile.greets_first) as server:
        assert sent(server.url().replace("http:", "https:")) == Receipt(False, words)


@pytest.mark.parametrize(
    "script",
    [
        Peer.hold,
        hostile.silent,
        hostile.drip_head,
        hostile.head_without_end,
        hostile.endless_continue,
        hostile.endless_hints,
    ],
)
def test_an_attempt_ends_while_the_receiver_has_not_answered(script: Script) -> None:
    with Server(script) as server:
        assert sent(server.url(), 0.5) == UNANSWERED
        # In a handshake as well.
        assert sent(server.url().replace("http:", "https:"), 0.5).is_delivered is False


@pytest.mark.parametrize(
    "script",
    [
        hostile.drip_body,
        hostile.endless_trailers,
        hostile.cut_by_reset,
        endless(hostile.OK + b"\r\n", b"x" * 65_536),
        endless(hostile.OK + hostile.CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        answering(hostile.OK + hostile.CHUNKED + b"no number\r\n"),
    ],
)
def test_what_comes_after_the_answer_changes_nothing(script: Script) -> None:
    with Server(script) as server:
        assert sent(server.url(), 1.0) == Receipt(True, "The receiver answered 200.")


@pytest.mark.parametrize("host", SPELLINGS)
def test_s5_no_spelling_of_an_inner_address_is_sent_to(host: str, settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = []
    with loopback_listeners() as (four, six):
        receipt = sent(four.url(host=host))
        assert (four.accepted, six.accepted) == (0, 0)
    assert not receipt.is_delivered


def test_s5_a_refusal_names_the_address(settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = []
    words = "The address 127.0.0.1 is not in a network that may be reached."
    with Server(taking()) as inner:
        assert sent(inner.url()) == Receipt(False, words)


@pytest.mark.parametrize(
    "answer",
    [
        response(),
        response("500 Words", b"t0psecret"),
        redirect("http://127.0.0.1/t0psecret"),
        # A warning of urllib3 tells the URL.
        b"HTTP/1.1 200 OK\r\nA header without a colon\r\n\r\n",
        b"",
    ],
)
def test_the_url_and_the_secret_are_in_no_receipt_and_no_log(answer: bytes, settings: Any) -> None:
    with Server(answering(answer)) as server, whole_log() as log:
        url = server.url("/hooks/t0psecret?key=t0psecret")
        receipts = [sent(url)]
        settings.PROBE_ALLOWED_NETWORKS = []
        receipts.append(sent(url))
    for secret in ("t0psecret", SECRET):
        assert secret not in str(receipts) + log.getvalue()


def test_nothing_is_sent_unsigned() -> None:
    with Server(taking()) as server:
        receipt = send(Kind.WEBHOOK, server.url(), "", MESSAGE)
        assert server.accepted == 0
    assert receipt == Receipt(False, "The channel has no secret to sign its messages with.")


@pytest.mark.parametrize("url", ["https://example.org/hook?key=1", "http://127.0.0.1:8080", "https://käse.example/"])
def test_a_webhook_leads_to_a_url(url: str) -> None:
    check_target(Kind.WEBHOOK, url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "must begin with"),
        ("ftp://example.org/t0psecret", "must begin with"),
        ("example.org/t0psecret", "must begin with"),
        ("https://ann:t0psecret@example.org/", "knows the sender by the signature"),
        ("https://t0psecret@example.org", "knows the sender by the signature"),
        ("https://example.org/ t0psecret", "no spaces"),
        ("https://example.org:0/t0psecret", "port"),
        ("https://-/t0psecret", "host name"),
        ("https://example.org/" + "t0psecret" * 300, "longer than"),
    ],
)
def test_what_is_no_url_of_a_webhook_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refusal:
        check_target(Kind.WEBHOOK, url)
    assert "t0psecret" not in str(refusal.value)
    # And where it was stored all the same.
    assert sent(url) == Receipt(False, refusal.value.messages[0])
