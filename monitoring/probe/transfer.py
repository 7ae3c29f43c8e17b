"""One libcurl handle and the check it is making, hop by hop; a handle serves check after check."""

import socket
import time

import pycurl

from monitoring.probe import certificates
from monitoring.probe.admission import Run
from monitoring.probe.bodies import BodyRoom
from monitoring.probe.classify import internal_exchange, kind
from monitoring.probe.failure import Failure
from monitoring.probe.guard import AddressGuard
from monitoring.probe.handle import new_handle, set_options, set_verification
from monitoring.probe.hop import Hop
from monitoring.probe.measures import content_type, phases
from monitoring.probe.names import TOO_MANY_NAMES, Lookup, name_in, of_version
from monitoring.probe.redirects import joined, location_problem, redirected
from monitoring.probe.types import (
    MAX_REDIRECTS,
    PLAIN,
    Certificate,
    ErrorKind,
    Exchange,
    ProbeRequest,
    RequestOptions,
)
from monitoring.probe.words import detail

# What only a name server can know: that a name does not exist, or has no (such) address.
NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY)


class Transfer:
    """A libcurl handle with the state of its present check."""

    __slots__ = (
        "_cause",
        "_certificate",
        "_elapsed",
        "_ended",
        "_hop",
        "_options",
        "_pinned",
        "_port",
        "_redirects",
        "_set",
        "_verifies",
        "curl",
        "deadline",
        "host",
        "request",
        "run",
        "started_at",
    )

    request: ProbeRequest
    run: Run
    # Unix time.
    started_at: float
    # Of the monotonic clock.
    deadline: float
    # The name to look up for the present hop; None where there is none.
    host: str | None

    def __init__(self, guard: AddressGuard, room: BodyRoom, user_agent: str, ca_file: str) -> None:
        # What the handle last told libcurl of a name's addresses, as `host:port`.
        self._pinned: str | None = None
        # What the handle is set to; None where that is something else.
        self._set: RequestOptions | None = PLAIN
        self.curl = new_handle(user_agent, ca_file)
        self._hop = Hop(self.curl, guard, room)

    def begin(self, run: Run) -> None:
        """Make the handle ready for a check. Raises `pycurl.error` or `ValueError` where its URL cannot be set."""
        self.run = run
        self.request = request = run.order.request
        self._redirects = 0
        self._elapsed = 0.0
        self._options = request.options
        # Why a certificate that is not to be verified would not have been; what was seen of certificates; and the
        # outcome, where it is known before the check is over.
        self._cause = ""
        self._certificate: Certificate | None = None
        self._ended: Exchange | None = None
        self.started_at = time.time()
        self.deadline = time.monotonic() + request.timeout
        self.curl.setopt(pycurl.COOKIELIST, "ALL")
        self.curl.setopt(pycurl.OPT_CERTINFO, request.wants_certificate)
        self._aim(request.url)

    def _aim(self, url: str) -> None:
        """Point the handle at the URL of the next hop."""
        self._hop.begin(url, self._options, keeps_body=self.request.pattern is not None, is_slow=self.run.is_slow)
        self._verifies = True
        if self._options is not self._set:
            self._set = None
            set_options(self.curl, self._options)
            self._set = self._options
        self.curl.setopt(pycurl.URL, url)
        name = name_in(url)
        if name is not None:
            self.host, self._port = name
            return
        self.host = None
        if self._pinned is not None:
            self._pin(None, [])
        self._limit_time()

    def usable(self, lookup: Lookup) -> tuple[str, ...]:
        """Those of a name's addresses that this check may dial by their version."""
        return of_version(lookup.addresses, self._options.ip_version)

    def dial(self, lookup: Lookup) -> None:
        """Make the handle ready to dial the addresses of the present hop's name. Raises `pycurl.error`."""
        self._hop.lookup_seconds = time.monotonic() - lookup.asked_at
        addresses = ",".join(f"[{address}]" if ":" in address else address for address in self.usable(lookup))
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

    # --- What comes after a hop -----------------------------------------------------------

    def goes_on(self, code: int, message: str) -> bool:
        """Make the handle ready for another hop, with libcurl's result of this one; False where the check is over.

        Raises `pycurl.error` or `ValueError` where that hop cannot be made.
        """
        if self.request.wants_certificate:
            self._note_certificate()
        if self._ended is not None or self.deadline <= time.monotonic():
            return False
        return self._follow() or self._try_unverified(code, message)

    def _follow(self) -> bool:
        """Point the handle at where a redirect leads."""
        hop = self._hop
        if not hop.location or self._redirects >= MAX_REDIRECTS:
            return False
        url = joined(hop.url, hop.location)
        if url is None:
            return False
        self._redirects += 1
        self._elapsed = self._seconds()
        self._options = redirected(self._options, hop.status, hop.url, url)
        self._aim(url)
        return True

    def _try_unverified(self, code: int, message: str) -> bool:
        """Make the hop again without verification, where that failed and is not to count, or the certificate is wanted.

        libcurl tells what is wrong with a certificate, or what is in it, only in one of the two ways.
        """
        is_strict = self._options.verify_tls
        if code != pycurl.E_PEER_FAILED_VERIFICATION or not self._verifies:
            return False
        if is_strict and not self.request.wants_certificate:
            return False
        ended = self.exchange(code, message)
        if is_strict:
            # The verdict stands; only the handshake is made again, and nothing is sent.
            self._ended = ended
        else:
            self._cause = ended.error_detail
        self._aim(self._hop.url)
        self._verifies, self._set = False, None
        set_verification(self.curl, on=False)
        self.curl.setopt(pycurl.CONNECT_ONLY, int(is_strict))
        return True

    def _note_certificate(self) -> None:
        if chain := self.curl.getinfo_raw(pycurl.INFO_CERTINFO):
            host = pycurl.CurlUrl(self._hop.url).host
            self._certificate = certificates.first_to_expire(self._certificate, certificates.read(host, chain[0]))

    # --- What comes after all -------------------------------------------------------------

    def exchange(self, code: int, message: str) -> Exchange:
        """The outcome of the check, with libcurl's result code and words of the last hop."""
        if self._ended is not None:
            return self._ended._replace(certificate=self._certificate)
        curl, hop = self.curl, self._hop
        error, words = self._judge(code, message)
        is_connected = curl.getinfo(pycurl.CONNECT_TIME_T) > 0
        wants_body = error is None and self.request.pattern is not None
        # The body comes last, as its room is the receiver's to give back from here on.
        return Exchange(
            request=self.request,
            started_at=self.started_at,
            http_status=hop.status,
            response_time=self._seconds() if hop.status else None,
            phases=phases(curl, lookup=hop.lookup_seconds, is_answered=hop.status > 0),
            remote_ip=curl.getinfo(pycurl.PRIMARY_IP) if is_connected else hop.dialled or None,
            error=error,
            error_detail=words,
            coding=hop.body.coding.name if wants_body else "",
            content_type=content_type(curl) if wants_body else "",
            certificate=self._certificate,
            failed_after=None if hop.status else self._so_far(),
            is_heard=is_connected or self._redirects > 0 or error is ErrorKind.REFUSED,
            retry_after=hop.retry_after,
            is_slow=hop.body.is_slow,
            body=hop.body.hand_over() if wants_body and hop.body.held else b"",
        )

    def unresolved(self, lookup: Lookup) -> Exchange:
        """The outcome of a check whose name has no address that it may use, or got none in time."""
        if self._ended is not None:
            return self._ended
        if not lookup.begun:
            return internal_exchange(self.request, self.started_at, TOO_MANY_NAMES)
        # An address that was found is of the wrong version here.
        problem = lookup.error or (socket.EAI_ADDRFAMILY if lookup.addresses else 0)
        failure = Failure(
            code=pycurl.E_COULDNT_RESOLVE_HOST if problem else pycurl.E_OPERATION_TIMEDOUT,
            lookup_error=problem,
            # What the system lacked, and not a word from the name servers, has a positive number.
            socket_errno=max(0, problem),
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
            failed_after=self._so_far(),
            is_heard=self._redirects > 0 or problem in NO_SUCH_NAME,
        )

    @property
    def url(self) -> str:
        """Of the present hop."""
        return self._hop.url

    def drop_body(self) -> None:
        """Forget what came of its body, as nobody will read it."""
        self._hop.body.drop()

    def release(self) -> None:
        """Let go of what the check held, so that an idle handle is small."""
        self._hop.clear()
        if self._set is None:
            self.curl.setopt(pycurl.CONNECT_ONLY, 0)
        self._ended = self._certificate = None
        del self.request, self.run

    def _seconds(self) -> float:
        """How long the hops took that count, the present one included, without pauses for want of room."""
        hop = self._hop
        total = float(self.curl.getinfo(pycurl.TOTAL_TIME))
        return self._elapsed + hop.lookup_seconds + max(0.0, total - hop.body.paused_for)

    def _so_far(self) -> float:
        return self.request.timeout - (self.deadline - time.monotonic())

    def _judge(self, code: int, message: str) -> tuple[ErrorKind | None, str]:
        hop = self._hop
        if hop.location is not None:
            return self._judge_redirect(hop.location)
        if code in (pycurl.E_OK, pycurl.E_OPERATION_TIMEDOUT):
            hop.body.end(timeout=self.request.timeout if code == pycurl.E_OPERATION_TIMEDOUT else None)
        if code == pycurl.E_OK and hop.body.error is None:
            # An end without any final answer: libcurl takes a switch of protocols (101) for one.
            if hop.status:
                return None, self._cause or hop.body.coding.note
            code = pycurl.E_GOT_NOTHING
        failure = hop.failure(self.curl, code, message, self.request.timeout)
        error = kind(failure)
        return error, detail(error, failure)

    def _judge_redirect(self, location: bytes) -> tuple[ErrorKind, str]:
        failure = self._hop.failure(self.curl, pycurl.E_TOO_MANY_REDIRECTS, "", self.request.timeout)
        if not location or joined(self._hop.url, location) is None:
            return ErrorKind.BAD_REDIRECT, location_problem(location)
        if self._redirects < MAX_REDIRECTS:
            return ErrorKind.TIMEOUT, detail(ErrorKind.TIMEOUT, failure)
        return ErrorKind.TOO_MANY_REDIRECTS, detail(ErrorKind.TOO_MANY_REDIRECTS, failure)
