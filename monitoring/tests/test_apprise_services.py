"""What services get by way of Apprise, and which of them a channel may lead to."""

import inspect
import logging
import re
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from apprise import NotificationManager
from django.core.exceptions import ValidationError

from monitoring.notifications.apprise_services import LOCAL, RAW_HTTP
from monitoring.notifications.messages import Kind, Receipt
from monitoring.notifications.senders import check_target, send
from monitoring.tests import hostile
from monitoring.tests.receivers import LOOPBACK, MESSAGE, posts, taking, whole_log
from monitoring.tests.servers import Peer, Script, Server, answering, redirect, refusing_port, response
from monitoring.tests.services import DISCORD, World

TOKEN = "t0psecret"
UNANSWERED = Receipt(False, "The service did not answer in 0.5 s.")


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK


def sent(url: str, seconds: float = 20.0) -> Receipt:
    return send(Kind.APPRISE, url, "", MESSAGE, seconds)


def gotify(server: Server, options: str = "") -> str:
    return f"gotify://127.0.0.1:{server.port}/{TOKEN}{options}"


def ntfy(server: Server) -> str:
    return f"ntfy://127.0.0.1:{server.port}/{TOKEN}"


def mailto(server: Server) -> str:
    people = "from=ann@example.org&to=bob@example.org"
    return f"mailto://ann:{TOKEN}@127.0.0.1:{server.port}?mode=insecure&{people}"


def test_gotify_gets_the_message_as_it_is() -> None:
    with Server(taking()) as server:
        assert sent(gotify(server, "?emojis=yes")) == Receipt(True, "Gotify accepted the message.")
    [post] = posts(server)
    assert post.json()["title"] == MESSAGE.title
    assert post.json()["message"] == MESSAGE.text


def test_ntfy_gets_the_message_as_it_is() -> None:
    with Server(taking(response("200 OK", b"{}"))) as server:
        assert sent(ntfy(server)) == Receipt(True, "ntfy accepted the message.")
    [post] = posts(server)
    assert post.json()["title"] == MESSAGE.title
    assert post.json()["message"] == MESSAGE.text
    assert post.json()["topic"] == TOKEN


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_a_refusal_is_told_by_its_status(status: int) -> None:
    with Server(taking(response(f"{status} Words", b"my secret token"))) as server:
        assert sent(gotify(server)) == Receipt(False, f"Gotify answered {status}.")


def test_a_service_that_is_not_there_is_told_in_words() -> None:
    words = Receipt(False, "Gotify could not be reached.")
    with refusing_port() as port:
        assert sent(f"gotify://127.0.0.1:{port}/{TOKEN}") == words
    assert sent(f"gotify://no-such-name.invalid/{TOKEN}") == words
    with Server(Peer.finish) as server:
        assert sent(gotify(server)) == words


@pytest.mark.parametrize(
    "script", [Peer.hold, hostile.silent, hostile.drip_head, hostile.endless_continue, hostile.drip_body]
)
def test_an_attempt_ends_while_the_service_has_not_answered(script: Script) -> None:
    with Server(script) as server:
        assert sent(gotify(server), 0.5) == UNANSWERED
        assert sent(gotify(server).replace("gotify:", "gotifys:"), 0.5).is_delivered is False


def test_a_mail_server_of_a_service_ends_as_well() -> None:
    with Server(hostile.silent) as server:
        assert sent(mailto(server), 0.5) == UNANSWERED


def test_s5_an_inner_address_is_not_sent_to(settings: Any) -> None:
    settings.PROBE_ALLOWED_NETWORKS = []
    words = Receipt(False, "The address 127.0.0.1 is not in a network that may be reached.")
    with Server(taking()) as inner:
        for url in (gotify(inner), ntfy(inner), mailto(inner)):
            assert sent(url) == words
        assert inner.accepted == 0


@pytest.mark.parametrize("options", ["", "?redirect=yes"])
def test_s5_a_redirect_is_not_followed(options: str) -> None:
    with Server(taking()) as inner, Server(taking(redirect(inner.url()))) as lure:
        assert sent(gotify(lure, options)) == Receipt(False, "Gotify answered 302.")
        assert inner.accepted == 0


def test_a_url_asks_in_vain_for_more_attempts_and_for_failures_that_count_as_successes() -> None:
    with Server(taking(response("500 Words"))) as server:
        receipt = sent(gotify(server, "?retry=5&wait=0&optional=yes"))
        assert server.accepted == 1
    assert receipt == Receipt(False, "Gotify answered 500.")


@pytest.mark.parametrize(
    "answer", [response(), response("500 Words", b"t0psecret"), b"HTTP/1.1 200 OK\r\nx\r\n\r\n", b""]
)
def test_the_token_is_in_no_receipt_and_no_log(answer: bytes, settings: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with Server(answering(answer)) as server, whole_log() as log:
        logging.getLogger("apprise").warning("Nothing of this is heard: %s.", TOKEN)
        urls = (gotify(server), ntfy(server), f"ntfy://{TOKEN}:{TOKEN}@127.0.0.1:{server.port}/{TOKEN}?auth=token")
        receipts = [sent(url) for url in urls]
        settings.PROBE_ALLOWED_NETWORKS = []
        receipts += [sent(url) for url in urls]
    assert TOKEN not in str(receipts) + log.getvalue() + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "url",
    [
        "ntfy://ntfy.sh/alerts",
        "gotifys://push.example.org/AbCdEf",
        "NTFYS://ann:pass@push.example.org:8443/alerts?priority=high",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
        "mailto://ann:pass@example.org",
        "46elks://user:password@15551231234",
    ],
)
def test_a_channel_leads_to_a_service(url: str) -> None:
    check_target(Kind.APPRISE, url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "must begin with the scheme"),
        ("t0psecret", "must begin with the scheme"),
        ("ntfy:t0psecret", "must begin with the scheme"),
        ("ntfy://ntfy.sh/t0psecret ntfy://ntfy.sh/b", "Give one URL"),
        ("ntfy://ntfy.sh/t0psecret,ntfy://ntfy.sh/b", "Give one URL"),
        ("ntfy://ntfy.sh/t0psecret\nntfy://ntfy.sh/b", "Give one URL"),
        ("ntfy://ntfy.sh/t0psecret\x00", "Give one URL"),
        ("ntfy://ntfy.sh/" + "t0psecret" * 300, "longer than"),
        ("nosuch://t0psecret@example.org/", "no service with the scheme nosuch://"),
        ("file:///etc/t0psecret", "no service with the scheme file://"),
        ("https://example.org/t0psecret", "use a webhook channel"),
        ("json://example.org/t0psecret", "json:// is no service: use a webhook channel"),
        ("jsons://t0psecret@example.org/", "use a webhook channel"),
        ("xml://example.org/t0psecret", "use a webhook channel"),
        ("xmls://example.org/t0psecret", "use a webhook channel"),
        ("form://example.org/t0psecret", "use a webhook channel"),
        ("FORMS://example.org/t0psecret", "forms:// is no service"),
        ("syslog://t0psecret", "own machine"),
        ("rsyslog://t0psecret", "own machine"),
        ("dbus://", "own machine"),
        ("qt://", "own machine"),
        ("kde://", "own machine"),
        ("glib://", "own machine"),
        ("gnome://", "own machine"),
        ("macosx://", "own machine"),
        ("windows://", "own machine"),
        ("blink1://", "own machine"),
        ("vapid://ann@example.org/t0psecret", "own machine"),
        ("mqtt://t0psecret@127.0.0.1/topic", "needs software that is not installed"),
        ("gotify://t0psecret", "cannot use this gotify:// URL"),
        ("tgram://t0psecret/", "cannot use this tgram:// URL"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U?template=/etc/t0psecret.json", "may not name files"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U?template=http://127.0.0.1/t0psecret", "may not name files"),
        ("fcm://project/device?keyfile=/etc/t0psecret.json", "may not name files"),
    ],
)
def test_what_a_channel_may_not_lead_to_is_refused_in_words(url: str, words: str) -> None:
    with whole_log() as log:
        with pytest.raises(ValidationError, match=words) as refusal:
            check_target(Kind.APPRISE, url)
        assert sent(url) == Receipt(False, refusal.value.messages[0])
    assert "t0psecret" not in str(refusal.value) + log.getvalue()


def test_every_plugin_that_reaches_into_this_machine_is_refused() -> None:
    """Apprise grows with every version: this fails where a new service does more than to connect."""
    libraries = "subprocess|multiprocessing|dbus|gi|hid|syslog|winreg|win32\\w*"
    reaching = re.compile(rf"^\s*(?:from|import) (?:{libraries})\b|os\.(?:system|popen|exec)", re.MULTILINE)
    check_target(Kind.APPRISE, "ntfy://ntfy.sh/alerts")
    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]
    modules = {plugin.__module__ for plugin in manager.plugins()}
    found = {name.split(".")[2] for name in modules if reaching.search(inspect.getsource(sys.modules[name]))}
    assert found
    assert found <= set(LOCAL)
    assert {*LOCAL, *RAW_HTTP} <= {name.split(".")[2] for name in modules}


def test_what_was_not_sent_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    check_target(Kind.APPRISE, DISCORD)
    plugin: Any = NotificationManager()["discord"]  # type: ignore[no-untyped-call]
    monkeypatch.setattr(plugin, "send", lambda *_, **__: True)
    assert sent(DISCORD) == Receipt(False, "Discord was sent nothing.")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_carries_nothing_past_the_guard(
    variable: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    settings.PROBE_ALLOWED_NETWORKS = [ip_network("127.0.0.9/32")]
    with Server(taking()) as inner, Server(taking(), host="127.0.0.9") as proxy:
        monkeypatch.setenv(variable, f"http://127.0.0.9:{proxy.port}")
        for url in (gotify(inner), gotify(inner).replace("gotify:", "gotifys:")):
            assert sent(url) == Receipt(False, "The address 127.0.0.1 is not in a network that may be reached.")
        assert inner.accepted == proxy.accepted == 0


def test_a_password_of_the_environment_goes_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password t0psecret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Server(taking()) as server:
        assert sent(ntfy(server)).is_delivered
    assert "authorization" not in posts(server)[0].headers


def test_all_recipients_of_a_channel_get_the_message_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [f"1555123123{number}" for number in range(5)]
    with World(tmp_path, monkeypatch).server("api.46elks.com", taking()) as server:
        receipt = sent(f"46elks://user:password@{'/'.join(numbers)}", 2.0)
    assert receipt == Receipt(True, "46elks accepted the message.")
    assert [parse_qs(post.body.decode())["to"] for post in posts(server)] == [[number] for number in numbers[1:]]
