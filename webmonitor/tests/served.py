"""Web servers of a test's own: the real process, and its server around a small application; spoken to in raw bytes."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

from bench.servers import free_port
from webmonitor.connections import Server
from webmonitor.tests.product import wait_for

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WebServer:
    """The web process as people start it."""

    def __init__(self, environment: dict[str, str], host: str = "127.0.0.1") -> None:
        self.address = (host, free_port())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webmonitor.web_server"],
            cwd=settings.BASE_DIR,
            env=environment | {"HOST": host, "PORT": str(self.address[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wait_for(self.listens, 30)

    def listens(self) -> bool:
        assert self.process.poll() is None, self.stop()
        try:
            socket.create_connection(self.address).close()
        except ConnectionRefusedError:
            return False
        return True

    def send(self, method: str, path: str, *headers: str, body: bytes = b"") -> tuple[bytes, bytes]:
        """Head and body of the answer, as they came."""
        return exchange(self.address, method, path, *headers, body=body)

    def stop(self) -> str:
        """What it wrote; ends it where it still runs."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[0]


class Served:
    """The product's server around an application, in a thread, for as long as the block lasts."""

    def __init__(self, application: Application, connections_max: int = 100) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self.server = Server(application, self._listener, connections_max)
        self.is_stopping = threading.Event()
        self._thread = threading.Thread(target=self.server.serve, args=(self.is_stopping.is_set,))

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.is_stopping.set()
        if self._thread.is_alive():
            self.server.pull_trigger()
            self._thread.join()
            self.server.task_dispatcher.shutdown()
            self.server.alive_dispatcher.shutdown()
            self.server.trigger.close()

    def connect(self, sent: bytes = b"") -> socket.socket:
        """A client that has sent this, for which the system takes little as long as it does not read."""
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(socket.socket())
            client.settimeout(30)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(self.address)
            client.sendall(sent)
            stack.pop_all()
        return client


def exchange(address: tuple[str, int], method: str, path: str, *headers: str, body: bytes = b"") -> tuple[bytes, bytes]:
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""])
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(head.encode() + body)
        answer = everything(client)
    first, _, rest = answer.partition(b"\r\n\r\n")
    return first, rest


def everything(client: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: client.recv(65_536), b""))
