"""What a mail server gets, and what is made of its answers."""

import base64
import hashlib
import hmac
import socket
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail.utils import DNS_NAME

from monitoring.notifications.mail import ADDRESSES_MAX, read_addresses
from monitoring.notifications.mail_backend import introduce
from monitoring.notifications.messages import Kind, Receipt
from monitoring.notifications.senders import check_target, send
from monitoring.tests.receivers import MESSAGE, MailServer, speaking, whole_log
from monitoring.tests.servers import Peer, Script, Server, refusing_port, self_signed_context

PASSWORD = "t0psecret"
CRAM = hmac.new("pä".encode(), b"<1896@a>", hashlib.md5).hexdigest().encode()
ADDRESS = "ann@example.org"


@pytest.fixture(autouse=True)
def _a_mail_server_is_set(settings: Any) -> None:
    settings.EMAIL_BACKEND = "monitoring.notifications.mail_backend.Backend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.DEFAULT_FROM_EMAIL = "Monitor <monitor@example.net>"


def listening(heard: list[str], extension: str = "8BITMIME", challenges: Sequence[str] = ()) -> Script:
    """A mail server that takes everything and keeps what it is told; of a login it asks these things first."""
    questions = list(challenges)

    def answer(line: str) -> bytes:
        word = line.split(" ", maxsplit=1)[0].upper()
        if word == "EHLO":
            return f"250-here\r\n250 {extension}".encode()
        if word == "DATA":
            return b"354 go on"
        if questions and word == "AUTH":
            return f"334 {questions.pop(0)}".encode()
        return b"250 fine" if word in ("MAIL", "RCPT", ".", "QUIT") else b"235 welcome"

    def script(peer: Peer) -> None:
        peer.send(b"220 here\r\n")
        in_message = False
        with peer.connection.makefile("rb") as lines:
            for raw in lines:
                line = raw.decode().rstrip()
                in_message = in_message and line != "."
                if in_message:
                    continue
                heard.append(line)
                peer.send(answer(line) + b"\r\n")
                in_message = line.upper() == "DATA"

    return script


def sent(settings: Any, port: int, addresses: str = ADDRESS, seconds: float = 20.0) -> Receipt:
    settings.EMAIL_PORT = port
    return send(Kind.EMAIL, addresses, "", MESSAGE, seconds)


def received(settings: Any, addresses: str) -> tuple[list[str], EmailMessage]:
    """Whom the server was to hand it to, and what."""
    with MailServer() as server:
        assert sent(settings, server.port, addresses) == Receipt(True, "The mail server accepted the message.")
    [envelope] = server.envelopes
    assert isinstance(envelope.content, bytes)
    return envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)


def test_one_person_gets_a_message_of_their_own(settings: Any) -> None:
    recipients, mail = received(settings, ADDRESS)
    assert recipients == [ADDRESS]
    assert mail["To"] == ADDRESS
    assert mail["From"] == "Monitor <monitor@example.net>"
    assert mail["Subject"] == MESSAGE.title
    assert mail["X-Webmonitor-Key"] == MESSAGE.key
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == MESSAGE.text.splitlines()


def test_several_people_do_not_see_each_other(settings: Any) -> None:
    recipients, mail = received(settings, "ann@example.org, bob@example.org\ncay@example.com")
    assert recipients == ["ann@example.org", "bob@example.org", "cay@example.com"]
    assert mail["To"] == "undisclosed-recipients:;"
    assert not [name for name, value in mail.items() if "@example.org" in str(value)]


def test_every_attempt_has_the_same_message_id(settings: Any) -> None:
    first, second = (received(settings, ADDRESS)[1]["Message-ID"] for _ in range(2))
    assert first == second
    assert first.endswith("@example.net>")


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (("monitor.example.org", "host.example.com", "ann@example.net"), "monitor.example.org"),
        (("[192.0.2.1]", "host.example.com", "ann@example.net"), "[192.0.2.1]"),
        (("", "host.example.com", "Monitor <ann@example.net>"), "host.example.com"),
        (("", "3f2a9c1b7d10", "Monitor <ann@example.net>"), "example.net"),
        (("", "3f2a9c1b7d10", "ann@käse.example"), "xn--kse-qla.example"),
        (("", "3f2a9c1b7d10", "webmonitor@localhost"), "[127.0.0.1]"),
    ],
)
def test_a_mail_server_is_told_a_name_with_a_dot(
    known: tuple[str, str, str], name: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_HELO, machine, settings.DEFAULT_FROM_EMAIL = known
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    monkeypatch.setattr(DNS_NAME, "_fqdn", "localhost", raising=False)
    introduce()
    heard: list[str] = []
    with Server(listening(heard)) as server:
        assert sent(settings, server.port).is_delivered
    assert heard[0] == f"ehlo {name}"


@pytest.mark.parametrize(
    ("offered", "challenges", "told"),
    [
        ("PLAIN", [], ["AUTH PLAIN " + base64.b64encode("\0ann\0pä".encode()).decode()]),
        ("LOGIN XOAUTH2", ["UGFzc3dvcmQ6"], ["AUTH LOGIN YW5u", base64.b64encode("pä".encode()).decode()]),
        (
            "CRAM-MD5",
            ["PDE4OTZAYT4="],
            ["AUTH CRAM-MD5", base64.b64encode(b"ann " + CRAM).decode()],
        ),
    ],
)
def test_a_password_may_have_any_letters(offered: str, challenges: list[str], told: list[str], settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ann", "pä"
    heard: list[str] = []
    with Server(listening(heard, f"AUTH {offered}", challenges)) as server:
        assert sent(settings, server.port).is_delivered
    assert [line for line in heard if line.startswith("AUTH") or line in told] == told


def test_a_server_that_offers_no_known_login_is_told_as_such(settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ann", PASSWORD
    with Server(listening([], "AUTH XOAUTH2 OAUTHBEARER")) as server:
        receipt = sent(settings, server.port)
    words = "The mail server offers no login that the monitor knows: CRAM-MD5, LOGIN, PLAIN."
    assert receipt == Receipt(False, words)


def test_without_a_mail_server_nothing_is_sent(settings: Any) -> None:
    settings.EMAIL_HOST = ""
    assert sent(settings, 25) == Receipt(False, "No mail server is configured: set EMAIL_HOST.")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"": "554 not you"}, "refused the connection (554)"),
        ({"EHLO": "550 not you", "HELO": "550 not you"}, "refused the message (550)"),
        ({"MAIL": "501 not from there"}, "refused the sender's address (501)"),
        ({"RCPT": "550 no such mailbox"}, "refused every address (550)"),
        ({"RCPT": "421 too many"}, "refused every address (421)"),
        ({"DATA": "451 not now"}, "refused the message (451)"),
        ({".": "554 spam"}, "refused the message (554)"),
        ({"": "no SMTP at all"}, "refused the connection (-1)"),
        ({"MAIL": "2"}, "refused the sender's address"),
    ],
)
def test_a_refusal_is_told_in_words(answers: dict[str, str], words: str, settings: Any) -> None:
    with Server(speaking(answers)) as server:
        receipt = sent(settings, server.port)
    assert not receipt.is_delivered
    assert words in receipt.detail


def refuses_bob(peer: Peer) -> None:
    peer.send(b"220 here\r\n")
    in_message = False
    with peer.connection.makefile("rb") as lines:
        for line in lines:
            word = line.split(b" ", 1)[0].strip().upper()
            in_message = in_message and word != b"."
            if in_message:
                continue
            in_message = word == b"DATA"
            answer = b"354 go on" if in_message else b"451 later" if b"bob@" in line else b"250 fine"
            peer.send(answer + b"\r\n")


def test_an_address_that_is_refused_while_others_are_taken_is_told(settings: Any) -> None:
    with Server(refuses_bob) as server:
        receipt = sent(settings, server.port, "ann@example.org, bob@example.org, cay@example.org")
    words = "The mail server accepted the message, but refused 1 of 3 addresses (451)."
    assert receipt == Receipt(True, words)


def test_a_login_that_is_refused_tells_no_password(settings: Any) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "monitor", PASSWORD
    with Server(speaking({"AUTH": f"535 not {PASSWORD}"}, extensions="AUTH PLAIN LOGIN")) as server, whole_log() as log:
        receipt = sent(settings, server.port)
    assert receipt == Receipt(False, "The mail server refused the user name and password (535).")
    assert PASSWORD not in log.getvalue()


def test_what_the_settings_ask_for_must_be_there(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_USE_TLS = True
    with Server(speaking()) as server:
        assert "does not offer what the settings ask for" in sent(settings, server.port).detail
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = False, True
    with Server(speaking(), tls=self_signed_context(tmp_path, "127.0.0.1")) as server:
        assert "has no valid certificate" in sent(settings, server.port).detail


def test_a_mail_server_that_is_not_there_is_told_in_words(settings: Any) -> None:
    with refusing_port() as port:
        assert sent(settings, port) == Receipt(False, "The mail server could not be connected to.")
    with Server(Peer.finish) as server:
        assert sent(settings, server.port) == Receipt(False, "The mail server closed the connection.")
    settings.EMAIL_HOST = "no-such-name.invalid"
    assert sent(settings, 25) == Receipt(False, "The mail server has a name that could not be looked up.")


def drips_its_greeting(peer: Peer) -> None:
    peer.drip(b"220-" + b"x" * 10_000)


def drips_an_answer(peer: Peer) -> None:
    peer.send(b"220 here\r\n")
    peer.first_bytes()
    peer.drip(b"250-" + b"x" * 10_000)


def endless_answer(peer: Peer) -> None:
    peer.send(b"220 here\r\n")
    while not peer.server.closing.wait(0.01):
        peer.send(b"250-and more\r\n")


@pytest.mark.parametrize("script", [Peer.hold, drips_its_greeting, drips_an_answer, endless_answer])
def test_an_attempt_ends_while_the_mail_server_has_not_answered(script: Script, settings: Any) -> None:
    with Server(script) as server:
        receipt = sent(settings, server.port, seconds=0.5)
    assert receipt == Receipt(False, "The mail server did not answer in 0.5 s.")


def test_what_was_accepted_stays_so_however_the_farewell_goes(settings: Any) -> None:
    def silent_after_the_message(peer: Peer) -> None:
        for answer in (b"220 here", b"250 fine", b"250 fine", b"250 fine", b"354 go on", b"250 accepted"):
            peer.send(answer + b"\r\n")
            words = peer.first_bytes()
            while answer.startswith(b"354") and not words.endswith(b"\r\n.\r\n"):
                words += peer.first_bytes()
        peer.hold()

    with Server(silent_after_the_message) as server:
        assert sent(settings, server.port, seconds=1.0).is_delivered


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("ann@example.org", ["ann@example.org"]),
        (" ann@example.org ,\r\n bob@example.org,, ", ["ann@example.org", "bob@example.org"]),
        ("ann@example.org\nann@example.org", ["ann@example.org"]),
        ("ann@käse.example", ["ann@käse.example"]),
    ],
)
def test_addresses_have_commas_or_line_ends_between_them(text: str, addresses: list[str]) -> None:
    assert read_addresses(text) == addresses
    check_target(Kind.EMAIL, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Give 1 to 20"),
        (" ,\n", "Give 1 to 20"),
        (",".join(f"p{number}@example.org" for number in range(ADDRESSES_MAX + 1)), "Give 1 to 20"),
        ("ann", "no e-mail address: 'ann'"),
        ("ann@example.org, bob@", "no e-mail address: 'bob@'"),
        ("Ann <ann@example.org>", "no e-mail address"),
        ("ann@example.org\nBcc: eve@example.org", "no e-mail address"),
        ("ann@example.org\x0bBcc: eve@example.org", "no e-mail address"),
        ('"a\x01b"@example.org', "no e-mail address"),
        ("ann@example.org\u2028", "no e-mail address"),
        ("x" * 10_000 + "@example.org", "no e-mail address"),
    ],
)
def test_what_are_no_addresses_is_refused_in_words(text: str, words: str, settings: Any) -> None:
    with pytest.raises(ValidationError, match=words) as refusal:
        check_target(Kind.EMAIL, text)
    assert len(refusal.value.messages[0]) < 200
    assert sent(settings, 25, text) == Receipt(False, refusal.value.messages[0])
