"""What stored checks make of states and incidents."""

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection, connections

from monitoring.models import (
    EndReason,
    ExtractedValue,
    Incident,
    IncidentKind,
    MonitoringData,
    State,
    StateChange,
    WebsiteState,
)
from monitoring.tests.scripted_checks import Desk, at, check, series
from websites.models import Website
from websites.tests.websites import add

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def website() -> Website:
    return add("http://127.0.0.1/")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def state(website: Website) -> str:
    return WebsiteState.objects.get(website=website).state


def changes(website: Website) -> list[tuple[str, str]]:
    return list(website.state_changes.order_by("changed_at", "pk").values_list("old", "new"))


@pytest.mark.parametrize(
    ("letters", "fields", "states"),
    [
        ("u", {}, "unknown-up"),
        ("ud", {}, "unknown-up"),
        ("udu", {}, "unknown-up"),
        ("udd", {}, "unknown-up up-down"),
        ("udrdu", {}, "unknown-up up-down down-up"),
        ("ud", {"failures_before_down": 1}, "unknown-up up-down"),
        ("udddd", {"failures_before_down": 5}, "unknown-up"),
        ("uddddd", {"failures_before_down": 5}, "unknown-up up-down"),
        ("udduud", {"successes_before_up": 3}, "unknown-up up-down"),
        ("udduuud", {"successes_before_up": 3}, "unknown-up up-down down-up"),
        ("dd", {}, "unknown-down"),
        ("?", {}, ""),
        ("u??", {}, "unknown-up up-unknown"),
        ("u??u", {}, "unknown-up up-unknown unknown-up"),
        ("u??dd", {}, "unknown-up up-unknown unknown-down"),
        ("udd???u", {}, "unknown-up up-down down-up"),
        ("ud?d", {}, "unknown-up up-down"),
    ],
)
@pytest.mark.parametrize("is_one_flush", [True, False])
def test_the_state_follows_the_checks(
    desk: Desk, letters: str, fields: dict[str, int], states: str, is_one_flush: bool
) -> None:
    website = add("http://127.0.0.1/", **fields)
    checks = series(website, letters)
    if is_one_flush:
        desk.write(checks)
    else:
        desk.write_one_by_one(checks)
    assert [f"{old}-{new}" for old, new in changes(website)] == states.split()


def test_an_incident_begins_with_the_first_failure_and_is_bounded_by_checks(desk: Desk, website: Website) -> None:
    desk.write_one_by_one(series(website, "uurr"))
    incident = Incident.objects.get()
    assert (incident.kind, incident.started_at) == (IncidentKind.DOWN, at(20))
    # A refusal took half a second.
    assert (incident.started_after, incident.started_before) == (at(10), at(20.5))
    assert (incident.error, incident.error_detail, incident.http_status) == ("refused", "Words of the check.", 0)
    assert incident.ended_at is None
    assert WebsiteState.objects.get().since == at(20)
    change = StateChange.objects.get(new=State.DOWN)
    assert (change.changed_at, change.error) == (at(30), "refused")


def test_an_incident_ends_with_the_first_success_and_is_bounded_by_checks(desk: Desk) -> None:
    website = add("http://127.0.0.1/", successes_before_up=2)
    desk.write_one_by_one(series(website, "uddd?uu"))
    incident = Incident.objects.get()
    assert (incident.ended_at, incident.ended_after, incident.ended_before) == (at(50), at(30), at(50.125))
    assert incident.end_reason == EndReason.RECOVERED
    assert WebsiteState.objects.get().since == at(50)


def test_what_says_nothing_lies_within_the_bounds_of_the_start(desk: Desk, website: Website) -> None:
    desk.write_one_by_one(series(website, "u?dd"))
    incident = Incident.objects.get()
    assert (incident.started_after, incident.started_at) == (at(0), at(20))


def test_the_last_good_check_is_found_behind_many_that_say_nothing(desk: Desk, website: Website) -> None:
    desk.write_one_by_one(series(website, "u" + "?" * 30 + "dd"))
    assert Incident.objects.get().started_after == at(0)


def test_bounds_are_found_behind_days_that_say_nothing(desk: Desk, website: Website) -> None:
    Website.objects.update(created_at=at(0))
    desk.write_one_by_one(series(website, "u" + "?" * 40 + "dd" + "?" * 40 + "u", every=7_200))
    incident = Incident.objects.get()
    assert (incident.started_after, incident.started_at) == (at(0), at(41 * 7_200))
    assert (incident.ended_after, incident.ended_at) == (at(42 * 7_200), at(83 * 7_200))


def test_bounds_are_found_behind_days_in_which_nobody_checked(desk: Desk, website: Website) -> None:
    Website.objects.update(created_at=at(0))
    for second, letter in ((0, "u"), (300_000, "d"), (300_060, "d"), (600_000, "u")):
        desk.write([check(website, second, letter)])
    incident = Incident.objects.get()
    assert (incident.started_after, incident.ended_after) == (at(0), at(300_060))


def test_a_website_that_was_never_up_has_no_lower_bound(desk: Desk, website: Website) -> None:
    desk.write_one_by_one(series(website, "dd"))
    assert Incident.objects.get().started_after is None


@pytest.mark.parametrize(
    ("order", "final"),
    [
        # Made at second 0, 10, ...; `order` is the order in which they come in.
        ([0, 2, 1, 3], State.UP),
        ([0, 3, 2, 1], State.UP),
        ([0, 1, 3, 2], State.UP),
    ],
)
def test_late_checks_do_not_undo_newer_ones(desk: Desk, website: Website, order: list[int], final: State) -> None:
    checks = series(website, "uddu")
    desk.write_one_by_one([checks[number] for number in order])
    assert state(website) == final


def test_a_check_older_than_the_latest_change_changes_nothing(desk: Desk, website: Website) -> None:
    desk.write_one_by_one(series(website, "udd"))
    before = changes(website)
    desk.write([check(website, 15, "u"), check(website, 5, "d")])
    assert changes(website) == before
    assert Incident.objects.get().ended_at is None


@pytest.mark.parametrize("seed", range(12))
def test_in_any_order_and_any_pieces_the_newest_checks_decide(desk: Desk, website: Website, seed: int) -> None:
    """Late checks may hide short outages, but never leave another state than the newest ones ask for."""
    dice = random.Random(seed)
    checks = series(website, "".join(dice.choices("uudd", k=20)) + dice.choice(["uuu", "ddd"]), every=5)
    early, last = checks[:-3], checks[-3:]
    dice.shuffle(early)
    while early:
        size = dice.randint(1, 5)
        desk.write(early[:size])
        early = early[size:]
    desk.write_one_by_one(last)
    expected = State.UP if last[0].exchange.http_status == 200 else State.DOWN
    assert state(website) == expected
    assert Incident.objects.filter(ended_at=None).count() == (expected == State.DOWN)


def test_many_workers_at_once_open_one_incident(website: Website) -> None:
    Desk().write([check(website, 0)])
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        desk = Desk()
        barrier.wait()
        desk.write([check(website, 10 + number, "r")])
        connections.close_all()

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert MonitoringData.objects.count() == 9
    assert Incident.objects.count() == 1
    assert changes(website) == [("unknown", "up"), ("up", "down")]


def test_steady_checks_ask_nothing_and_write_nothing(desk: Desk, website: Website) -> None:
    from django.test.utils import CaptureQueriesContext

    desk.write([check(website, 0)])
    with CaptureQueriesContext(connection) as queries:
        desk.write([check(website, 10)])
    words = " ".join(query["sql"] for query in queries)
    assert "FOR UPDATE" not in words
    assert "monitoring_incident" not in words
    assert "UPDATE" not in words.upper().replace("FOR UPDATE", "")


class TestRechecks:
    @pytest.mark.parametrize(
        ("letters", "failures", "delays"),
        [
            ("ud", 2, [15.0]),
            ("udd", 2, [15.0]),
            ("udd", 3, [15.0, 15.0]),
            ("udddd", 4, [15.0, 15.0, 15.0]),
            ("ud", 1, []),
            ("uddud", 2, [15.0, 15.0]),
            ("u?", 2, []),
            ("d", 2, [15.0]),
            # Refused after half a second: nothing answered, and it may only just be restarting.
            ("ur", 2, [1.5]),
            ("urr", 3, [1.5, 15.0]),
        ],
    )
    def test_a_failure_is_confirmed_between_the_slots(
        self, desk: Desk, letters: str, failures: int, delays: list[float]
    ) -> None:
        website = add("http://127.0.0.1/", failures_before_down=failures)
        desk.write_one_by_one(series(website, letters))
        assert [delay for _, delay in desk.rechecks] == delays
        assert {website_id for website_id, _ in desk.rechecks} <= {website.pk}

    @pytest.mark.parametrize(("retry_after", "delays"), [(None, [15.0]), (30.0, [30.0]), (60.0, []), (1e9, [])])
    def test_a_website_that_asks_to_be_left_alone_is(
        self, desk: Desk, retry_after: float | None, delays: list[float]
    ) -> None:
        website = add("http://127.0.0.1/")
        one = check(website, 10, "d")
        desk.write([check(website, 0), one._replace(exchange=one.exchange._replace(retry_after=retry_after))])
        assert [delay for _, delay in desk.rechecks] == delays

    def test_a_slot_confirms_it_whatever_it_asks_for(self, desk: Desk, website: Website) -> None:
        failing = [check(website, second, "d") for second in (10, 70)]
        asking = [one._replace(exchange=one.exchange._replace(retry_after=3600.0)) for one in failing]
        desk.write_one_by_one([check(website, 0), *asking])
        assert desk.rechecks == []
        assert changes(website) == [("unknown", "up"), ("up", "down")]

    def test_a_failure_that_comes_late_is_not(self, desk: Desk, website: Website) -> None:
        desk.write_one_by_one([check(website, 20), check(website, 10, "d")])
        assert desk.rechecks == []


class TestSlow:
    @pytest.fixture
    def website(self) -> Website:
        return add("http://127.0.0.1/", slow_threshold=1.0, slow_checks=2)

    def write(self, desk: Desk, website: Website, *seconds: float) -> None:
        for number, response_time in enumerate(seconds):
            desk.write([check(website, 10 * number, response_time=response_time)])

    def test_so_many_slow_answers_in_a_row_open_an_incident(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, 0.1, 2.0, 0.1, 2.0, 3.0)
        incident = Incident.objects.get()
        assert (incident.kind, incident.started_at, incident.started_after) == (IncidentKind.SLOW, at(30), at(20))
        assert incident.error_detail == "Answers took longer than 1 s, 2 times in a row."
        assert state(website) == State.UP

    def test_as_many_fast_ones_end_it(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, 2.0, 2.0, 0.1, 2.0, 0.1, 0.2)
        incident = Incident.objects.get()
        assert (incident.ended_at, incident.end_reason) == (at(40), EndReason.RECOVERED)
        assert not WebsiteState.objects.get().is_slow

    def test_what_did_not_answer_is_no_bound(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, 0.1)
        desk.write([check(website, 10, "r")])
        for second in (20, 30):
            desk.write([check(website, second, response_time=2.0)])
        assert Incident.objects.get().started_after == at(0)

    def test_another_threshold_ends_it_not_before_it_began(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, 0.1, 0.1, 0.1, 2.0, 2.0)
        website.slow_threshold, website.slow_checks = 5.0, 5
        website.save()
        desk.write([check(website, 50, response_time=2.0)])
        incident = Incident.objects.get()
        assert (incident.started_at, incident.ended_at) == (at(30), at(30))
        assert incident.ended_before == incident.started_before

    def test_it_ends_where_the_threshold_is_taken_away(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, 2.0, 2.0)
        website.slow_threshold = None
        website.save()
        assert Incident.objects.get().end_reason == EndReason.DROPPED
        assert not WebsiteState.objects.get().is_slow


class TestValues:
    def write(self, desk: Desk, website: Website, *bodies: str) -> None:
        for number, body in enumerate(bodies):
            desk.write([check(website, 10 * number, body=body)])

    def test_the_history_has_a_row_a_change(self, desk: Desk) -> None:
        website = add("http://127.0.0.1/", regex=r"v(\d+)")
        self.write(desk, website, "v1", "v1 v9", "v2", "none", "v2")
        history = ExtractedValue.objects.order_by("seen_at").values_list("value", "seen_at")
        assert list(history) == [("1", at(0)), ("2", at(20)), ("", at(30)), ("2", at(40))]
        assert WebsiteState.objects.get().value == "2"
        assert not Incident.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "bodies", "words"),
        [
            ({"value_min": 10}, ["v12", "v9"], "The value 9 is below 10."),
            ({"value_max": 10}, ["v12"], "The value 12 is above 10."),
            ({"value_min": 1, "value_max": 10}, ["v1", "v10"], ""),
            ({"value_min": 10}, ["v12", "none"], "The regex matches nothing."),
            ({"alert_on_value_missing": True}, ["v12", "none"], "The regex matches nothing."),
            ({}, ["v12", "none"], ""),
            ({"value_min": 1, "regex": "v(.*)"}, ["vx"], "The value is not a number."),
        ],
    )
    def test_a_value_that_is_not_as_it_should_be_is_an_incident(
        self, desk: Desk, fields: dict[str, Any], bodies: list[str], words: str
    ) -> None:
        website = add("http://127.0.0.1/", **{"regex": r"v(\d+)", **fields})
        self.write(desk, website, *bodies)
        assert [incident.error_detail for incident in Incident.objects.all()] == [words] * bool(words)
        assert {incident.kind for incident in Incident.objects.all()} <= {IncidentKind.VALUE}

    def test_the_incident_ends_where_the_value_is_good_again(self, desk: Desk) -> None:
        website = add("http://127.0.0.1/", regex=r"v(\d+)", value_min=10)
        self.write(desk, website, "v12", "v9", "v8", "v10")
        incident = Incident.objects.get()
        assert (incident.started_at, incident.ended_at) == (at(10), at(30))

    def test_a_check_without_a_value_is_no_bound(self, desk: Desk) -> None:
        website = add("http://127.0.0.1/", regex=r"v(\d+)", value_min=10)
        self.write(desk, website, "v12")
        desk.write([check(website, 10, "r")])
        desk.write([check(website, 20, body="v9")])
        assert Incident.objects.get().started_after == at(0)

    def test_a_late_check_changes_no_value(self, desk: Desk) -> None:
        website = add("http://127.0.0.1/", regex=r"v(\d+)")
        desk.write([check(website, 10, body="v2")])
        desk.write([check(website, 0, body="v1")])
        assert [row.value for row in ExtractedValue.objects.all()] == ["2"]


class TestPauses:
    def test_a_pause_ends_what_is_open_and_resuming_begins_anew(self, desk: Desk, website: Website) -> None:
        desk.write_one_by_one(series(website, "udd"))
        website.is_active = False
        website.save()
        incident = Incident.objects.get()
        assert incident.end_reason == EndReason.PAUSED
        assert incident.ended_at is not None
        assert state(website) == State.PAUSED
        # What was under way says nothing any more.
        desk.write([check(website, 40, "u")])
        assert state(website) == State.PAUSED
        website.is_active = True
        website.save()
        assert state(website) == State.UNKNOWN

    def test_checks_from_before_the_pause_do_not_count_after_it(self, desk: Desk, website: Website) -> None:
        desk.write_one_by_one(series(website, "ud"))
        for is_active in (False, True):
            website.is_active = is_active
            website.save()
        WebsiteState.objects.update(judged_until=at(15))
        desk.write([check(website, 20, "d")])
        assert not Incident.objects.exists()

    @pytest.mark.parametrize("save", [lambda: Website.objects.update(is_active=False)])
    def test_bulk_changes_pause_as_well(self, desk: Desk, website: Website, save: Callable[[], Any]) -> None:
        desk.write_one_by_one(series(website, "udd"))
        save()
        assert state(website) == State.PAUSED
        assert Incident.objects.get().end_reason == EndReason.PAUSED


def test_deleting_a_website_takes_its_incidents_along(desk: Desk, website: Website) -> None:
    desk.write_one_by_one(series(website, "udd"))
    website.delete()
    assert not Incident.objects.exists()
    assert not StateChange.objects.exists()


class TestAfterAPause:
    def pause(self, website: Website, second: float) -> None:
        for is_active in (False, True):
            website.is_active = is_active
            website.save()
        # As if that had been then.
        WebsiteState.objects.update(judged_until=at(second), resumed_at=at(second))

    def test_slow_answers_from_before_it_do_not_count(self, desk: Desk) -> None:
        website = add("http://127.0.0.1/", slow_threshold=1.0, slow_checks=2)
        desk.write([check(website, 0, response_time=2.0)])
        self.pause(website, 5)
        desk.write([check(website, 10, response_time=2.0)])
        assert not Incident.objects.exists()
        desk.write([check(website, 20, response_time=2.0)])
        assert Incident.objects.get().started_at == at(10)

    def test_a_value_that_is_still_bad_is_an_incident_again_and_no_change(self, desk: Desk) -> None:
        website = add("http://127.0.0.1/", regex=r"v(\d+)", value_min=10)
        desk.write([check(website, 0, body="v9")])
        self.pause(website, 5)
        desk.write([check(website, 10, body="v9")])
        assert [incident.started_at for incident in Incident.objects.order_by("pk")] == [at(0), at(10)]
        assert [row.value for row in ExtractedValue.objects.all()] == ["9"]


class TestClockSetBack:
    """By two hours, and an outage within them."""

    @staticmethod
    def write(desk: Desk, website: Website, letters: str, *, since: float, every: float = 10) -> None:
        for one in series(website, letters, since=since, every=every):
            with time_machine.travel(one.exchange.started_at + 1, tick=False):
                desk.write([one])

    def test_an_outage_is_noticed_all_the_same(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, "uuu", since=7_200)
        self.write(desk, website, "udd", since=0)
        assert Incident.objects.get().started_at == at(10)
        assert state(website) == State.DOWN

    def test_what_was_stored_before_does_not_count_when_its_time_comes_again(
        self, desk: Desk, website: Website
    ) -> None:
        self.write(desk, website, "u" * 60, since=7_200)
        # Between them, by their times, are good ones.
        self.write(desk, website, "d" * 50, since=7_201)
        assert [incident.ended_at for incident in Incident.objects.all()] == [None]
        assert changes(website) == [("unknown", "up"), ("up", "down")]

    def test_an_outage_ends_and_not_before_it_began(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, "udd", since=7_200)
        self.write(desk, website, "u", since=0)
        incident = Incident.objects.get()
        assert (incident.started_at, incident.ended_at) == (at(7_210), at(7_210))
        assert state(website) == State.UP

    def test_a_website_that_was_resumed_before_is_watched(self, desk: Desk, website: Website) -> None:
        self.write(desk, website, "u", since=7_100)
        with time_machine.travel(at(7_200), tick=False):
            for is_active in (False, True):
                website.is_active = is_active
                website.save()
        MonitoringData.objects.all().delete()
        self.write(desk, website, "dd", since=0)
        assert Incident.objects.get().started_at == at(0)


def test_new_bounds_hold_for_the_value_there_is(desk: Desk) -> None:
    website = add("http://127.0.0.1/", regex=r"v(\d+)")
    desk.write([check(website, 0, body="v9")])
    website.value_min = 10
    website.save()
    desk.write([check(website, 10, body="v9")])
    assert Incident.objects.get().error_detail == "The value 9 is below 10."
    website.refresh_from_db()
    website.value_min = 5
    website.save()
    assert Incident.objects.get().end_reason == EndReason.DROPPED


def test_whoever_is_judged_along_changes_nothing(desk: Desk) -> None:
    patient = add("http://127.0.0.2/", failures_before_down=10)
    website = add("http://127.0.0.1/", slow_checks=1)
    checks = series(website, "d??????")
    desk.write_one_by_one(checks)
    desk.write([check(website, 70, "d"), check(patient, 70, "d")])
    assert not Incident.objects.exists()
