"""What libcurl reports in the terms of `ErrorKind`."""

import errno

import pycurl

from monitoring.probe.failure import Failure
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest
from monitoring.probe.words import TOO_LARGE, of_our_own

# Codes that younger versions of libcurl know and pycurl has no names for: https://curl.se/libcurl/c/libcurl-errors.html
HTTP2_STREAM = 92
CLIENT_CERTIFICATE = 98
# Known to pycurl by an older name.
WEIRD_SERVER_REPLY = pycurl.E_FTP_WEIRD_SERVER_REPLY

KINDS = {
    pycurl.E_COULDNT_RESOLVE_HOST: ErrorKind.DNS,
    pycurl.E_COULDNT_CONNECT: ErrorKind.CONNECT,
    pycurl.E_OPERATION_TIMEDOUT: ErrorKind.TIMEOUT,
    pycurl.E_TOO_MANY_REDIRECTS: ErrorKind.TOO_MANY_REDIRECTS,
    pycurl.E_FILESIZE_EXCEEDED: ErrorKind.BODY_TOO_LARGE,
    pycurl.E_PARTIAL_FILE: ErrorKind.TRUNCATED,
    WEIRD_SERVER_REPLY: ErrorKind.INVALID_RESPONSE,
    pycurl.E_GOT_NOTHING: ErrorKind.INVALID_RESPONSE,
    pycurl.E_BAD_CONTENT_ENCODING: ErrorKind.INVALID_RESPONSE,
    pycurl.E_WRITE_ERROR: ErrorKind.INVALID_RESPONSE,
    TOO_LARGE: ErrorKind.INVALID_RESPONSE,
    pycurl.E_SSL_CONNECT_ERROR: ErrorKind.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: ErrorKind.TLS,
    pycurl.E_SSL_CERTPROBLEM: ErrorKind.TLS,
    pycurl.E_SSL_CIPHER: ErrorKind.TLS,
    pycurl.E_USE_SSL_FAILED: ErrorKind.TLS,
    pycurl.E_SSL_SHUTDOWN_FAILED: ErrorKind.TLS,
    pycurl.E_SSL_ISSUER_ERROR: ErrorKind.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: ErrorKind.TLS,
    CLIENT_CERTIFICATE: ErrorKind.TLS,
}
# The exchange broke in its course: in the body it is cut short, before it is no answer.
BROKEN = (pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_HTTP2, HTTP2_STREAM)

# What this machine lacked; it says nothing about the website.
OUR_OWN_ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def kind(failure: Failure) -> ErrorKind:
    """The one place that says which `ErrorKind` a failure is."""
    code = failure.code
    if failure.body_error is not None:
        return failure.body_error.kind
    if failure.socket_errno in OUR_OWN_ERRNOS:
        return ErrorKind.INTERNAL
    if code == pycurl.E_COULDNT_CONNECT:
        return _connect_kind(failure)
    if code in BROKEN:
        return _broken_kind(failure)
    if code == pycurl.E_OPERATION_TIMEDOUT and not failure.name_resolved:
        code = pycurl.E_COULDNT_RESOLVE_HOST
    elif code == pycurl.E_FILESIZE_EXCEEDED and not failure.http_status:
        # A length beyond all numbers, in a head that was not read to its end.
        code = WEIRD_SERVER_REPLY
    elif code == pycurl.E_UNSUPPORTED_PROTOCOL and failure.dialled:
        # libcurl's code for an answer in HTTP/0.9, which it was told not to take.
        code = WEIRD_SERVER_REPLY
    return KINDS.get(code, ErrorKind.INTERNAL)


def _connect_kind(failure: Failure) -> ErrorKind:
    if not failure.dialled:
        if failure.blocked_address is not None:
            return ErrorKind.BLOCKED_ADDRESS
        if failure.address_of_other_version is not None:
            return ErrorKind.CONNECT
    if failure.os_errno == errno.EADDRNOTAVAIL:
        # No local port is free, or this machine has no address of the website's version of IP.
        return ErrorKind.INTERNAL
    return ErrorKind.REFUSED if failure.os_errno == errno.ECONNREFUSED else ErrorKind.CONNECT


def _broken_kind(failure: Failure) -> ErrorKind:
    cut_short = failure.http_status and "chunk" not in failure.message
    return ErrorKind.TRUNCATED if cut_short else ErrorKind.INVALID_RESPONSE


def internal_exchange(request: ProbeRequest, started_at: float, reason: str) -> Exchange:
    """The exchange of a check that could not be made, or not be ended, for a reason of our own."""
    return Exchange(
        request=request,
        started_at=started_at,
        http_status=0,
        response_time=None,
        error=ErrorKind.INTERNAL,
        error_detail=of_our_own(reason),
    )


def reason(error: Exception) -> str:
    """An exception in words that name no URL."""
    if isinstance(error, pycurl.error) and len(error.args) > 1:
        return str(error.args[1])
    return type(error).__name__
