"""One request and its answer as libcurl reports them: what was dialled, the head, the body."""

import re
import socket
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pycurl

from monitoring.probe.bodies import END_TRANSFER, Body, BodyRoom
from monitoring.probe.codings import coding_of
from monitoring.probe.failure import BodyError, Failure
from monitoring.probe.guard import AddressGuard
from monitoring.probe.redirects import LOCATION, REDIRECT_STATUSES
from monitoring.probe.types import ErrorKind, RequestOptions

STATUS_MAX = 999
STATUS = re.compile(rb"\S+\s+([0-9]{1,4})(?:\s|\Z)")
# Exactly as libcurl looks for it.
CODING_LINE = b"content-encoding:"
# RFC 9110, section 10.2.3: a number of seconds, or a date.
RETRY_AFTER = re.compile(rb"retry-after[ \t]*:[ \t]*([^\r\n]*?)[ \t\r\n]*", re.IGNORECASE)
SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
FIRST_ERROR_STATUS = 400
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
        "_retry_after",
        "_socket_errno",
        "blocked",
        "body",
        "dialled",
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
    # The address that was dialled last; empty where none was.
    dialled: str

    def __init__(self, curl: pycurl.Curl, guard: AddressGuard, room: BodyRoom) -> None:
        self._guard = guard
        self._head: list[bytes] = []
        self._codings: list[bytes] = []
        self.body = Body(curl, room)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)

    def begin(self, url: str, options: RequestOptions, *, keeps_body: bool, is_slow: bool) -> None:
        """Be ready for a request; `is_slow` if the website has not been quick."""
        self.url = url
        self._follows = options.follow_redirects
        self._has_no_body = options.method == "HEAD"
        self._family = FAMILIES[options.ip_version]
        self.lookup_seconds = 0.0
        self.status = 0
        self.location = self.blocked = self._of_other_version = None
        self.dialled = ""
        self._retry_after: bytes | None = None
        self._socket_errno = 0
        self._head.clear()
        self._codings.clear()
        self.body.begin(keeps=keeps_body, is_slow=is_slow)

    def clear(self) -> None:
        self._head.clear()
        self._codings.clear()
        self.body.drop()

    @property
    def retry_after(self) -> float | None:
        """Seconds from now for which the server asks to be left alone; None where it says nothing usable."""
        return None if self._retry_after is None else seconds_until(self._retry_after.decode("latin-1"))

    def failure(self, curl: pycurl.Curl, code: int, message: str, timeout: float) -> Failure:
        """What is known of this hop where it did not end with an answer; `timeout` is the whole check's (seconds)."""
        getinfo = curl.getinfo
        return Failure(
            code=code,
            message=message,
            http_status=self.status,
            timeout=timeout,
            name_resolved=bool(self.dialled) or getinfo(pycurl.NAMELOOKUP_TIME_T) > 0,
            os_errno=getinfo(pycurl.OS_ERRNO),
            verify_result=getinfo(pycurl.SSL_VERIFYRESULT),
            body_error=self.body.error,
            blocked_address=self.blocked,
            address_of_other_version=self._of_other_version,
            dialled=bool(self.dialled),
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
        self.dialled = host
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
        if status >= FIRST_ERROR_STATUS:
            waits = (match[1] for line in self._head if (match := RETRY_AFTER.fullmatch(line)))
            self._retry_after = next(waits, None)
        return self._open_body()

    def _open_body(self) -> int | None:
        if not self._codings or self._has_no_body or self.status in BODILESS_STATUSES:
            return None
        coding = coding_of(self._codings)
        if coding.refusal:
            self.body.error = BodyError(ErrorKind.INVALID_RESPONSE, coding.refusal)
            return END_TRANSFER
        self.body.open(coding)
        return None


def seconds_until(retry_after: str) -> float | None:
    """The value of a Retry-After header as seconds from now, 0 where that is over; None where it cannot be read."""
    if SECONDS.fullmatch(retry_after):
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    # A date without a zone is in UTC, as all dates of HTTP are.
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
