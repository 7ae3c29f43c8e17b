"""The web server, `python -m webmonitor.web_server`: HOST, PORT and WEB_CONCURRENCY say where, and how often."""

import functools
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from webmonitor.connections import ACCEPTED_AT_ONCE, BACKLOG, Server
from webmonitor.environment import refuse_bad_configuration
from webmonitor.supervisor import Child, Supervisor, before_program

logger = logging.getLogger(__name__)

# Of one process: each costs the loop a microsecond whenever anything happens.
CONNECTIONS_MAX = 1000
# What each connection may need: itself, and a file for what does not fit into memory.
DESCRIPTORS_EACH = 2
DESCRIPTORS_BESIDES = 100 + ACCEPTED_AT_ONCE
# Seconds that a thread computes before it makes way: a request gives way at each of its queries, and would wait so long
# each time while a large page is drawn beside it. Python's own are five times as many.
SWITCH_INTERVAL = 0.001


def listen(host: str, port: int) -> socket.socket:
    """Raises `OSError` when that address cannot be listened at."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # A name such as localhost means the older protocol first.
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    if host == "::" and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=family, backlog=BACKLOG, dualstack_ipv6=True)
    return socket.create_server(address, family=family, backlog=BACKLOG)


def load() -> Any:
    """The application with what its first request would load, kept out of the searches for garbage.

    Each would stop all threads for 0.1 s.
    """
    from django.urls import get_resolver

    from webmonitor.wsgi import application

    get_resolver().url_patterns  # noqa: B018 - read, so that it is loaded
    gc.collect()
    gc.freeze()
    return application


def room_for_connections() -> int:
    """How many one process may have, with as many descriptors as it is given."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX * DESCRIPTORS_EACH + DESCRIPTORS_BESIDES
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if now != resource.RLIM_INFINITY and now < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return max(1, (allowed - DESCRIPTORS_BESIDES) // DESCRIPTORS_EACH)


def serve(application: Any, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    server = Server(application, listener, room_for_connections())
    told: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        told.append(number)
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.serve(lambda: bool(told))


class Fork(Child):
    """A process that shares its parent's application and socket."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        super().__init__(name)
        self._run = run

    def _spawn(self) -> int:
        prepare = before_program(os.getpid())
        return os.fork() or self._become(prepare)

    def _become(self, prepare: Callable[[], None]) -> NoReturn:
        code = 1
        try:
            os.setsid()
            prepare()
            self._run()
            code = 0
        except Exception:
            logger.exception("a web process ends")
        finally:
            logging.shutdown()
            os._exit(code)


def main() -> int:
    with refuse_bad_configuration():
        from webmonitor import settings
    application = load()
    try:
        listener = listen(settings.HOST, settings.PORT)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        sys.stderr.write(f"webmonitor cannot listen at {settings.HOST}, port {settings.PORT}: {reason}.\n")
        return 1
    run = functools.partial(serve, application, listener)
    if settings.WEB_CONCURRENCY == 1:
        run()
        return 0
    children = [Fork(f"web process {number}", run) for number in range(1, settings.WEB_CONCURRENCY + 1)]
    return Supervisor(children, lambda: True, say=logger.info).run()


if __name__ == "__main__":
    sys.exit(main())
