"""Failures in words for the owner of a website: whole sentences, in no terms of libcurl, OpenSSL or the system."""

import errno
import os
import re
import socket

import pycurl

from monitoring.probe.failure import Failure
from monitoring.probe.types import BODY_CAP, MAX_REDIRECTS, ErrorKind

DETAIL_MAX_LENGTH = 200
# libcurl's CURLE_TOO_LARGE, which pycurl has no name for.
TOO_LARGE = 100

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
    pycurl.E_FILESIZE_EXCEEDED: "The server sent an invalid Content-Length.",
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
    ("insufficient security", "The server and the monitor have no TLS settings in common."),
    ("certificate required", "The server asks for a client certificate."),
    ("access denied", "The server denies the access in the TLS handshake."),
    ("alert internal error", "The server reports an internal error in the TLS handshake."),
    ("no application protocol", "The server speaks no HTTP over TLS on this port."),
    ("unrecognized name", "The server has no certificate for this host name."),
    ("reset by peer", "The connection was reset during the TLS handshake."),
    ("unexpected eof", "The connection was closed during the TLS handshake."),
    ("SSL_ERROR_SYSCALL", "The connection was closed during the TLS handshake."),
    ("SSL_ERROR_ZERO_RETURN", "The connection was closed during the TLS handshake."),
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

# Other alerts (RFC 8446, section 6, and its forerunners) are told by the names that they have there.
ALERT = re.compile(r"\balert ([a-z][a-z ]*[a-z])")

# errno(3), where the system's own words are not the plainest.
WORDS_OF_ERRNO = {
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.ETIMEDOUT: "the host did not react",
    errno.ECONNRESET: "the connection was reset",
    errno.EADDRNOTAVAIL: "no local address or port is free",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}

NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")
# OpenSSL's way to write error:0A000438:SSL routines:function:reason; what comes after it is the reason.
OPENSSL_CODE = re.compile(r"error:[0-9A-F]{1,16}:[^:]*:[^:]*:", re.IGNORECASE)
ERROR_COLON = re.compile(r"error\s*:", re.IGNORECASE)
SYMBOL = re.compile(r"\b(?:[A-Z0-9]+_)*E[A-Z]{3,}\w*", re.ASCII)


def detail(error: ErrorKind, failure: Failure) -> str:
    """One plain sentence, at most `DETAIL_MAX_LENGTH` characters, without anything the URL may keep secret."""
    sentence = failure.body_error.words if failure.body_error is not None else _sentence(error, failure)
    if len(sentence) > DETAIL_MAX_LENGTH:
        sentence = f"{sentence[: DETAIL_MAX_LENGTH - 1].rstrip(' .')}."
    return sentence


def of_our_own(reason: str) -> str:
    """The sentence for a check that could not be made, or not be ended, for a reason of our own."""
    return detail(ErrorKind.INTERNAL, Failure(code=pycurl.E_FAILED_INIT, message=reason))


def _sentence(error: ErrorKind, failure: Failure) -> str:  # noqa: PLR0911 one return a kind reads best
    match error:
        case ErrorKind.BLOCKED_ADDRESS:
            return f"The address {failure.blocked_address} is not in a network that may be checked."
        case ErrorKind.TIMEOUT:
            return f"No complete answer within {failure.timeout:g} seconds{_timeout_stage(failure)}."
        case ErrorKind.DNS:
            return _lookup_sentence(failure)
        case ErrorKind.CONNECT:
            return _connect_sentence(failure)
        case ErrorKind.TLS:
            return _tls_sentence(failure)
        case ErrorKind.INVALID_RESPONSE:
            return _answer_sentence(failure)
        case ErrorKind.INTERNAL:
            return _because(error, _internal_reason(failure))
        case _:
            return SENTENCES[error]


def _because(error: ErrorKind, reason: str) -> str:
    """The kind's sentence, with a reason where one is known."""
    return f"{SENTENCES[error][:-1]}: {reason}." if reason else SENTENCES[error]


def _timeout_stage(failure: Failure) -> str:
    return "" if failure.http_status else ", not even its headers"


def _lookup_sentence(failure: Failure) -> str:
    if failure.code == pycurl.E_OPERATION_TIMEDOUT:
        return f"The name of the host could not be resolved within {failure.timeout:g} seconds."
    return LOOKUP_CAUSES.get(failure.lookup_error, SENTENCES[ErrorKind.DNS])


def _connect_sentence(failure: Failure) -> str:
    if failure.address_of_other_version is not None and not failure.dialled:
        return f"The address {failure.address_of_other_version} is not of the version of IP that is to be used."
    return _because(ErrorKind.CONNECT, _errno_words(failure.os_errno) if failure.os_errno else "")


def _answer_sentence(failure: Failure) -> str:
    known = ANSWER_SENTENCES.get(failure.code) or _caused(ANSWER_CAUSES, failure.message)
    return known or SENTENCES[ErrorKind.INVALID_RESPONSE]


def _tls_sentence(failure: Failure) -> str:
    if failure.verify_result in VERIFY_CAUSES:
        return VERIFY_CAUSES[failure.verify_result]
    known = _caused(TLS_CAUSES, failure.message)
    if known is not None:
        return known
    if alert := ALERT.search(failure.message):
        return f"The server broke off the TLS handshake with the alert: {alert[1]}."
    return _because(ErrorKind.TLS, plain(failure.message))


def _internal_reason(failure: Failure) -> str:
    number = failure.socket_errno or (failure.os_errno if failure.code == pycurl.E_COULDNT_CONNECT else 0)
    return _errno_words(number) if number else plain(failure.message)


def _caused(causes: tuple[tuple[str, str], ...], message: str) -> str | None:
    lowered = message.lower()
    return next((sentence for words, sentence in causes if words.lower() in lowered), None)


def _errno_words(number: int) -> str:
    words = WORDS_OF_ERRNO.get(number) or plain(os.strerror(number))
    return words[:1].lower() + words[1:]


def plain(text: str) -> str:
    """Words that came from elsewhere, fit to end a sentence: printable ASCII without codes and symbols of programs."""
    text = NOT_PRINTABLE.sub(" ", text)
    if code := OPENSSL_CODE.search(text):
        text = text[code.end() :]
    text = SYMBOL.sub(_symbol_words, ERROR_COLON.sub("error ", text))
    return " ".join(text.split()).rstrip(" .:")


def _symbol_words(symbol: re.Match[str]) -> str:
    number = getattr(errno, symbol[0], None)
    return os.strerror(number).lower() if number is not None else symbol[0].replace("_", " ").lower()
