"""What a check says about its website."""

from monitoring.models import State
from monitoring.probe.types import ErrorKind

# The first HTTP status that means failure (RFC 9110 section 15).
FAILURE_STATUS = 400


def judge(http_status: int, error: str, *, wants_body: bool) -> State:
    """The state one check argues for, by itself.

    | error                            | status        | state   |
    |----------------------------------|---------------|---------|
    | none                             | below 400     | up      |
    | none                             | 400 and above | down    |
    | internal                         | any           | unknown |
    | body_too_large, no regex to run  | as without    |         |
    | any other                        | any           | down    |
    """
    if error == ErrorKind.INTERNAL:
        return State.UNKNOWN
    if error and not (error == ErrorKind.BODY_TOO_LARGE and not wants_body):
        return State.DOWN
    return State.UP if 0 < http_status < FAILURE_STATUS else State.DOWN
