import pytest

from monitoring.models import State
from monitoring.states import judge


@pytest.mark.parametrize(
    ("http_status", "error", "wants_body", "state"),
    [
        (200, "", False, State.UP),
        (204, "", True, State.UP),
        (301, "", False, State.UP),
        (399, "", False, State.UP),
        (400, "", False, State.DOWN),
        (503, "", False, State.DOWN),
        (999, "", False, State.DOWN),
        (0, "refused", False, State.DOWN),
        (200, "timeout", False, State.DOWN),
        (200, "truncated", True, State.DOWN),
        # The size of a body that nobody wants to read says nothing about the website.
        (200, "body_too_large", False, State.UP),
        (200, "body_too_large", True, State.DOWN),
        (503, "body_too_large", False, State.DOWN),
        # Our own fault is nobody's outage.
        (0, "internal", False, State.UNKNOWN),
        (200, "internal", True, State.UNKNOWN),
    ],
)
def test_one_check_argues_for_a_state(http_status: int, error: str, wants_body: bool, state: State) -> None:
    assert judge(http_status, error, wants_body=wants_body) is state
