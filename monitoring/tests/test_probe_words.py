"""Whatever goes wrong is told in a plain sentence, never in the terms of a program."""

import errno
import os
import re
import socket

import pycurl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.probe import ErrorKind, ProbeRequest
from monitoring.probe.classify import internal_exchange, kind
from monitoring.probe.failure import BodyError, Failure
from monitoring.probe.words import DETAIL_MAX_LENGTH, detail, of_our_own, plain

# Of errno(3) and the like.
SYMBOL = re.compile(r"\b(?:[A-Z0-9]+_)*E[A-Z]{3,}")
RAW = "TLS connect error: error:0A000438:SSL routines::tlsv1 alert internal error"


def assert_plain(words: str) -> None:
    assert 1 < len(words) <= DETAIL_MAX_LENGTH
    assert words.isascii()
    assert words.isprintable()
    assert words.endswith(".")
    assert not words.endswith((" .", ":.", ".."))
    assert "error:" not in words
    assert not SYMBOL.search(words)


UNREAD = BodyError(ErrorKind.INVALID_RESPONSE, "The body is not read.")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=10), "has expired"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=9), "not valid yet"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=18), "self-signed"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=19), "root is not trusted"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=20), "issuer is not trusted"),
        (Failure(pycurl.E_COULDNT_CONNECT, socket_errno=errno.EMFILE), "check: too many open files."),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.EADDRNOTAVAIL, dialled=True), "no local address or port"),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.EHOSTUNREACH, dialled=True), "unreachable"),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.EACCES, dialled=True), "made: permission denied."),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=9999, dialled=True), "made: unknown error 9999."),
        (Failure(pycurl.E_COULDNT_CONNECT, dialled=True), "No connection could be made."),
        (Failure(pycurl.E_COULDNT_CONNECT, address_of_other_version="::1"), "The address ::1 is not of the version"),
        (Failure(pycurl.E_OPERATION_TIMEDOUT, name_resolved=True, timeout=2.5), "within 2.5 seconds"),
        (Failure(pycurl.E_OPERATION_TIMEDOUT, timeout=10.0), "not be resolved within 10 seconds"),
        (Failure(pycurl.E_COULDNT_RESOLVE_HOST, lookup_error=socket.EAI_NONAME), "does not exist"),
        (Failure(pycurl.E_COULDNT_RESOLVE_HOST, lookup_error=socket.EAI_FAIL), "could not be resolved."),
        (Failure(pycurl.E_SSL_CONNECT_ERROR, RAW), "reports an internal error"),
        (Failure(pycurl.E_SSL_CONNECT_ERROR, RAW.replace("internal", "decode")), "with the alert: decode error."),
        (Failure(pycurl.E_SSL_CONNECT_ERROR, "error:0A:SSL routines:f:bad length"), "could not be set up: bad length."),
        (Failure(pycurl.E_SSL_CONNECT_ERROR), "The encrypted connection could not be set up."),
        (
            Failure(pycurl.E_WRITE_ERROR, body_error=BodyError(ErrorKind.INVALID_RESPONSE, "The body is not read.")),
            "The body is not read.",
        ),
        (Failure(pycurl.E_FILESIZE_EXCEEDED), "invalid Content-Length"),
        (Failure(pycurl.E_OUT_OF_MEMORY, "Out of memory."), "could not make this check: Out of memory."),
        (Failure(pycurl.E_OUT_OF_MEMORY), "The monitor could not make this check."),
    ],
)
def test_the_sentence_names_the_cause(failure: Failure, words: str) -> None:
    sentence = detail(kind(failure), failure)
    assert words in sentence
    assert_plain(sentence)


@pytest.mark.parametrize("number", range(1, 135))
def test_what_the_system_says_is_told_in_words(number: int) -> None:
    for failure in (
        Failure(pycurl.E_COULDNT_CONNECT, os_errno=number, dialled=True),
        Failure(pycurl.E_COULDNT_CONNECT, socket_errno=number),
        Failure(pycurl.E_COULDNT_RESOLVE_HOST, socket_errno=number),
    ):
        assert_plain(detail(kind(failure), failure))
        assert_plain(detail(ErrorKind.INTERNAL, failure))


PIECES = st.sampled_from(
    [
        *("error:", "ERROR:", "error :", "error:0A000438:SSL routines::", "0A000438", ":", ".", " ", "_", "x" * 198),
        *("EACCES", "ECONNRESET", "SSL_ERROR_ZERO_RETURN", "CURLE_OK", "E", "SSL", "alert ", "\0", "\n", "é", "\ud800"),
    ]
)
MESSAGES = st.one_of(st.text(max_size=500), st.lists(PIECES, max_size=20).map("".join))


@given(
    code=st.integers(1, 120),
    message=MESSAGES,
    http_status=st.sampled_from([0, 200]),
    os_errno=st.integers(0, 140),
    verify_result=st.integers(0, 100),
    dialled=st.booleans(),
)
def test_every_code_has_a_kind_and_a_short_plain_sentence(
    *, code: int, message: str, http_status: int, os_errno: int, verify_result: int, dialled: bool
) -> None:
    failure = Failure(
        code, message, http_status=http_status, os_errno=os_errno, verify_result=verify_result, dialled=dialled
    )
    error = kind(failure)
    assert isinstance(error, ErrorKind)
    assert_plain(detail(error, failure))


@given(reason=MESSAGES)
def test_a_fault_of_our_own_is_a_plain_sentence_whatever_its_reason(reason: str) -> None:
    assert_plain(of_our_own(reason))
    assert internal_exchange(ProbeRequest("http://127.0.0.1/", 1.0), 0.0, reason).error_detail == of_our_own(reason)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "its credentials cannot be read: SECRET_KEY has changed.",
            "its credentials cannot be read: SECRET_KEY has changed",
        ),
        ("  two\nlines\t", "two lines"),
        ("write failed: EPIPE", f"write failed: {os.strerror(errno.EPIPE).lower()}"),
        (RAW, "tlsv1 alert internal error"),
        ("OpenSSL SSL_connect: SSL_ERROR_WANT_READ", "OpenSSL SSL_connect: ssl error want read"),
        ("", ""),
        ("...", ""),
    ],
)
def test_words_from_elsewhere_lose_what_only_programs_read(text: str, words: str) -> None:
    assert plain(text) == words
