"""A replay beside what the worker really made of the checks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest
import time_machine
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from monitoring.models import Alert, AlertStatus, IncidentKind, MonitoringData, State, StateChange, WebsiteState
from monitoring.replay import ReplayedIncident, Telling
from monitoring.replay_comparison import Comparison, Override, Window, apart, compare
from monitoring.tests.channels import add_channel
from monitoring.tests.scripted_checks import Desk, at, check, series
from monitoring.tests.test_replay import OUTCOMES, PLAIN, times
from websites.models import Website
from websites.tests.websites import add

# Whenever the tests run, what they notice is noticed within it.
ALL = Window(at(-86_400), at(86_400 * 36_500))
OWN = Override()


def store(website: Website, letters: str, *, since: float = 0, every: float = 10) -> None:
    """Rows alone, of which nothing followed."""
    MonitoringData.objects.bulk_create(
        MonitoringData(
            website=website,
            http_status=200 if letter == "u" else 503,
            outcome=OUTCOMES[letter],
            entry_timestamp=at(since + every * number),
            scheduled_at=at(since + every * number),
            response_time=0.125,
        )
        for number, letter in enumerate(letters)
    )


def incident(begin: float, end: float | None, kind: IncidentKind = IncidentKind.DOWN) -> ReplayedIncident:
    ended_at = None if end is None else at(end)
    return ReplayedIncident(
        kind.value, at(begin), None, at(begin), at(begin), 0, "", "", None, ended_at=ended_at, closed_at=ended_at
    )


@pytest.mark.parametrize(
    ("others", "is_apart"),
    [
        ([], True),
        ([(10, 20)], False),
        ([(0, 11)], False),
        ([(19, 30)], False),
        ([(12, 15)], False),
        ([(0, 100)], False),
        ([(0, None)], False),
        # Half-open.
        ([(0, 10)], True),
        ([(20, 30)], True),
        ([(20, None)], True),
        ([(30, 40), (0, 5), (5, 10)], True),
        ([(30, 40), (0, 5), (15, 16)], False),
    ],
)
def test_incidents_are_apart_where_none_of_the_others_lasts_at_the_same_time(
    others: list[tuple[float, float | None]], is_apart: bool
) -> None:
    one = incident(10, 20)
    assert apart([one], [incident(*other) for other in others], at(100)) == [one] * is_apart
    slow = [incident(*other, IncidentKind.SLOW) for other in others]
    assert apart([one], slow, at(100)) == [one]


class Step(NamedTuple):
    """A check some seconds after the one before, and whether the website is paused or resumed before it."""

    gap: int
    letter: str
    response_time: float
    toggles: bool


def steps(letters: str, *, pauses: bool) -> st.SearchStrategy[list[Step]]:
    toggles = st.sampled_from([False] * 9 + [True]) if pauses else st.just(False)
    gaps = st.integers(1, 13).map(lambda number: 3 * number)
    step = st.builds(Step, gaps, st.sampled_from(letters), st.sampled_from([0.1, 0.5, 0.9]), toggles)
    return st.lists(step, max_size=40)


# Seconds. Outages are counted by when the deciding check was sent, or else was finished: between multiples of three
# seconds, as all gaps are, that is the same.
FLAPPING_WINDOW = 121


@pytest.mark.django_db(transaction=True)
class TestBesideWhatHappened:
    """The worker's own way, from finished checks to incidents and alerts, and the replay of the rows it left."""

    @pytest.fixture(autouse=True)
    def _flapping(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "FLAPPING_OUTAGES", 3)
            patch.setattr(settings, "FLAPPING_WINDOW", FLAPPING_WINDOW)
            yield

    def live_through(self, website: Website, script: Sequence[Step]) -> None:
        desk, now = Desk(), 0.0
        with time_machine.travel(at(now), tick=False) as clock:
            for step in script:
                now += step.gap
                # Of a website of which nothing was ever known, nobody notes that it is paused.
                if step.toggles and WebsiteState.objects.filter(website=website).exists():
                    self.move(clock, now - 0.75)
                    website.is_active = not website.is_active
                    website.save()
                made = check(website, now, step.letter, response_time=step.response_time)
                self.move(clock, now + (made.exchange.response_time or made.exchange.failed_after or 0.0))
                desk.write([made])

    def move(self, clock: time_machine.Traveller, second: float) -> None:
        """To that second; what is due by then has been told."""
        clock.move_to(at(second))
        due = Alert.objects.filter(status=AlertStatus.WAITING, due_at__lte=at(second))
        due.update(status=AlertStatus.TOLD)

    @pytest.mark.parametrize(
        ("letters", "fields", "pauses"),
        [("ud", {}, False), ("uudr?", {}, False), ("udr??", {}, True), ("uuudr", {"slow_threshold": 0.7}, False)],
    )
    def test_the_same_policy_gives_what_happened(self, letters: str, fields: dict[str, float], pauses: bool) -> None:
        channel = add_channel()
        policies = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
        number = iter(range(1_000_000))

        @examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(steps(letters, pauses=pauses), policies, st.sampled_from([0, 30]))
        def holds(script: list[Step], policy: tuple[int, int, int], delay: int) -> None:
            channel.delay = delay
            channel.save()
            names = ("failures_before_down", "successes_before_up", "slow_checks")
            website = add(f"http://host-{next(number)}.example/", **fields, **dict(zip(names, policy, strict=True)))
            self.live_through(website, script)
            found = compare(website, ALL, Override(), Telling(delay, 3, FLAPPING_WINDOW))
            assert list(found.replayed.incidents) == list(found.happened.incidents)
            assert found.replayed.alerts == found.happened.alerts
            assert (found.checks, found.left_out) == (len(script), 0)
            assert not found.replayed.only
            assert not found.happened.only

        holds()

    @pytest.mark.parametrize(("failures", "slow_checks"), [(2, 1), (5, 1), (2, 10)])
    def test_it_looks_as_far_back_as_the_worker(self, failures: int, slow_checks: int) -> None:
        seen = set()
        for count in range(20):
            website = add(f"http://host-{count}.example/", failures_before_down=failures, slow_checks=slow_checks)
            letters = "d" * (failures - 1) + "?" * count + "d"
            self.live_through(website, [Step(10, letter, 0.1, toggles=False) for letter in letters])
            found = self.replay(website)
            assert list(found.replayed.incidents) == list(found.happened.incidents)
            seen.add(len(found.replayed.incidents))
        assert seen == {0, 1}

    def replay(self, website: Website, window: Window = ALL, override: Override = OWN) -> Comparison:
        return compare(website, window, override, PLAIN)

    @pytest.mark.parametrize(
        ("override", "replayed", "only_happened", "only_replayed"),
        [
            (Override(), [(10, 30), (50, 80)], [], []),
            (Override(failures_before_down=3), [(50, 80)], [(10, 30)], []),
            (Override(failures_before_down=4), [], [(10, 30), (50, 80)], []),
            (Override(failures_before_down=1), [(10, 30), (50, 80), (100, 110)], [], [(100, 110)]),
            (Override(successes_before_up=3), [(10, 110)], [], []),
            (Override(slow_threshold=0.1), [(10, 30), (0, None), (50, 80)], [], [(0, None)]),
        ],
    )
    def test_another_policy_gives_others(
        self,
        override: Override,
        replayed: list[tuple[float, float | None]],
        only_happened: list[tuple[float, float | None]],
        only_replayed: list[tuple[float, float | None]],
    ) -> None:
        website = add()
        Desk().write_one_by_one(series(website, "udduudddu" + "uduuu"))
        found = self.replay(website, override=override)
        assert times(found.happened.incidents) == [(10, 30), (50, 80)]
        assert times(found.replayed.incidents) == replayed
        assert times(found.happened.only) == only_happened
        assert times(found.replayed.only) == only_replayed

    @pytest.mark.parametrize(
        ("since", "until", "happened", "replayed", "left_out"),
        [
            (0, 100, [(10, 40), (60, 80)], [(10, 40), (60, 80)], 0),
            # In the midst of the first, the second one alone is compared.
            (15, 100, [(60, 80)], [(60, 80)], 1),
            (25, 100, [(60, 80)], [(60, 80)], 1),
            (35, 100, [(60, 80)], [(60, 80)], 1),
            (45, 100, [(60, 80)], [(60, 80)], 0),
            # The end of the second one, and its beginning, are outside.
            (0, 75, [(10, 40), (60, None)], [(10, 40), (60, None)], 0),
            (0, 65, [(10, 40)], [(10, 40)], 0),
            (90, 1000, [], [], 0),
            (-100, 0, [], [], 0),
        ],
    )
    def test_only_the_window_counts(
        self,
        since: float,
        until: float,
        happened: list[tuple[float, float | None]],
        replayed: list[tuple[float, float | None]],
        left_out: int,
    ) -> None:
        website = add()
        add_channel()
        self.live_through(website, [Step(10, letter, 0.1, toggles=False) for letter in "udddu" + "udduu"])
        window = Window(at(since + 10), at(until + 10))
        found = self.replay(website, window)
        shift = [tuple(None if moment is None else moment + 10 for moment in pair) for pair in happened]
        assert times(found.happened.incidents) == shift
        assert times(found.replayed.incidents) == shift
        assert happened == replayed
        assert found.left_out == left_out
        assert found.happened.alerts == found.replayed.alerts
        assert not found.happened.only
        assert not found.replayed.only

    def test_what_happened_before_the_oldest_check_is_left_out(self) -> None:
        website = add()
        Desk().write_one_by_one(series(website, "uddu" + "uddu"))
        MonitoringData.objects.filter(entry_timestamp__lt=at(40)).delete()
        found = self.replay(website)
        assert (found.oldest, found.checks, found.left_out) == (at(40), 4, 1)
        assert times(found.happened.incidents) == times(found.replayed.incidents) == [(50, 70)]

    def test_a_website_without_checks_has_nothing_to_replay(self) -> None:
        found = self.replay(add())
        assert (found.checks, found.oldest, found.left_out) == (0, None, 0)
        assert not found.happened.incidents
        assert not found.replayed.incidents

    def test_checks_that_came_in_late_are_replayed_in_the_order_in_which_they_were_made(self) -> None:
        website, desk = add(), Desk()
        desk.write_one_by_one(series(website, "udd"))
        desk.write([check(website, 15, "u")])
        desk.write([check(website, 30, "u")])
        found = self.replay(website)
        assert times(found.happened.only) == [(10, 30)]
        assert not found.replayed.incidents

    def test_the_order_of_rows_does_not_matter(self) -> None:
        one, other = add(), add("https://example.org/other")
        store(one, "uddu" * 2)
        for since, letters in ((40, "uddu"), (0, "uddu")):
            store(other, letters, since=since)
        assert self.replay(one).replayed.incidents == self.replay(other).replayed.incidents

    def test_pauses_are_read_from_the_changes_of_its_own_state(self) -> None:
        website, other = add(), add("https://example.org/other")
        for one in (website, other):
            store(one, "uddddddddu")
        for old, new, moment in (
            (State.UP, State.PAUSED, -50),
            (State.PAUSED, State.UNKNOWN, -40),
            (State.DOWN, State.PAUSED, 35),
            (State.PAUSED, State.UNKNOWN, 55),
            (State.DOWN, State.PAUSED, 500),
            (State.PAUSED, State.UNKNOWN, 600),
        ):
            StateChange.objects.create(website=website, old=old, new=new, changed_at=at(moment))
        assert times(self.replay(website).replayed.incidents) == [(10, 35), (60, 90)]
        assert times(self.replay(website, Window(at(45), at(500))).replayed.incidents) == [(60, 90)]
        assert times(self.replay(website, Window(at(-100), at(45))).replayed.incidents) == [(10, 35)]
        assert times(self.replay(other).replayed.incidents) == [(10, 90)]

    @pytest.mark.parametrize(
        ("change", "began"),
        [
            (lambda: Alert.objects.filter(channel__name="second").delete(), 1),
            (lambda: Alert.objects.filter(channel__name="second").update(status=AlertStatus.DROPPED), 1),
            (lambda: Alert.objects.update(status=AlertStatus.DROPPED), 0),
            (lambda: Alert.objects.update(status=AlertStatus.TOLD), 1),
            (lambda: Alert.objects.update(created_at=ALL.until + timedelta(seconds=1)), 0),
        ],
    )
    def test_alerts_that_happened_count_once_for_all_channels(self, change: Callable[[], object], began: int) -> None:
        add_channel("first")
        add_channel("second")
        website = add()
        Desk().write_one_by_one(series(website, "uddu"))
        Alert.objects.update(created_at=at(40))
        change()
        assert self.replay(website).happened.alerts == Counter({"began": began, "ended": began})
