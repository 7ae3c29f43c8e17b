"""The servers of `monitoring.tests.hostile`, all of them at once, with the URL of each."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from ssl import SSLContext

from monitoring.tests.hostile import Case
from monitoring.tests.servers import Authority, Server, refusing_port, self_signed_context

ADDRESS = "127.0.0.1"


@contextlib.contextmanager
def serving(cases: Iterable[Case], folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """Serve these cases; yields their URLs by title, and the file with the authority that is to be trusted."""
    authority = Authority(folder)
    contexts = tls_contexts(authority, folder)
    with contextlib.ExitStack() as stack:
        urls = {}
        for case in cases:
            if not case.listens:
                urls[case.title] = f"http://{ADDRESS}:{stack.enter_context(refusing_port())}/"
                continue
            tls = contexts[case.tls]() if case.tls else None
            url = stack.enter_context(Server(case.script, tls=tls)).url(case.path, host=case.host or None)
            urls[case.title] = f"{case.scheme}:{url.partition(':')[2]}" if case.scheme else url
        yield urls, authority.ca_file


def tls_contexts(authority: Authority, folder: Path) -> dict[str, Callable[[], SSLContext]]:
    """A server's TLS settings by what is wrong with them."""
    other = folder / "other"
    other.mkdir(exist_ok=True)
    return {
        "good": lambda: authority.context(ADDRESS),
        "expired": lambda: authority.context(ADDRESS, expired=True),
        "wrong host": lambda: authority.context("elsewhere.example"),
        "self-signed": lambda: self_signed_context(folder, ADDRESS),
        "untrusted": lambda: Authority(other).context(ADDRESS),
        "outdated": lambda: authority.outdated_context(ADDRESS),
    }


class StubResolver:
    """Looks up what the cases' names stand for, as the system would."""

    def __init__(self) -> None:
        self.closing = threading.Event()

    def __call__(self, host: str) -> tuple[str, ...]:
        match host:
            case "found.test":
                return (ADDRESS,)
            case "nxdomain.test":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            case "servfail.test":
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            case _:
                self.closing.wait(60)
                return ()
