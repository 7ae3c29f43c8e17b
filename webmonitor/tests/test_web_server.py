import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bench import slow_clients
from bench.habits import LARGE, Crowd
from webmonitor import connections, web_server
from webmonitor.connections import HEAD_MAX, THREADS
from webmonitor.tests.product import wait_for
from webmonitor.tests.served import Served, WebServer, everything, exchange

GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /mine HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BODY = b'{"website_url": "http://a.example"}'
# More than the system takes for a client that does not read.
LARGE_BODY = b"x" * 8_000_000


def mirror(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Tells what it was asked; much, at the path for that."""
    names = ("REQUEST_METHOD", "PATH_INFO", "REMOTE_ADDR", "CONTENT_LENGTH", "HTTP_X_FORWARDED_FOR", "wsgi.url_scheme")
    seen = {name: environ.get(name) for name in names} | {"body": environ["wsgi.input"].read().decode()}
    body = LARGE_BODY if environ["PATH_INFO"] == "/large" else json.dumps(seen).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served(mirror) as server:
        yield server


def is_closed(client: socket.socket) -> bool:
    """Whether the other side has closed; what it sent before is passed over."""
    client.setblocking(False)
    try:
        return not everything(client)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        client.setblocking(True)


# --- Requests --------------------------------------------------------------------------


def test_a_body_in_chunks_is_taken_like_any_other(served: Served) -> None:
    chunks = b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:])
    head, body = exchange(served.address, "POST", "/", "Transfer-Encoding: chunked", body=chunks)
    assert head.startswith(b"HTTP/1.1 200 ")
    seen = json.loads(body)
    assert (seen["body"], seen["CONTENT_LENGTH"]) == (BODY.decode(), str(len(BODY)))


def test_what_proxies_wrote_is_left_to_django(served: Served) -> None:
    sent = ("X-Forwarded-For: 192.0.2.1, 192.0.2.2", "X-Forwarded-Proto: https")
    seen = json.loads(exchange(served.address, "GET", "/", *sent)[1])
    assert seen["HTTP_X_FORWARDED_FOR"] == "192.0.2.1, 192.0.2.2"
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == ("127.0.0.1", "http")


def test_requests_that_come_at_once_are_answered_in_their_order(served: Served) -> None:
    with served.connect(b"".join(GET % path for path in (b"/1", b"/large", b"/3")) + GET[:-4] % b"/4") as client:
        client.sendall(b"\r\nConnection: close\r\n\r\n")
        answers = everything(client)
    assert re.findall(rb'"PATH_INFO": "(/\d)"', answers) == [b"/1", b"/3", b"/4"]
    assert answers.count(b"HTTP/1.1 200 OK") == 4


def test_a_client_that_waits_to_be_told_to_go_on_is_told(served: Served) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    with served.connect(head) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(BODY)
        # Head and body may come one after the other.
        answer = b""
        while BODY not in answer.replace(b"\\", b"") and (more := client.recv(65_536)):
            answer += more
        assert BODY in answer.replace(b"\\", b"")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: ".ljust(HEAD_MAX, b"x"), b"431", id="large head"),
        pytest.param(b"GET /".ljust(HEAD_MAX, b"x"), b"431", id="long line"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n", b"413", id="large body"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400", id="negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400", id="two lengths"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400", id="no chunk"),
        pytest.param(b"GET / HTTP/1.1\r\nX : y\r\n\r\n", b"400", id="space in a name"),
        pytest.param(b"nonsense\r\n\r\n", b"400", id="no request line"),
    ],
)
def test_what_is_no_request_is_refused(served: Served, sent: bytes, status: bytes) -> None:
    with served.connect(sent) as client:
        assert everything(client).split()[1] == status


# --- Slow clients ------------------------------------------------------------------------


def test_who_never_reads_keeps_no_thread(served: Served) -> None:
    deaf = [served.connect(GET % b"/large" * 50) for _ in range(THREADS)]

    def wait() -> int:
        return sum(connection.postponed for connection in list(served.server.active_channels.values()))

    # Their second requests wait for their first answers to be read.
    wait_for(lambda: wait() == THREADS, 10)
    assert exchange(served.address, "GET", "/")[0].startswith(b"HTTP/1.1 200 ")
    for client in deaf:
        client.close()


def test_whether_the_process_is_alive_is_answered_while_all_threads_are_busy() -> None:
    go_on, busy = threading.Event(), threading.Semaphore(0)

    def busy_elsewhere(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] not in ("/healthz", "/healthz/"):
            busy.release()
            go_on.wait(30)
        return mirror(environ, start_response)

    with Served(busy_elsewhere) as server:
        # What comes behind such a question takes one of the other threads.
        clients = [server.connect(GET % b"/healthz" + GET % b"/slow") for _ in range(THREADS + 1)]
        try:
            assert all(busy.acquire(timeout=10) for _ in range(THREADS))
            for method, path in (("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/healthz/?a=b")):
                assert exchange(server.address, method, path)[0].startswith(b"HTTP/1.1 200 ")
        finally:
            go_on.set()
        for client in clients:
            client.close()


def test_the_longest_waiting_make_room_for_new_ones() -> None:
    with Served(mirror, connections_max=10) as served:
        first = [served.connect() for _ in range(5)]
        first += [served.connect(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx") for _ in range(5)]
        wait_for(lambda: len(served.server.active_channels) == 10, 10)
        second = [served.connect(b"GET / HT") for _ in range(10)]
        wait_for(lambda: all(map(is_closed, first)), 10)
        assert not any(map(is_closed, second))
        assert exchange(served.address, "GET", "/")[0].startswith(b"HTTP/1.1 200 ")
        for client in (*first, *second):
            client.close()


def test_who_waits_for_an_answer_does_not_make_room() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        begun.set()
        assert go_on.wait(30)
        return mirror(environ, start_response)

    with Served(slow, connections_max=2) as served, served.connect(LAST) as client:
        assert begun.wait(30)
        idle = [served.connect() for _ in range(20)]
        wait_for(lambda: sum(map(is_closed, idle)) >= 18, 10)
        go_on.set()
        assert b'"PATH_INFO": "/mine"' in everything(client)
        for other in idle:
            other.close()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nX-Slow: ", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx", GET % b"/large"],
    ids=["silent", "unfinished head", "unfinished body", "deaf"],
)
def test_a_client_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    with Served(mirror) as served, served.connect(sent) as client:
        wait_for(lambda: len(served.server.active_channels) == 1, 10)
        monkeypatch.setattr(connections, "WAIT_MAX", 0.5)
        wait_for(lambda: not served.server.active_channels, 10)
        assert b"HTTP/1.1" not in everything(client)[20:]


def test_a_request_that_takes_its_time_is_answered(served: Served) -> None:
    with served.connect(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nx") as client:
        looked_at = served.server.next_channel_cleanup
        wait_for(lambda: served.server.next_channel_cleanup > looked_at + 1.0, 10)
        client.sendall(b"y")
        assert b'"body": "xy"' in everything(client)


def test_bytes_that_trickle_in_do_not_win_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WAIT_MAX", 1.0)
    with Served(mirror) as served, Crowd(served.address[1], {"trickling": 1}) as clients:
        wait_for(lambda: clients.connections == 1, 10)
        wait_for(lambda: not served.server.active_channels, 10)


def test_no_more_than_so_much_is_kept_for_slow_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    with Served(mirror) as served:
        deaf = [served.connect(GET % b"/large") for _ in range(3)]
        idle = served.connect()
        wait_for(lambda: len(served.server.active_channels) == 4, 10)
        monkeypatch.setattr(connections, "HELD_MAX", 10_000_000)
        wait_for(lambda: len(served.server.active_channels) < 4, 10)
        assert sum(connection.held for connection in list(served.server.active_channels.values())) <= 10_000_000
        assert not is_closed(idle)
        for client in (*deaf, idle):
            client.close()


def test_what_runs_is_answered_before_the_end_and_the_rest_is_closed() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        begun.set()
        assert go_on.wait(30)
        return mirror(environ, start_response)

    with Served(slow) as served, served.connect(GET % b"/large") as client, served.connect() as idle:
        assert begun.wait(30)
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(served.stop)
            assert everything(idle) == b""
            with pytest.raises(ConnectionRefusedError):
                served.connect()
            go_on.set()
            assert everything(client).endswith(LARGE_BODY)
            stopping.result()


# --- The process -------------------------------------------------------------------------


@pytest.fixture
def start(clean_environment: dict[str, str]) -> Iterator[Callable[..., WebServer]]:
    started: list[WebServer] = []

    def start(host: str = "127.0.0.1", **changes: str) -> WebServer:
        started.append(WebServer(clean_environment | changes, host))
        return started[-1]

    yield start
    for server in started:
        if server.process.returncode is None:
            print(server.stop())


def test_hundreds_of_slow_clients_hold_up_nobody(start: Callable[..., WebServer]) -> None:
    server = start(WEB_CONCURRENCY="")
    numbers = {"trickling": 200, "silent": 100, "unfinished": 50, "deaf": 20}
    assert exchange(server.address, "GET", LARGE)[0].startswith(b"HTTP/1.1 200 ")
    with Crowd(server.address[1], numbers) as clients:
        wait_for(lambda: clients.connections >= sum(numbers.values()), 30)
        base = f"http://127.0.0.1:{server.address[1]}"
        served = slow_clients.ask(base, ["/healthz", "/docs"], 3.0, slow_clients.Served(""), None)
        assert served.failures == []
        assert server.stop() == ""
    assert server.process.returncode == 0
    assert clients.connections == sum(numbers.values())


def test_more_clients_than_descriptors_hold_up_nobody(start: Callable[..., WebServer]) -> None:
    server = start()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    idle = [socket.create_connection(server.address) for _ in range(200)]
    assert server.send("GET", "/healthz")[0].startswith(b"HTTP/1.1 200 ")
    for client in idle:
        client.close()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def test_several_processes_share_the_work_and_one_that_dies_is_replaced(start: Callable[..., WebServer]) -> None:
    server = start(WEB_CONCURRENCY="2", LOG_FORMAT="json")
    wait_for(lambda: len(children(server.process.pid)) == 2, 10)
    first = children(server.process.pid)
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: first[0] not in (now := children(server.process.pid)) and len(now) == 2, 10)
    for _ in range(20):
        assert server.send("GET", "/healthz")[0].startswith(b"HTTP/1.1 200 ")
    last = children(server.process.pid)
    lines = [json.loads(line)["event"] for line in server.stop().splitlines()]
    assert server.process.returncode == 0
    assert lines == ["web process 1 died (SIGKILL) and is started again.", "Stopping."]
    assert not [pid for pid in last if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("host", ["::1", "localhost", "0.0.0.0", "::"])
def test_it_listens_where_it_is_told(host: str) -> None:
    with web_server.listen(host, 0) as listener:
        port = listener.getsockname()[1]
        reached = {"::1": "::1"}.get(host, "127.0.0.1")
        socket.create_connection((reached, port)).close()


def test_an_address_that_is_taken_is_named(clean_environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "webmonitor.web_server"],
            cwd=settings.BASE_DIR,
            env=clean_environment | {"PORT": port},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"webmonitor cannot listen at 127.0.0.1, port {port}: Address already in use.\n"
