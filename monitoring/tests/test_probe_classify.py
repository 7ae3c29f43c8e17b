"""Every way for an exchange to fail has a kind and a sentence."""

import errno

import pycurl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.probe import ErrorKind
from monitoring.probe.classify import DETAIL_MAX_LENGTH, Failure, detail, kind


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure(pycurl.E_COULDNT_RESOLVE_HOST), "dns"),
        (Failure(pycurl.E_OPERATION_TIMEDOUT, name_resolved=False), "dns"),
        (Failure(pycurl.E_OPERATION_TIMEDOUT, name_resolved=True), "timeout"),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.ECONNREFUSED, dialled=True), "refused"),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.EHOSTUNREACH, dialled=True), "connect"),
        (Failure(pycurl.E_COULDNT_CONNECT, blocked_address="10.0.0.1"), "blocked_address"),
        # One address was blocked, and the one that was dialled instead refused.
        (
            Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.ECONNREFUSED, blocked_address="10.0.0.1", dialled=True),
            "refused",
        ),
        (Failure(pycurl.E_COULDNT_CONNECT, socket_errno=errno.EMFILE), "internal"),
        (Failure(pycurl.E_WRITE_ERROR, cap_reached=True, http_status=200), "body_too_large"),
        (Failure(pycurl.E_PARTIAL_FILE, http_status=200), "truncated"),
        (Failure(pycurl.E_RECV_ERROR, http_status=200, dialled=True), "truncated"),
        (Failure(pycurl.E_RECV_ERROR, "invalid chunk", http_status=200, dialled=True), "invalid_response"),
        (Failure(pycurl.E_RECV_ERROR, dialled=True), "invalid_response"),
        (Failure(pycurl.E_HTTP2, dialled=True), "invalid_response"),
        (Failure(pycurl.E_UNSUPPORTED_PROTOCOL, dialled=True), "invalid_response"),
        (Failure(pycurl.E_UNSUPPORTED_PROTOCOL), "internal"),
        (Failure(pycurl.E_URL_MALFORMAT), "internal"),
        (Failure(pycurl.E_OUT_OF_MEMORY), "internal"),
        (Failure(pycurl.E_SSL_CACERT_BADFILE), "internal"),
        (Failure(pycurl.E_SSL_CONNECT_ERROR), "tls"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION), "tls"),
    ],
)
def test_a_failure_is_of_one_kind(failure: Failure, error: str) -> None:
    assert kind(failure) == error


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=10), "has expired"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=9), "not valid yet"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=18), "self-signed"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=19), "root is not trusted"),
        (Failure(pycurl.E_PEER_FAILED_VERIFICATION, verify_result=20), "issuer is not trusted"),
        (Failure(pycurl.E_COULDNT_CONNECT, socket_errno=errno.EMFILE), "too many open files"),
        (Failure(pycurl.E_COULDNT_CONNECT, os_errno=errno.EHOSTUNREACH, dialled=True), "unreachable"),
        (Failure(pycurl.E_OPERATION_TIMEDOUT, name_resolved=True, timeout=2.5), "within 2.5 seconds"),
        (Failure(pycurl.E_OPERATION_TIMEDOUT, timeout=10.0), "not be resolved within 10 seconds"),
    ],
)
def test_the_sentence_names_the_cause(failure: Failure, words: str) -> None:
    assert words in detail(kind(failure), failure)


@given(
    code=st.integers(1, 120),
    message=st.text(max_size=500),
    http_status=st.sampled_from([0, 200]),
    os_errno=st.integers(0, 140),
    verify_result=st.integers(0, 100),
    dialled=st.booleans(),
)
def test_every_code_has_a_kind_and_a_short_printable_sentence(
    *, code: int, message: str, http_status: int, os_errno: int, verify_result: int, dialled: bool
) -> None:
    failure = Failure(
        code, message, http_status=http_status, os_errno=os_errno, verify_result=verify_result, dialled=dialled
    )
    error = kind(failure)
    words = detail(error, failure)
    assert isinstance(error, ErrorKind)
    assert 0 < len(words) <= DETAIL_MAX_LENGTH
    assert words.isascii()
    assert words.isprintable()
