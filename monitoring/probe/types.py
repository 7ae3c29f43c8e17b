"""What goes into a probe and what comes out. Durations are seconds as floats.

What comes out is made for every check: named tuples, at a quarter of a frozen dataclass's cost.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

# A match of a pattern with at most one group is a string, of one with several groups a list of them.
Matches = list[str] | list[list[str]]

# Bytes of a body after decompression; more is the error `body_too_large`.
BODY_CAP = 1 << 20
MAX_REDIRECTS = 10


class ErrorKind(StrEnum):
    """Why a check has no usable answer: a closed list, each value stored as it is."""

    DNS = "dns"
    CONNECT = "connect"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    BLOCKED_ADDRESS = "blocked_address"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_REDIRECT = "bad_redirect"
    INVALID_RESPONSE = "invalid_response"
    BODY_TOO_LARGE = "body_too_large"
    TRUNCATED = "truncated"
    # Our own fault; it never counts against a website.
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How to ask, where it is not a plain GET. What may hold secrets shows in no representation."""

    method: str = "GET"
    # ASCII names and values without control characters.
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    # The value of the Authorization header.
    authorization: str | None = field(default=None, repr=False)
    follow_redirects: bool = True
    # Where False, a certificate that cannot be verified is told in `error_detail` but is no error.
    verify_tls: bool = True
    # 4 or 6: only addresses of this version of IP are dialled.
    ip_version: int | None = None


PLAIN = RequestOptions()


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """One check to make."""

    url: str
    # For name lookup, connection, TLS, redirects and body together.
    timeout: float
    # RE2; None extracts nothing.
    pattern: str | None = None
    # Whether to bring the server's certificate along, which costs a little.
    wants_certificate: bool = False
    options: RequestOptions = PLAIN


class Certificate(NamedTuple):
    """What a server's certificate says of itself; whether it is to be trusted is another matter."""

    # The host that was asked.
    host: str
    subject: str
    issuer: str
    # DNS names and addresses that it is for.
    names: tuple[str, ...]
    # Unix time.
    not_before: int
    not_after: int


class Phases(NamedTuple):
    """Parts of the response time of the last hop; None where the check never came so far."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None


class Exchange(NamedTuple):
    """What went over the wire, before anybody reads the body."""

    request: ProbeRequest
    # Unix time when the request was begun.
    started_at: float
    # 0 where no HTTP answer came.
    http_status: int
    # The whole exchange; None without an answer.
    response_time: float | None
    phases: Phases = Phases()
    # The address that was dialled last; None where none was.
    remote_ip: str | None = None
    error: ErrorKind | None = None
    # A sentence. Without an error: why the certificate, which was not to be verified, would not have been.
    error_detail: str = ""
    # As it was sent; empty if no pattern asked for it. `coding` says how it is packed, blank for not at all.
    body: bytes = b""
    # Whether its room was that of websites that are not quick.
    is_slow: bool = False
    coding: str = ""
    content_type: str = ""
    # Of the hops with TLS, the server's certificate that expires first; None where none was asked for or seen.
    certificate: Certificate | None = None
    # How long the check took where no answer came.
    failed_after: float | None = None
    # Whether anything came back from outside: a connection, a refusal, a name server's word that there is no such name.
    is_heard: bool = False
    # Seconds from the end of the exchange for which the website asks to be left alone; None where it does not.
    retry_after: float | None = None


class ProbeResult(NamedTuple):
    """A finished check: the exchange and what the pattern found in its body."""

    exchange: Exchange
    # None where no pattern was asked for or no body could be read; [] where nothing matched.
    matches: Matches | None
