"""What is known of an exchange that did not end with a usable answer, before anybody judges it."""

from dataclasses import dataclass


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
    cap_reached: bool = False
    # Why the body was not read, in a sentence.
    refusal: str = ""
    blocked_address: str | None = None
    # Not dialled since another version of IP is asked for.
    address_of_other_version: str | None = None
    dialled: bool = False
    socket_errno: int = 0
    # An EAI_* number, where the name was looked up outside libcurl.
    lookup_error: int = 0
