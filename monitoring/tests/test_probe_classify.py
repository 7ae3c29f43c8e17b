"""Every way for an exchange to fail has a kind."""

import errno

import pycurl
import pytest

from monitoring.probe.classify import kind
from monitoring.probe.failure import BodyError, Failure
from monitoring.probe.types import ErrorKind


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
        (Failure(pycurl.E_COULDNT_CONNECT, address_of_other_version="127.0.0.1"), "connect"),
        (
            Failure(pycurl.E_COULDNT_CONNECT, address_of_other_version="::1", blocked_address="10.0.0.1"),
            "blocked_address",
        ),
        (
            Failure(
                pycurl.E_COULDNT_CONNECT, os_errno=errno.ECONNREFUSED, address_of_other_version="::1", dialled=True
            ),
            "refused",
        ),
        (Failure(pycurl.E_COULDNT_CONNECT, socket_errno=errno.EMFILE), "internal"),
        *(
            (Failure(pycurl.E_WRITE_ERROR, body_error=BodyError(error, "Not read."), http_status=200), error.value)
            for error in (ErrorKind.BODY_TOO_LARGE, ErrorKind.INVALID_RESPONSE, ErrorKind.TRUNCATED)
        ),
        (Failure(pycurl.E_FILESIZE_EXCEEDED, http_status=200, dialled=True), "body_too_large"),
        (Failure(pycurl.E_FILESIZE_EXCEEDED, dialled=True), "invalid_response"),
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
