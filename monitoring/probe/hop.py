"""One request and its answer as libcurl reports them: what was dialled, the head, the body."""

import re
import socket
from typing import Any

import pycurl

from monitoring.probe.codings import refusal
from monitoring.probe.failure import Failure
from monitoring.probe.guard import AddressGuard
from monitoring.probe.redirects import LOCATION, REDIRECT_STATUSES
from monitoring.probe.types import BODY_CAP, RequestOptions

# What a libcurl callback returns to end the transfer: fewer bytes than it was given.
END_TRANSFER = 0
STATUS_MAX = 999
STATUS = re.compile(rb"\S+\s+([0-9]{1,4})(?:\s|\Z)")
# Exactly as libcurl looks for it.
CODING_LINE = b"content-encoding:"
# Answers that end with their head (RFC 9112, section 6.3).
BODILESS_STATUSES = (204, 304)
FAMILIES = {None: None, 4: socket.AF_INET, 6: socket.AF_INET6}


class Hop:
    """The state of a handle's present request; one object serves hop after hop."""

    __slots__ = (
        "_codings",
        "_family",
        "_follows",
        "_guard",
        "_has_no_body",
        "_head",
        "_of_other_version",
        "_refusal",
        "_size",
        "_socket_errno",
        "blocked",
        "cap_reached",
        "chunks",
        "dialled",
        "keeps_body",
        "location",
        "lookup_seconds",
        "status",
        "url",
    )

    url: str
    # Seconds that its name took, before libcurl had it.
    lookup_seconds: float
    # 0 without a final answer.
    status: int
    # Of a redirect that is to be followed; empty where the server sent none.
    location: bytes | None
    # An address that the guard refused.
    blocked: str | None
    _of_other_version: str | None
    dialled: bool
    cap_reached: bool

    def __init__(self, curl: pycurl.Curl, guard: AddressGuard) -> None:
        self._guard = guard
        self._head: list[bytes] = []
        self._codings: list[bytes] = []
        self.chunks: list[bytes] = []
        self.keeps_body = False
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body)

    def begin(self, url: str, options: RequestOptions) -> None:
        self.url = url
        self._follows = options.follow_redirects
        self._has_no_body = options.method == "HEAD"
        self._family = FAMILIES[options.ip_version]
        self.lookup_seconds = 0.0
        self.status = 0
        self.location = self.blocked = self._of_other_version = None
        self.dialled = self.cap_reached = False
        self._socket_errno = 0
        self._refusal = ""
        self._size = 0
        self.clear()

    def clear(self) -> None:
        self._head.clear()
        self._codings.clear()
        self.chunks.clear()

    def failure(self, curl: pycurl.Curl, code: int, message: str, timeout: float) -> Failure:
        """What is known of this hop where it did not end with an answer; `timeout` is the whole check's (seconds)."""
        getinfo = curl.getinfo
        return Failure(
            code=code,
            message=message,
            http_status=self.status,
            timeout=timeout,
            name_resolved=self.dialled or getinfo(pycurl.NAMELOOKUP_TIME_T) > 0,
            os_errno=getinfo(pycurl.OS_ERRNO),
            verify_result=getinfo(pycurl.SSL_VERIFYRESULT),
            cap_reached=self.cap_reached,
            refusal=self._refusal,
            blocked_address=self.blocked,
            address_of_other_version=self._of_other_version,
            dialled=self.dialled,
            socket_errno=self._socket_errno,
        )

    # --- What libcurl calls ---------------------------------------------------------------

    def _open_socket(self, _purpose: int, address: Any) -> int:
        """A descriptor for the address, which then is libcurl's; none for an address that is not to be dialled."""
        host = str(address.addr[0])
        if not self._guard.allows(host):
            self.blocked = host
            return int(pycurl.SOCKET_BAD)
        # libcurl heeds the version in what it looks up, not where the URL has the address itself.
        if self._family is not None and address.family != self._family:
            self._of_other_version = host
            return int(pycurl.SOCKET_BAD)
        try:
            opened = socket.SocketType(address.family, address.socktype, address.protocol)
        except OSError as error:
            self._socket_errno = error.errno or 0
            return int(pycurl.SOCKET_BAD)
        self.dialled = True
        return opened.detach()

    def _on_header(self, line: bytes) -> int | None:
        if len(line) > 2:
            self._head.append(line)
            if line[7:8] == b"-" and line[:17].lower() == CODING_LINE:
                self._codings.append(line)
            return None
        return self._on_head_end()

    def _on_head_end(self) -> int | None:
        # After the body it is the end of trailers.
        if self.status:
            return None
        found = STATUS.match(self._head[0]) if self._head else None
        if found is None:
            return END_TRANSFER
        status = int(found[1])
        if status < 200:
            # Nothing that it says is of the answer to come.
            self._head.clear()
            self._codings.clear()
            return None
        if status > STATUS_MAX:
            # libcurl looks at three digits and no further.
            return END_TRANSFER
        self.status = status
        if status in REDIRECT_STATUSES and self._follows:
            locations = (match[1] for line in self._head if (match := LOCATION.fullmatch(line)))
            self.location = next(locations, b"").strip()
            return END_TRANSFER
        if self._codings and not self._has_no_body and status not in BODILESS_STATUSES:
            self._refusal = refusal(self._codings)
        return END_TRANSFER if self._refusal else None

    def _on_body(self, chunk: bytes) -> int | None:
        self._size += len(chunk)
        if self._size > BODY_CAP:
            self.cap_reached = True
            return END_TRANSFER
        if self.keeps_body:
            self.chunks.append(chunk)
        return None
