"""What libcurl reports in the terms of `ErrorKind`, and in words for the owner of a website."""

import errno
import re
import socket
from dataclasses import dataclass

import pycurl

from monitoring.probe.types import BODY_CAP, MAX_REDIRECTS, ErrorKind, Exchange, ProbeRequest

DETAIL_MAX_LENGTH = 200

# Codes that younger versions of libcurl know and pycurl has no names for: https://curl.se/libcurl/c/libcurl-errors.html
HTTP2_STREAM = 92
# Known to pycurl by an older name.
WEIRD_SERVER_REPLY = pycurl.E_FTP_WEIRD_SERVER_REPLY
TOO_LARGE = 100

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
}
# The exchange broke in its course: in the body it is cut short, before it is no answer.
BROKEN = (pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_HTTP2, HTTP2_STREAM)

# What this machine lacked; it says nothing about the website.
OUR_OWN_ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

SENTENCES = {
    ErrorKind.DNS: "The name of the host could not be resolved.",
    ErrorKind.CONNECT: "No connection could be made.",
    ErrorKind.REFUSED: "The server refused the connection.",
    ErrorKind.TLS: "The encrypted connection could not be set up.",
    ErrorKind.TOO_MANY_REDIRECTS: f"More than {MAX_REDIRECTS} redirects followed each other.",
    ErrorKind.BAD_REDIRECT: "The redirect leads to no http or https address.",
    ErrorKind.INVALID_RESPONSE: "The server's answer is not valid HTTP.",
    ErrorKind.BODY_TOO_LARGE: f"The body is larger than {BODY_CAP >> 20} MiB.",
    ErrorKind.TRUNCATED: "The connection ended before the body was complete.",
    ErrorKind.INTERNAL: "The monitor could not make this check.",
}

# Sentences by what libcurl or OpenSSL says, where the kind alone says too little; the first that fits.
ANSWER_CAUSES = (
    ("HTTP/0.9", "The server answered with something that is not HTTP."),
    ("Weird server reply", "The server answered with something that is not HTTP."),
    ("subversion", "The server answered with something that is not HTTP."),
    ("Content-Length", "The server sent an invalid Content-Length."),
    ("chunk", "The server sent an invalid chunked body."),
    ("header", "The server sent an invalid header."),
    ("reset by peer", "The connection was reset before an answer came."),
    ("HTTP/2", "The server broke the rules of HTTP/2."),
)
# Where libcurl's number says more than its words.
ANSWER_SENTENCES = {
    pycurl.E_GOT_NOTHING: "The server closed the connection without a complete answer.",
    pycurl.E_BAD_CONTENT_ENCODING: "The body's Content-Encoding could not be decoded.",
    TOO_LARGE: "The server sent too many or too large headers.",
}
TLS_CAUSES = (
    ("alternative certificate subject name", "The certificate is for another host name."),
    ("does not match target host", "The certificate is for another host name."),
    ("unable to obtain common name", "The certificate is for another host name."),
    ("wrong version number", "The server does not speak TLS on this port."),
    ("packet length too long", "The server does not speak TLS on this port."),
    ("record layer failure", "The server does not speak TLS on this port."),
    ("http request", "The server does not speak TLS on this port."),
    ("unsupported protocol", "The server offers only outdated versions of TLS."),
    ("protocol version", "The server offers only outdated versions of TLS."),
    ("legacy sigalg", "The server offers only outdated signatures."),
    ("handshake failure", "The server and the monitor have no TLS settings in common."),
    ("no shared cipher", "The server and the monitor have no TLS settings in common."),
    ("dh key too small", "The server uses a key that is too weak."),
    ("certificate required", "The server asks for a client certificate."),
    ("unrecognized name", "The server has no certificate for this host name."),
    ("reset by peer", "The connection was reset during the TLS handshake."),
    ("unexpected eof", "The connection was closed during the TLS handshake."),
    ("SSL_ERROR_SYSCALL", "The connection was closed during the TLS handshake."),
)
# https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
VERIFY_CAUSES = {
    9: "The certificate is not valid yet.",
    10: "The certificate has expired.",
    18: "The certificate is self-signed.",
    19: "The certificate's root is not trusted (self-signed certificate in the chain).",
    2: "The certificate's issuer is not trusted.",
    20: "The certificate's issuer is not trusted, or the server sent no intermediate certificate.",
    21: "The certificate's issuer is not trusted, or the server sent no intermediate certificate.",
    23: "The certificate has been revoked.",
    62: "The certificate is for another host name.",
    63: "The certificate is for another host name.",
    64: "The certificate is for another address.",
    66: "The certificate's key is too weak.",
    67: "The certificate authority's key is too weak.",
    68: "The certificate's signature is too weak.",
}

# What the system's resolver says (getaddrinfo(3)).
LOOKUP_CAUSES = {
    socket.EAI_NONAME: "The host name does not exist.",
    socket.EAI_NODATA: "The host name has no address.",
    socket.EAI_ADDRFAMILY: "The host name has no address of the version of IP that is to be used.",
    socket.EAI_AGAIN: "The name of the host could not be resolved: no name server gave a usable answer.",
}

NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")


@dataclass(slots=True)
class Failure:
    """What is known when an exchange ended in another way than with an answer."""

    # libcurl's result, and its own words.
    code: int
    message: str = ""
    # As far as it came: 0 without an answer.
    http_status: int = 0
    # Seconds the whole check was given.
    timeout: float = 0.0
    name_resolved: bool = False
    os_errno: int = 0
    # OpenSSL's X509_V_* result.
    verify_result: int = 0
    # What the engine itself decided; it outranks what libcurl made of that.
    cap_reached: bool = False
    unasked_encoding: bool = False
    blocked_address: str | None = None
    dialled: bool = False
    socket_errno: int = 0
    # An EAI_* number, where the name was looked up outside libcurl.
    lookup_error: int = 0


def kind(failure: Failure) -> ErrorKind:
    """The one place that says which `ErrorKind` a failure is."""
    code = failure.code
    if failure.cap_reached:
        return ErrorKind.BODY_TOO_LARGE
    if failure.unasked_encoding:
        return ErrorKind.INVALID_RESPONSE
    if failure.socket_errno in OUR_OWN_ERRNOS:
        return ErrorKind.INTERNAL
    if code == pycurl.E_COULDNT_CONNECT:
        return _connect_kind(failure)
    if code in BROKEN:
        return _broken_kind(failure)
    if code == pycurl.E_OPERATION_TIMEDOUT and not failure.name_resolved:
        code = pycurl.E_COULDNT_RESOLVE_HOST
    elif code == pycurl.E_UNSUPPORTED_PROTOCOL and failure.dialled:
        # libcurl's code for an answer in HTTP/0.9, which it was told not to take.
        code = WEIRD_SERVER_REPLY
    return KINDS.get(code, ErrorKind.INTERNAL)


def _connect_kind(failure: Failure) -> ErrorKind:
    if failure.blocked_address is not None and not failure.dialled:
        return ErrorKind.BLOCKED_ADDRESS
    if failure.os_errno == errno.EADDRNOTAVAIL:
        # No local port is free, or this machine has no address of the website's version of IP.
        return ErrorKind.INTERNAL
    return ErrorKind.REFUSED if failure.os_errno == errno.ECONNREFUSED else ErrorKind.CONNECT


def _broken_kind(failure: Failure) -> ErrorKind:
    cut_short = failure.http_status and "chunk" not in failure.message
    return ErrorKind.TRUNCATED if cut_short else ErrorKind.INVALID_RESPONSE


def detail(error: ErrorKind, failure: Failure) -> str:
    """One plain sentence, at most `DETAIL_MAX_LENGTH` characters, without anything the URL may keep secret."""
    return _sentence(error, failure)[:DETAIL_MAX_LENGTH]


def _sentence(error: ErrorKind, failure: Failure) -> str:  # noqa: PLR0911 one return a kind reads best
    match error:
        case ErrorKind.BLOCKED_ADDRESS:
            return f"The address {failure.blocked_address} is not in a network that may be checked."
        case ErrorKind.TIMEOUT:
            return f"No complete answer within {failure.timeout:g} seconds{_timeout_stage(failure)}."
        case ErrorKind.DNS if failure.code == pycurl.E_OPERATION_TIMEDOUT:
            return f"The name of the host could not be resolved within {failure.timeout:g} seconds."
        case ErrorKind.DNS if failure.lookup_error in LOOKUP_CAUSES:
            return LOOKUP_CAUSES[failure.lookup_error]
        case ErrorKind.CONNECT if failure.os_errno:
            return f"No connection could be made: {_errno_words(failure.os_errno)}."
        case ErrorKind.TLS:
            return _tls_sentence(failure)
        case ErrorKind.INVALID_RESPONSE:
            return _answer_sentence(failure)
        case ErrorKind.INTERNAL if failure.code == pycurl.E_COULDNT_CONNECT:
            return f"{SENTENCES[error][:-1]}: {_errno_words(failure.socket_errno or failure.os_errno)}."
        case ErrorKind.INTERNAL if failure.message or failure.socket_errno:
            words = _errno_words(failure.socket_errno) if failure.socket_errno else plain(failure.message)
            return f"The monitor could not make this check: {words}"
        case _:
            return SENTENCES[error]


def _timeout_stage(failure: Failure) -> str:
    return "" if failure.http_status else ", not even its headers"


def _answer_sentence(failure: Failure) -> str:
    if failure.unasked_encoding:
        return "The body comes in an encoding that was not asked for (br)."
    known = ANSWER_SENTENCES.get(failure.code) or _caused(ANSWER_CAUSES, failure.message)
    return known or SENTENCES[ErrorKind.INVALID_RESPONSE]


def _tls_sentence(failure: Failure) -> str:
    if failure.verify_result in VERIFY_CAUSES:
        return VERIFY_CAUSES[failure.verify_result]
    known = _caused(TLS_CAUSES, failure.message)
    return known or f"{SENTENCES[ErrorKind.TLS][:-1]}: {plain(failure.message)}"


def _caused(causes: tuple[tuple[str, str], ...], message: str) -> str | None:
    lowered = message.lower()
    return next((sentence for words, sentence in causes if words.lower() in lowered), None)


def _errno_words(number: int) -> str:
    return WORDS_OF_ERRNO.get(number, errno.errorcode.get(number, str(number)))


WORDS_OF_ERRNO = {
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.ETIMEDOUT: "the host did not react",
    errno.ECONNRESET: "the connection was reset",
    errno.EADDRNOTAVAIL: "no local address or port is free",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}


def plain(text: str) -> str:
    """Printable ASCII only, white space joined: for words that came from elsewhere."""
    return " ".join(NOT_PRINTABLE.sub(" ", text).split())


def internal_exchange(request: ProbeRequest, started_at: float, reason: str) -> Exchange:
    """The exchange of a check that could not be made, or not be ended, for a reason of our own."""
    failure = Failure(code=pycurl.E_FAILED_INIT, message=plain(reason))
    return Exchange(
        request=request,
        started_at=started_at,
        http_status=0,
        response_time=None,
        error=ErrorKind.INTERNAL,
        error_detail=detail(ErrorKind.INTERNAL, failure),
    )


def reason(error: Exception) -> str:
    """An exception in words that name no URL."""
    if isinstance(error, pycurl.error) and len(error.args) > 1:
        return str(error.args[1])
    return type(error).__name__
