import pytest

from monitoring.models import Outcome
from monitoring.probe.types import ErrorKind, Exchange, Matches, ProbeRequest, ProbeResult
from monitoring.states import Rules, judge
from websites.request_options import read_statuses


def result(
    http_status: int, error: str = "", *, pattern: str | None = None, matches: Matches | None = None
) -> ProbeResult:
    request = ProbeRequest("http://host.example/", 5.0, pattern)
    kind = ErrorKind(error) if error else None
    return ProbeResult(
        Exchange(request, 0.0, http_status, None, error=kind, error_detail="Words." * bool(error)), matches
    )


@pytest.mark.parametrize(
    ("http_status", "error", "wants_body", "outcome"),
    [
        (200, "", False, Outcome.UP),
        (204, "", True, Outcome.UP),
        (301, "", False, Outcome.UP),
        (399, "", False, Outcome.UP),
        (400, "", False, Outcome.DOWN),
        (503, "", False, Outcome.DOWN),
        (999, "", False, Outcome.DOWN),
        (0, "refused", False, Outcome.DOWN),
        (200, "timeout", False, Outcome.DOWN),
        (200, "truncated", True, Outcome.DOWN),
        # The size of a body that nobody wants to read says nothing about the website.
        (200, "body_too_large", False, Outcome.UP),
        (200, "body_too_large", True, Outcome.DOWN),
        (503, "body_too_large", False, Outcome.DOWN),
        # Our own fault is nobody's outage.
        (0, "internal", False, Outcome.UNKNOWN),
        (200, "internal", True, Outcome.UNKNOWN),
    ],
)
def test_one_check_argues_for_an_outcome(http_status: int, error: str, wants_body: bool, outcome: Outcome) -> None:
    assert judge(result(http_status, error, pattern="x" if wants_body else None), Rules())[0] is outcome


@pytest.mark.parametrize(
    ("accepted", "http_status", "outcome"),
    [
        ("200-399", 200, Outcome.UP),
        ("401", 401, Outcome.UP),
        ("401", 200, Outcome.DOWN),
        ("200-299,304", 304, Outcome.UP),
        ("200-299,304", 301, Outcome.DOWN),
        ("100-999", 999, Outcome.UP),
    ],
)
def test_the_accepted_statuses_are_the_websites_own(accepted: str, http_status: int, outcome: Outcome) -> None:
    judged, words = judge(result(http_status), Rules(read_statuses(accepted)))
    assert judged is outcome
    assert words == ("" if outcome is Outcome.UP else f"The status {http_status} is not accepted.")


@pytest.mark.parametrize("must_match", [False, True])
@pytest.mark.parametrize(
    ("matches", "outcome", "words"),
    [
        (["1"], Outcome.UP, ""),
        ([], Outcome.DOWN, "The regex matches nothing."),
        (None, Outcome.UNKNOWN, "The regex could not be run."),
    ],
)
def test_a_regex_that_must_match_decides_and_another_one_only_extracts(
    must_match: bool, matches: Matches | None, outcome: Outcome, words: str
) -> None:
    judged = judge(result(200, pattern="x", matches=matches), Rules(must_match=must_match))
    assert judged == ((outcome, words) if must_match else (Outcome.UP, ""))


def test_an_error_keeps_its_own_words() -> None:
    assert judge(result(0, "dns"), Rules(must_match=True)) == (Outcome.DOWN, "Words.")
