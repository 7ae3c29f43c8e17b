"""What is the monitor's own fault, in the rows and in what is told of it."""

import time
from collections.abc import Iterable
from datetime import timedelta

import pytest

from monitoring import troubles
from monitoring.connectivity import Connectivity
from monitoring.excuses import Excuses
from monitoring.findings import Check, Finding, finding_of
from monitoring.incidents import Recheck
from monitoring.models import MonitoringData, Outcome, TroubleKind, WebsiteState
from monitoring.notifications.wording import utc
from monitoring.probe.types import ErrorKind, Exchange, ProbeRequest
from monitoring.recorder import Recorder
from monitoring.references import References
from monitoring.states import Known, Rules
from websites.models import Website

pytestmark = pytest.mark.django_db(transaction=True)

INTERVAL = 60


def add(count: int, **fields: object) -> list[Website]:
    """Each in a network of its own."""
    made = Website.objects.bulk_create(
        Website(website_url=f"http://93.{number}.0.1/", monitoring_interval=INTERVAL, **fields)
        for number in range(count)
    )
    return list(made)


def check(website: Website, ago: float, error: ErrorKind | None = None) -> Finding:
    """Begun so many seconds ago: answered at once, or given up after four seconds in which nothing was heard."""
    exchange = Exchange(
        request=ProbeRequest(website.website_url, 4.0),
        started_at=time.time() - ago,
        http_status=0 if error else 200,
        response_time=None if error else 0.1,
        remote_ip=website.website_url.removeprefix("http://").rstrip("/"),
        error=error,
        error_detail="No complete answer." if error else "",
        failed_after=4.0 if error else None,
        is_heard=error is None,
    )
    return finding_of(Check(website.pk, None, Rules(), exchange))


def silent(websites: Iterable[Website], ago: float) -> list[Finding]:
    return [check(website, ago, ErrorKind.TIMEOUT) for website in websites]


class TestRows:
    def desk(self) -> tuple[Recorder, list[Recheck]]:
        asked: list[Recheck] = []
        return Recorder(Connectivity(References(())), recheck=asked.extend), asked

    def test_a_dead_line_makes_websites_unknown_and_never_down(self) -> None:
        websites = add(6, failures_before_down=1)
        desk, asked = self.desk()
        desk.write([check(website, 40) for website in websites[:5]])
        desk.write(silent(websites[5:], 45))
        assert set(WebsiteState.objects.values_list("state", flat=True)) == {"up", "down"}
        asked.clear()
        desk.write(silent(websites, 30))
        rows = MonitoringData.objects.filter(error="timeout").order_by("website", "pk")
        assert [row.outcome for row in rows] == ["unknown"] * 5 + ["down"] * 2
        # What was seen stays as it was seen.
        assert {row.error_detail for row in rows} == {"No complete answer."}
        states = dict(WebsiteState.objects.values_list("website", "state"))
        assert [states[website.pk] for website in websites] == ["unknown"] * 5 + ["down"]
        assert asked == []
        # The line is back, and with it what is known.
        desk.write([check(website, 5) for website in websites])
        assert set(WebsiteState.objects.values_list("state", flat=True)) == {"up"}

    def test_websites_of_one_server_that_is_silent_are_down(self) -> None:
        websites = add(5, failures_before_down=1)
        desk, _ = self.desk()
        desk.write([check(website, 40) for website in websites])
        dead = [one._replace(row=one.row._replace(remote_ip="93.0.0.9")) for one in silent(websites, 20)]
        desk.write(dead)
        assert set(WebsiteState.objects.values_list("state", flat=True)) == {"down"}

    def test_one_that_is_silent_has_others_checked_out_of_turn(self) -> None:
        websites = add(6)
        desk, asked = self.desk()
        desk.write([check(website, 20) for website in websites])
        asked.clear()
        desk.write(silent(websites[:1], 5))
        first, *others = asked
        # Itself, to be sure, and three others.
        assert first == Recheck(websites[0].pk, 0.0)
        assert len(others) == 3
        assert {website_id for website_id, _ in others} < {website.pk for website in websites[1:]}


class TestTelling:
    def said_by(self, excuses: Excuses) -> list[str]:
        """The words of what is told now."""
        excuses._next = 0.0
        excuses.say()
        return [current.words for current in troubles.current() if current.kind is TroubleKind.CUT_OFF]

    def test_what_is_excused_for_more_than_two_intervals_is_told_until_it_is_over(self) -> None:
        websites = add(5)
        known = {website.pk: Known("up", interval=INTERVAL) for website in websites}
        excuses = Excuses(Connectivity(References(())))
        excuses.apply([check(website, 200) for website in websites], known)
        written = excuses.apply(silent(websites, 110), known)
        assert {finding.row.outcome for finding in written} == {Outcome.UNKNOWN}
        assert self.said_by(excuses) == []
        # Two intervals are two minutes.
        excuses._excused = {
            pk: excuse._replace(since=excuse.since - timedelta(seconds=11)) for pk, excuse in excuses._excused.items()
        }
        excuses.apply(silent(websites, 10), known)
        since = min(excuse.since for excuse in excuses._excused.values())
        for _ in range(2):
            assert self.said_by(excuses) == [f"nothing outside can be connected to since {utc(since)}"]
        assert troubles.current()[0].affected == 5
        excuses.apply([check(website, 3) for website in websites[:1]], known)
        assert self.said_by(excuses) == []

    def test_websites_that_are_gone_are_not_excused_for_ever(self) -> None:
        websites = add(5)
        known = {website.pk: Known("up", interval=5) for website in websites}
        excuses = Excuses(Connectivity(References(())))
        excuses.apply([check(website, 200) for website in websites], known)
        excuses.apply(silent(websites, 100), known)
        assert self.said_by(excuses) == []

    def test_what_is_down_stays_down_and_needs_no_excuse(self) -> None:
        websites = add(5)
        known = {website.pk: Known("down" if website is websites[0] else "up", interval=5) for website in websites}
        excuses = Excuses(Connectivity(References(())))
        excuses.apply([check(website, 60) for website in websites], known)
        written = excuses.apply(silent(websites, 20), known)
        assert [finding.row.outcome for finding in written] == ["down", *["unknown"] * 4]
        assert len(self.said_by(excuses)) == 1
        assert [current.affected for current in troubles.current()] == [4]
