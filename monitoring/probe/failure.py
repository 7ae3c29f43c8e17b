"""What is known of an exchange that did not end with a usable answer, before anybody judges it."""

from dataclasses import dataclass

from monitoring.probe.types import ErrorKind


class BodyError(Exception):
    """A body that is of no use: what kind of error that is, and a sentence."""

    def __init__(self, kind: ErrorKind, words: str) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words


@dataclass(slots=True)
class Failure:
    """What libcurl, OpenSSL and the system say, and what the engine itself decided."""

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
    body_error: BodyError | None = None
    blocked_address: str | None = None
    # Not dialled since another version of IP is asked for.
    address_of_other_version: str | None = None
    dialled: bool = False
    socket_errno: int = 0
    # An EAI_* number, where the name was looked up outside libcurl.
    lookup_error: int = 0
