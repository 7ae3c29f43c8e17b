"""Checks that say what a test wants, on their real way into the database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from monitoring.connectivity import Connectivity
from monitoring.findings import Check, finding_of
from monitoring.incidents import Recheck
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest
from monitoring.recorder import Recorder
from monitoring.references import References
from monitoring.states import Rules
from websites.models import Website

# Unix time of second 0.
START = 1_736_928_000


def at(second: float) -> datetime:
    return datetime.fromtimestamp(START + second, UTC)


def check(
    website: Website,
    second: float,
    letter: str = "u",
    *,
    response_time: float = 0.125,
    body: str = "",
    remote_ip: str | None = "127.0.0.1",
) -> Check:
    """Made in that second: `u` is answered 200, `d` 503, `r` refused after half a second, `?` failed by our fault."""
    error = {"r": ErrorKind.REFUSED, "?": ErrorKind.INTERNAL}.get(letter)
    exchange = Exchange(
        request=ProbeRequest(website.website_url, 5.0, website.regex),
        started_at=START + second,
        http_status=0 if error else {"u": 200, "d": 503}[letter],
        response_time=None if error else response_time,
        remote_ip=remote_ip,
        error=error,
        error_detail="Words of the check." if error else "",
        body=body.encode(),
        content_type="text/plain; charset=utf-8",
        failed_after=0.5 if error else None,
    )
    rules = Rules(must_match=website.regex_must_match, slow_threshold=website.slow_threshold)
    return Check(website.pk, int((START + second) * 1000), rules, exchange)


def series(website: Website, letters: str, *, since: float = 0, every: float = 10) -> list[Check]:
    return [check(website, since + every * number, letter) for number, letter in enumerate(letters)]


class Desk:
    """A recorder that notes what it wants checked once more."""

    def __init__(self) -> None:
        self.rechecks: list[Recheck] = []
        self._recorder = Recorder(Connectivity(References(())), recheck=self.rechecks.extend)

    def write(self, checks: Iterable[Check]) -> None:
        """In one flush."""
        self._recorder.write([finding_of(one) for one in checks])

    def write_one_by_one(self, checks: Sequence[Check]) -> None:
        for one in checks:
            self.write([one])
