"""Services of the world, played by one server on loopback: their names lead to it, and it has their certificates."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests.adapters

from monitoring.notifications.messages import Kind, Message, Receipt
from monitoring.notifications.senders import send
from monitoring.tests.receivers import Post, posts, taking
from monitoring.tests.servers import Authority, Peer, Script, Server, response

DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"


def accepting(status: str, body: dict[str, Any] | None = None) -> Script:
    return taking(response(status, b"" if body is None else json.dumps(body).encode()))


class World:
    """`host` and the host that it is, on loopback; whatever else is looked up is as it is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._authority = Authority(folder)
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", self._authority.ca_file)

    def server(self, host: str, script: Callable[[Peer], None]) -> Server:
        server = Server(script, tls=self._authority.context(host))
        look_up = socket.getaddrinfo

        def found(name: Any, port: Any, *arguments: Any, **options: Any) -> Any:
            if name == host:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
            return look_up(name, port, *arguments, **options)

        self._monkeypatch.setattr(socket, "getaddrinfo", found)
        return server

    def sent(self, host: str, url: str, message: Message, answer: bytes = b"{}") -> tuple[Receipt, list[Post]]:
        """What comes of the message to a service there that answers 200, and what it gets."""
        with self.server(host, taking(response("200 OK", answer))) as server:
            receipt = send(Kind.APPRISE, url, "", message)
        return receipt, posts(server)


class Deed(NamedTuple):
    """What a service on call makes of a request: `what` is open, close or note."""

    what: str
    key: str


Reading = Callable[[str, Any], Deed]


class OnCall(NamedTuple):
    """A service that keeps incidents: how a channel leads there, and how its documentation has requests and answers."""

    url: str
    host: str
    path: str
    authorization: str | None
    read: Reading
    status: str
    answer: dict[str, Any] | None = None

    def deeds(self, server: Server) -> list[Deed]:
        return [self._deed(post) for post in posts(server)]

    def _deed(self, post: Post) -> Deed:
        method, path, _ = post.line.split(" ")
        assert method == "POST"
        assert path.startswith(self.path)
        assert post.headers.get("authorization") == self.authorization
        assert post.headers["content-type"] == "application/json"
        return self.read(path.removeprefix(self.path), post.json())


def open_incidents(deeds: list[Deed]) -> set[str]:
    """What is open after all of this; an incident is opened once, whatever is told of it afterwards."""
    found: set[str] = set()
    for what, key in deeds:
        if what == "open":
            found.add(key)
        elif what == "close":
            found.discard(key)
    return found


def _by(field: str, key: str, **deeds: str) -> Reading:
    return lambda _, body: Deed(deeds[body[field]], body[key])


def _alert(path: str, body: Any) -> Deed:
    """Opsgenie's alerts, and Jira's."""
    if not path:
        assert 0 < len(body["message"]) <= 130
        return Deed("open", body["alias"])
    identifier, _, verb = path.removeprefix("/").partition("/")
    assert body["note"]
    return Deed({"close?identifierType=alias": "close", "notes?identifierType=alias": "note"}[verb], identifier)


def _pagerduty(_: str, body: Any) -> Deed:
    assert body["routing_key"] == "r0uting"
    if body["event_action"] == "trigger":
        assert 0 < len(body["payload"]["summary"]) <= 1024
        assert body["payload"]["source"]
        assert body["payload"]["severity"] in ("critical", "error", "warning", "info")
    return Deed({"trigger": "open", "resolve": "close"}[body["event_action"]], body["dedup_key"])


def _signl4(_: str, body: Any) -> Deed:
    return Deed("close" if body.get("X-S4-Status") == "resolved" else "open", body["X-S4-ExternalID"])


def _goalert(_: str, body: Any) -> Deed:
    return Deed("close" if body.get("action") == "close" else "open", body["dedup"])


QUEUED = {"result": "Request will be processed", "took": 0.1, "requestId": "43a29c5c-3dbf-4fa4-9c26-f4f71023e120"}
_KEY, _UUID = "t0psecret", "0c1c8a4e-52f5-4f0e-9d55-6f1d4b8b3a10"
ON_CALL = {
    "firehydrant": OnCall(
        f"firehydrant://{_KEY}",
        "signals.firehydrant.com",
        f"/v1/process/{_KEY}",
        None,
        _by("status", "idempotency_key", OPEN="open", CLOSED="close"),
        "202 Accepted",
    ),
    "goalert": OnCall(
        f"goalerts://on-call.example/{_UUID}",
        "on-call.example",
        "/api/v2/generic/incoming",
        f"Bearer {_UUID}",
        _goalert,
        "204 No Content",
    ),
    "ilert": OnCall(
        f"ilert://{_KEY}",
        "api.ilert.com",
        "/api/events",
        None,
        _by("eventType", "alertKey", ALERT="open", RESOLVE="close"),
        "202 Accepted",
    ),
    "incidentio": OnCall(
        f"incidentio://01SOURCE/{_KEY}",
        "api.incident.io",
        "/v2/alert_events/http/01SOURCE",
        f"Bearer {_KEY}",
        _by("status", "deduplication_key", firing="open", resolved="close"),
        "202 Accepted",
        {"status": "success"},
    ),
    "jira": OnCall(
        f"jira://{_KEY}",
        "api.atlassian.com",
        "/jsm/ops/integration/v2/alerts",
        f"GenieKey {_KEY}",
        _alert,
        "202 Accepted",
        QUEUED,
    ),
    "opsgenie": OnCall(
        f"opsgenie://{_KEY}/@ann/%23team",
        "api.opsgenie.com",
        "/v2/alerts",
        f"GenieKey {_KEY}",
        _alert,
        "202 Accepted",
        QUEUED,
    ),
    "opsimate": OnCall(
        f"opsimates://{_KEY}@on-call.example",
        "on-call.example",
        "/api/v1/alerts/custom",
        None,
        _by("status", "id", firing="open", resolved="close"),
        "200 OK",
    ),
    "pagerduty": OnCall(
        f"pagerduty://r0uting@{_KEY}",
        "events.pagerduty.com",
        "/v2/enqueue",
        f"Token token={_KEY}",
        _pagerduty,
        "202 Accepted",
        {"status": "success", "message": "Event processed", "dedup_key": "k"},
    ),
    "pagertree": OnCall(
        f"pagertree://int_{_KEY}",
        "api.pagertree.com",
        f"/integration/int_{_KEY}",
        None,
        _by("event_type", "id", create="open", resolve="close"),
        "200 OK",
    ),
    "signl4": OnCall(
        f"signl4://{_KEY}", "connect.signl4.com", f"/webhook/{_KEY}/", None, _signl4, "201 Created", {"eventId": "1"}
    ),
    "splunk": OnCall(
        f"splunk://route@{_KEY}",
        "alert.victorops.com",
        f"/integrations/generic/20131114/alert/{_KEY}/route",
        None,
        _by("message_type", "entity_id", CRITICAL="open", WARNING="open", INFO="note", RECOVERY="close"),
        "200 OK",
        {"result": "success", "entity_id": "k"},
    ),
    "squadcast": OnCall(
        f"squadcast://{_KEY}",
        "api.squadcast.com",
        f"/v2/incidents/api/{_KEY}",
        None,
        _by("status", "event_id", trigger="open", resolve="close"),
        "202 Accepted",
    ),
}
