"""One libcurl handle and the check it is making; a handle serves check after check."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pycurl

from monitoring.probe.classify import Failure, detail, internal_exchange, kind
from monitoring.probe.guard import AddressGuard
from monitoring.probe.handle import new_handle
from monitoring.probe.names import Lookup, name_in
from monitoring.probe.redirects import LOCATION, REDIRECT_STATUSES, joined, location_problem
from monitoring.probe.types import BODY_CAP, MAX_REDIRECTS, ErrorKind, Exchange, Phases, ProbeRequest

OnExchange = Callable[[int, Exchange], None]

# What a libcurl callback returns to end the transfer: fewer bytes than it was given.
END_TRANSFER = 0


class Transfer:
    """A libcurl handle with the state of its present check."""

    __slots__ = (
        "_blocked",
        "_cap_reached",
        "_chunks",
        "_dialled",
        "_elapsed",
        "_guard",
        "_head",
        "_location",
        "_lookup_seconds",
        "_pinned",
        "_port",
        "_redirects",
        "_size",
        "_socket_errno",
        "_status",
        "_url",
        "curl",
        "deadline",
        "host",
        "index",
        "on_exchange",
        "request",
        "started_at",
    )

    request: ProbeRequest
    index: int
    on_exchange: OnExchange
    # Unix time.
    started_at: float
    # Of the monotonic clock.
    deadline: float
    # The name to look up for the present hop; None where there is none.
    host: str | None

    def __init__(self, guard: AddressGuard, user_agent: str, ca_file: str) -> None:
        self._guard = guard
        self._head: list[bytes] = []
        self._chunks: list[bytes] = []
        # What the handle last told libcurl of a name's addresses, as `host:port`.
        self._pinned: str | None = None
        self.curl = curl = new_handle(user_agent, ca_file)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body)

    def begin(self, request: ProbeRequest, index: int, on_exchange: OnExchange) -> None:
        """Make the handle ready for a check. Raises `pycurl.error` or `ValueError` where its URL cannot be set."""
        self.request = request
        self.index = index
        self.on_exchange = on_exchange
        self._redirects = 0
        self._elapsed = 0.0
        self.started_at = time.time()
        self.deadline = time.monotonic() + request.timeout
        self.curl.setopt(pycurl.COOKIELIST, "ALL")
        self.curl.setopt(pycurl.OPT_CERTINFO, request.wants_certificate)
        self._aim(request.url)

    def _aim(self, url: str) -> None:
        """Point the handle at the URL of the next hop."""
        self._url = url
        self._status = 0
        self._location: bytes | None = None
        self._size = 0
        self._cap_reached = False
        self._dialled = False
        self._blocked: str | None = None
        self._socket_errno = 0
        self._head.clear()
        self._chunks.clear()
        self._lookup_seconds = 0.0
        self.curl.setopt(pycurl.URL, url)
        name = name_in(url)
        if name is not None:
            self.host, self._port = name
            return
        self.host = None
        if self._pinned is not None:
            self._pin(None, [])
        self._limit_time()

    def dial(self, lookup: Lookup) -> None:
        """Make the handle ready to dial the addresses of the present hop's name. Raises `pycurl.error`."""
        self._lookup_seconds = time.monotonic() - lookup.asked_at
        addresses = ",".join(f"[{address}]" if ":" in address else address for address in lookup.addresses)
        name = f"{self.host}:{self._port}"
        self._pin(name, [f"{name}:{addresses}"])
        self._limit_time()

    def _pin(self, name: str | None, entries: list[str]) -> None:
        """Tell libcurl a name's addresses, and to forget those it was told before."""
        forgotten = [] if self._pinned is None else [f"-{self._pinned}"]
        self.curl.setopt(pycurl.RESOLVE, forgotten + entries)
        self._pinned = name

    def _limit_time(self) -> None:
        # Zero would mean no deadline at all.
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, round((self.deadline - time.monotonic()) * 1000)))

    # --- What libcurl calls ---------------------------------------------------------------

    def _open_socket(self, _purpose: int, address: Any) -> int:
        """A descriptor for the address, which then is libcurl's; none for an address that the guard refuses."""
        host = str(address.addr[0])
        if not self._guard.allows(host):
            self._blocked = host
            return int(pycurl.SOCKET_BAD)
        try:
            opened = socket.socket(address.family, address.socktype, address.protocol)
        except OSError as error:
            self._socket_errno = error.errno or 0
            return int(pycurl.SOCKET_BAD)
        self._dialled = True
        return opened.detach()

    def _on_header(self, line: bytes) -> int | None:
        if len(line) > 2:
            self._head.append(line)
            return None
        return self._on_head_end()

    def _on_head_end(self) -> int | None:
        # After the body it is the end of trailers.
        if self._status:
            return None
        status = int(self._head[0].split(None, 2)[1])
        if status < 200:
            self._head.clear()
            return None
        self._status = status
        if status not in REDIRECT_STATUSES:
            return None
        found = (match[1] for line in self._head if (match := LOCATION.fullmatch(line)))
        self._location = next(found, b"")
        return END_TRANSFER

    def _on_body(self, chunk: bytes) -> int | None:
        self._size += len(chunk)
        if self._size > BODY_CAP:
            self._cap_reached = True
            return END_TRANSFER
        if self.request.pattern is not None:
            self._chunks.append(chunk)
        return None

    # --- What comes after -----------------------------------------------------------------

    def follow(self) -> bool:
        """Point the handle at where a redirect leads; False where the check is over."""
        location = self._location
        remaining = self.deadline - time.monotonic()
        if not location or self._redirects >= MAX_REDIRECTS or remaining <= 0:
            return False
        url = joined(self._url, location)
        if url is None:
            return False
        self._redirects += 1
        self._elapsed += self._lookup_seconds + self.curl.getinfo(pycurl.TOTAL_TIME)
        self._aim(url)
        return True

    def exchange(self, code: int, message: str) -> Exchange:
        """The outcome of the check, with libcurl's result code and words."""
        error, words = self._judge(code, message)
        getinfo = self.curl.getinfo
        wants_body = error is None and self.request.pattern is not None
        return Exchange(
            request=self.request,
            started_at=self.started_at,
            http_status=self._status,
            response_time=self._seconds() if self._status else None,
            phases=self._phases(),
            remote_ip=getinfo(pycurl.PRIMARY_IP) or None if self._dialled else None,
            error=error,
            error_detail=words,
            body=b"".join(self._chunks) if wants_body else b"",
            content_type=self._content_type() if wants_body else "",
            certificates=self._certificates() if self.request.wants_certificate else (),
        )

    def unresolved(self, lookup: Lookup) -> Exchange:
        """The outcome of a check whose name has no address, or got none in time."""
        if not lookup.begun:
            return internal_exchange(self.request, self.started_at, "too many names are being looked up")
        code = pycurl.E_COULDNT_RESOLVE_HOST if lookup.error else pycurl.E_OPERATION_TIMEDOUT
        failure = Failure(
            code=code,
            lookup_error=lookup.error,
            # What the system lacked, and not a word from the name servers, has a positive number.
            socket_errno=max(0, lookup.error),
            timeout=self.request.timeout,
        )
        error = kind(failure)
        return Exchange(
            request=self.request,
            started_at=self.started_at,
            http_status=0,
            response_time=None,
            error=error,
            error_detail=detail(error, failure),
        )

    def _seconds(self) -> float:
        return self._elapsed + self._lookup_seconds + float(self.curl.getinfo(pycurl.TOTAL_TIME))

    def release(self) -> None:
        """Let go of what the check held, so that an idle handle is small."""
        self._head.clear()
        self._chunks.clear()
        del self.request, self.on_exchange

    def _judge(self, code: int, message: str) -> tuple[ErrorKind | None, str]:
        if self._location is not None:
            return self._judge_redirect(self._location)
        if code == pycurl.E_OK:
            # An end without any final answer: libcurl takes a switch of protocols (101) for one.
            if self._status:
                return None, ""
            code = pycurl.E_GOT_NOTHING
        failure = self._failure(code, message)
        error = kind(failure)
        return error, detail(error, failure)

    def _judge_redirect(self, location: bytes) -> tuple[ErrorKind, str]:
        failure = self._failure(pycurl.E_TOO_MANY_REDIRECTS, "")
        if not location or joined(self._url, location) is None:
            return ErrorKind.BAD_REDIRECT, location_problem(location)
        if self._redirects < MAX_REDIRECTS:
            return ErrorKind.TIMEOUT, detail(ErrorKind.TIMEOUT, failure)
        return ErrorKind.TOO_MANY_REDIRECTS, detail(ErrorKind.TOO_MANY_REDIRECTS, failure)

    def _failure(self, code: int, message: str) -> Failure:
        getinfo = self.curl.getinfo
        return Failure(
            code=code,
            message=message,
            http_status=self._status,
            timeout=self.request.timeout,
            name_resolved=self._dialled or getinfo(pycurl.NAMELOOKUP_TIME_T) > 0,
            os_errno=getinfo(pycurl.OS_ERRNO),
            verify_result=getinfo(pycurl.SSL_VERIFYRESULT),
            cap_reached=self._cap_reached,
            blocked_address=self._blocked,
            dialled=self._dialled,
            socket_errno=self._socket_errno,
        )

    def _phases(self) -> Phases:
        getinfo = self.curl.getinfo
        # Microseconds since the hop began, 0 where it never came so far.
        dns, connect = getinfo(pycurl.NAMELOOKUP_TIME_T), getinfo(pycurl.CONNECT_TIME_T)
        tls, first_byte = getinfo(pycurl.APPCONNECT_TIME_T), getinfo(pycurl.STARTTRANSFER_TIME_T)
        return Phases(
            dns=self._lookup_seconds + dns / 1e6 if dns else None,
            connect=(connect - dns) / 1e6 if connect else None,
            tls=(tls - connect) / 1e6 if tls else None,
            # libcurl also notes the moment of a failure here.
            first_byte=(first_byte - (tls or connect)) / 1e6 if self._status else None,
        )

    def _content_type(self) -> str:
        raw = self.curl.getinfo_raw(pycurl.CONTENT_TYPE)
        return raw.decode("latin-1") if raw else ""

    def _certificates(self) -> tuple[dict[str, str], ...]:
        chain = self.curl.getinfo_raw(pycurl.INFO_CERTINFO)
        return tuple(
            {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields}
            for fields in chain
        )
