"""A real web server and raw bytes: test clients mend what they get."""

from collections.abc import Iterator

import pytest

from webmonitor.tests.served import WebServer


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
