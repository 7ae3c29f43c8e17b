"""What checks, read once more, would have made of incidents and alerts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.decision import Policy
from monitoring.histories import PastCheck
from monitoring.models import AlertKind
from monitoring.replay import Criteria, ReplayedIncident, Span, Telling, alerts_of, incidents_of
from monitoring.replay_comparison import apart
from monitoring.tests.scripted_checks import at

OUTCOMES = {"u": "up", "d": "down", "?": "unknown"}
PLAIN = Telling(0, 5, 1800)


def past(letters: str, *, since: float = 0, every: float = 10, seconds: float = 0.125) -> list[PastCheck]:
    return [
        PastCheck(1, at(since + every * number), OUTCOMES[letter], seconds, None, None, 200, "", "", "127.0.0.1")
        for number, letter in enumerate(letters)
    ]


def second(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - at(0)).total_seconds()


def times(incidents: Sequence[ReplayedIncident] | Iterator[ReplayedIncident]) -> list[tuple[float | None, ...]]:
    """From when until when each lasted, in seconds."""
    return [(second(incident.started_at), second(incident.ended_at)) for incident in incidents]


class TestIncidents:
    @pytest.mark.parametrize(
        ("letters", "failures", "successes", "expected"),
        [
            ("", 2, 1, []),
            ("uuuu", 2, 1, []),
            ("udu", 2, 1, []),
            ("uddu", 2, 1, [(10, 30)]),
            ("udu", 1, 1, [(10, 20)]),
            ("udddu", 3, 1, [(10, 40)]),
            ("udddu", 4, 1, []),
            ("udd", 2, 1, [(10, None)]),
            # Its state is unknown before: that takes as many.
            ("du", 2, 1, []),
            ("ddu", 2, 1, [(0, 20)]),
            ("udduddu", 2, 1, [(10, 30), (40, 60)]),
            ("udduddu", 2, 2, [(10, None)]),
            ("udduudduu", 2, 2, [(10, 30), (50, 70)]),
            # What says nothing neither begins an outage nor ends one.
            ("u?????u", 1, 1, []),
            ("ud?du", 2, 1, [(10, 40)]),
            ("udd???u", 2, 1, [(10, 60)]),
            ("udd?u?u", 2, 2, [(10, 40)]),
            # Where nothing is known for long enough, it begins anew.
            ("ud??du", 2, 1, []),
            ("ud??du", 3, 1, []),
            ("ud??ddu", 2, 1, [(40, 60)]),
            ("ud??ddu", 3, 1, [(10, 60)]),
        ],
    )
    def test_they_follow_the_checks(
        self, letters: str, failures: int, successes: int, expected: list[tuple[float, float | None]]
    ) -> None:
        criteria = Criteria(Policy(failures, successes))
        assert times(incidents_of(past(letters), criteria)) == expected

    def test_they_are_bounded_and_noticed_when_the_deciding_check_ends(self) -> None:
        (incident,) = incidents_of(past("uudduu"), Criteria(Policy(2, 2)))
        assert (incident.started_after, incident.started_before) == (at(10), at(20.125))
        assert (incident.opened_at, incident.closed_at) == (at(30.125), at(50.125))
        assert (incident.ended_after, incident.ended_before) == (at(30), at(40.125))
        assert incident.end_reason == "recovered"

    def test_bounds_are_found_behind_days_that_say_nothing(self) -> None:
        *_, begun = incidents_of(past("u" + "?" * 40 + "d", every=7_200), Criteria(Policy(1, 1)))
        assert begun.started_after == at(0)
        (ended,) = incidents_of(past("udd" + "?" * 40 + "u", every=7_200), Criteria(Policy(1, 1)))
        assert ended.ended_after == at(14_400)

    @pytest.mark.parametrize(
        ("seconds", "checks", "expected"),
        [
            ([0.1, 2, 2, 0.1], 2, [(10, None)]),
            ([0.1, 2, 2, 0.1, 0.1], 2, [(10, 30)]),
            ([0.1, 2, 0.1, 2, 2], 2, [(30, None)]),
            ([2, 1, 1.1, 1], 1, [(0, 10), (20, 30)]),
            ([2, None, 2, None, 0.1, None, 0.1], 2, [(0, 40)]),
            ([2, 2], 3, []),
        ],
    )
    def test_slow_ones_follow_the_response_times(
        self, seconds: list[float | None], checks: int, expected: list[tuple[float, float | None]]
    ) -> None:
        made = [one._replace(response_time=time) for one, time in zip(past("u" * len(seconds)), seconds, strict=True)]
        incidents = list(incidents_of(made, Criteria(slow_threshold=1.0, slow_checks=checks)))
        assert times(incidents) == expected
        assert {incident.kind for incident in incidents} <= {"slow"}
        assert not list(incidents_of(made, Criteria(slow_threshold=None, slow_checks=checks)))

    @pytest.mark.parametrize(
        ("letters", "pauses", "expected"),
        [
            # A pause ends what is open, and nothing made in it counts.
            ("uddddd", [(35, None)], [(10, 35)]),
            ("udddddddu", [(35, 55)], [(10, 35), (60, 80)]),
            ("uddddddu", [(35, 65)], [(10, 35)]),
            ("uddu", [(-100, None)], []),
            ("ddddu", [(-100, 15)], [(20, 40)]),
            ("udd", [(100, None)], [(10, 100)]),
            ("udd", [(100, 200), (300, 400)], [(10, 100)]),
            ("uddddddd", [(35, 36), (55, 56)], [(10, 35), (40, 55), (60, None)]),
            # One failure before it and one after are not two in a row.
            ("uddu", [(15, 16)], []),
            # What was not finished when the pause began says nothing.
            ("uddu", [(20.1, 21)], []),
            ("uddu", [(20.2, 21)], [(10, 20.2)]),
        ],
    )
    def test_pauses_end_them(
        self, letters: str, pauses: list[tuple[float, float | None]], expected: list[tuple[float, float | None]]
    ) -> None:
        spans = [Span(at(begin), None if end is None else at(end)) for begin, end in pauses]
        assert times(incidents_of(past(letters), Criteria(), spans)) == expected

    def test_a_pause_ends_slow_ones_as_well_and_slow_answers_before_it_do_not_count_after_it(self) -> None:
        criteria = Criteria(slow_threshold=1.0, slow_checks=2)
        made = past("uuuuu", seconds=2)
        incidents = list(incidents_of(made, criteria, [Span(at(15), at(25))]))
        assert times(incidents) == [(0, 15), (30, None)]
        assert [incident.end_reason for incident in incidents] == ["paused", ""]

    @given(st.text("ud", max_size=40), st.integers(1, 9))
    def test_with_more_failures_demanded_there_are_some_of_the_same(self, letters: str, failures: int) -> None:
        lax, strict = (times(incidents_of(past(letters), Criteria(Policy(n, 1)))) for n in (failures, failures + 1))
        assert set(strict) <= set(lax)

    @given(st.text("ud?", max_size=40), st.integers(1, 3), st.integers(1, 9))
    def test_with_more_successes_demanded_outages_last_longer(
        self, letters: str, failures: int, successes: int
    ) -> None:
        short, long = (
            list(incidents_of(past(letters), Criteria(Policy(failures, n)))) for n in (successes, successes + 1)
        )
        assert len(long) <= len(short)
        assert not apart(short, long, at(1_000))

    def test_checks_are_taken_one_by_one(self) -> None:
        """However many there are: what comes of them is there before the last is read."""

        def endless() -> Iterator[PastCheck]:
            number = 0
            while True:
                yield from past("udd", since=number)
                number += 30

        incidents = incidents_of(endless(), Criteria())
        assert [second(next(incidents).started_at) for _ in range(1000)] == [10 + 30 * n for n in range(1000)]


class TestAlerts:
    @pytest.mark.parametrize(
        ("letters", "telling", "kinds"),
        [
            ("udd", PLAIN, "began"),
            ("uddu", PLAIN, "began ended"),
            # Noticed at second 20, and its end at 30.
            ("uddu", Telling(10, 5, 1800), "began ended"),
            ("uddu", Telling(11, 5, 1800), ""),
            ("udd", Telling(11, 5, 1800), "began"),
            ("u" + "ddu" * 4, Telling(0, 3, 1800), "began ended began ended flapping"),
            # The third is 60 s after the first.
            ("u" + "ddu" * 4, Telling(0, 3, 61), "began ended began ended flapping"),
            ("u" + "ddu" * 3, Telling(0, 3, 60), "began ended began ended began ended"),
            ("u" + "ddu" * 4, Telling(0, 0, 1800), "began ended began ended began ended began ended"),
            # However long it goes on.
            ("u" + "ddu" * 9, Telling(0, 2, 60), "began ended flapping"),
            # After a calm, it begins anew.
            (("u" + "ddu" * 4 + "u" * 6) * 2, Telling(0, 2, 60), "began ended flapping began ended flapping"),
            # The one that lasts longer than the window is told after all.
            ("u" + "ddu" * 2 + "d" * 9 + "u", Telling(0, 3, 65), "began ended began ended flapping began ended"),
            ("u" + "ddu" * 2 + "d" * 7 + "u", Telling(0, 3, 65), "began ended began ended flapping"),
        ],
    )
    def test_they_follow_the_incidents(self, letters: str, telling: Telling, kinds: str) -> None:
        incidents = incidents_of(past(letters), Criteria())
        assert " ".join(kind.value for kind in alerts_of(incidents, telling)) == kinds

    def test_slow_websites_do_not_flap(self) -> None:
        made = [one._replace(response_time=time) for one, time in zip(past("u" * 12), [0.1, 2] * 6, strict=True)]
        incidents = list(incidents_of(made, Criteria(slow_threshold=1.0, slow_checks=1)))
        assert Counter(alerts_of(incidents, Telling(0, 2, 1800))) == {AlertKind.BEGAN: 6, AlertKind.ENDED: 5}
