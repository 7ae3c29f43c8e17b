"""A real web server and raw bytes: test clients mend what they get and know no chunks."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from bench.servers import free_port
from webmonitor.tests.product import wait_for

BODY = b'{"website_url": "http://a.example"}'
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


class WebServer:
    def __init__(self, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "webmonitor.wsgi"],
            cwd=settings.BASE_DIR,
            env=environment | {"PORT": str(self.port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wait_for(self.listens, 30)

    def listens(self) -> bool:
        assert self.process.poll() is None
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def send(self, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[bytes, bytes]:
        """Head and body of the answer, as they came."""
        head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""])
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            client.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: client.recv(65_536), b""))
        first, _, rest = answer.partition(b"\r\n\r\n")
        return first, rest

    def stop(self) -> str:
        """What it wrote; ends it where it still runs."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[0]


@pytest.fixture
def web_server(clean_environment: dict[str, str]) -> Iterator[WebServer]:
    server = WebServer(clean_environment)
    try:
        yield server
    finally:
        if server.process.returncode is None:
            print(server.stop())


def test_head_is_answered_with_the_length_and_without_the_body(web_server: WebServer) -> None:
    for path in ("/healthz", "/websites", "/nothing", "/docs", "/schema", "/static/monitoring/favicon.svg"):
        head, body = web_server.send("GET", path)
        assert body, path
        bare_head, bare_body = web_server.send("HEAD", path)
        assert bare_body == b"", path
        assert bare_head.partition(b"\r\n")[0] == head.partition(b"\r\n")[0]
        assert b"\r\nContent-Length: %d" % len(body) in bare_head, path
    assert "body bytes" not in web_server.stop()


def test_a_body_in_chunks_is_refused_with_a_sentence(web_server: WebServer) -> None:
    for method in ("POST", "PUT", "PATCH"):
        head, body = web_server.send(
            method, "/websites", "Content-Type: application/json", "Transfer-Encoding: chunked", body=CHUNKS
        )
        assert head.startswith(b"HTTP/1.1 411 ")
        assert b"\r\nX-Content-Type-Options: nosniff" in head
        assert body == b'{"detail": "Send the body with a Content-Length, not in chunks."}'


def test_a_body_that_nobody_would_read_may_come_in_chunks(web_server: WebServer) -> None:
    head, _ = web_server.send("GET", "/healthz", "Transfer-Encoding: chunked", body=CHUNKS)
    assert head.startswith(b"HTTP/1.1 200 ")
    head, _ = web_server.send("POST", "/websites", "Content-Length: 0")
    assert head.startswith(b"HTTP/1.1 401 ")
