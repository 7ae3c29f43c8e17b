"""The plan of slots, walked through time by hand."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.overload import Reason
from monitoring.plan import LATE_TOLERANCE_MS, SOON_PER_SECOND, Plan, Row, next_slot, phase_of

START = 1_800_000_000_000
SOME_DAY = datetime(2026, 1, 31, tzinfo=UTC)

website_ids = st.integers(min_value=1, max_value=2**40)
intervals = st.integers(min_value=5_000, max_value=300_000)
instants = st.integers(min_value=1_600_000_000_000, max_value=2_500_000_000_000)


def plan_of(*websites: tuple[int, int], now: int = START) -> Plan:
    """A plan of `(website_id, interval in seconds)`."""
    plan = Plan()
    plan.update([row(pk, seconds) for pk, seconds in websites], now, 1)
    return plan


def row(pk: int, seconds: int, anchor: int | None = None, changed_at: datetime = SOME_DAY) -> Row:
    return Row(pk, pk + 1000, seconds, anchor, changed_at)


@given(website_ids, intervals, instants)
def test_next_slot_is_the_first_of_the_websites_own_grid(website_id: int, interval: int, now: int) -> None:
    phase = phase_of(website_id, interval)
    slot = next_slot(phase, interval, now)
    assert now < slot <= now + interval
    assert (slot - phase) % interval == 0


@pytest.mark.parametrize("first_id", [1, 5_000, 10**9])
def test_consecutive_websites_are_spread_evenly(first_id: int) -> None:
    per_second = Counter(phase_of(first_id + n, 60_000) // 1000 for n in range(10_000))
    mean = 10_000 / 60
    assert max(per_second.values()) < 1.1 * mean
    assert min(per_second.values()) > 0.9 * mean


def test_every_second_website_is_spread_evenly_too() -> None:
    per_second = Counter(phase_of(2 * n, 60_000) // 1000 for n in range(10_000))
    assert max(per_second.values()) < 1.2 * 10_000 / 60


@pytest.mark.parametrize("seconds", [5, 60, 300])
def test_a_cold_start_of_ten_thousand_has_no_peak(seconds: int) -> None:
    plan = plan_of(*[(pk, seconds) for pk in range(1, 10_001)])
    end = START + 2 * seconds * 1000
    per_second = Counter(moment // 1000 for moment in range(START, end, 250) for _ in plan.take_due(moment))
    assert sum(per_second.values()) >= 19_000
    assert max(per_second.values()) < 1.5 * 10_000 / seconds


def test_a_website_is_due_once_a_slot_without_drift() -> None:
    plan = plan_of((7, 5))
    slots = [slot for now in range(START, START + 60_000, 170) for _, slot in plan.take_due(now) if slot]
    assert len(slots) == 12
    assert {later - earlier for earlier, later in pairwise(slots)} == {5_000}
    assert plan.missed == 0


def test_slots_are_the_same_after_a_restart() -> None:
    first = plan_of((7, 60)).next_due()
    assert plan_of((7, 60), now=START + 1_234).next_due() in (first, (first or 0) + 60_000)


def test_an_edit_of_another_website_keeps_the_slot() -> None:
    plan = plan_of((1, 60))
    before = plan.next_due()
    plan.update([row(1, 60), row(2, 300)], START + 10, 2)
    assert plan.entries[1].due == before


def test_a_changed_interval_moves_to_its_own_grid_and_the_old_slot_is_dropped() -> None:
    plan = plan_of((1, 60))
    plan.update([row(1, 5)], START, 2)
    due = [slot for now in range(START, START + 60_000, 100) for _, slot in plan.take_due(now) if slot]
    assert len(due) == 12
    assert all((slot - phase_of(1, 5_000)) % 5_000 == 0 for slot in due)


def test_a_removed_website_is_not_due_any_more() -> None:
    plan = plan_of((1, 5), (2, 5))
    plan.update([row(2, 5)], START, 2)
    assert {pk for now in range(START, START + 5_001, 1_000) for pk, _ in plan.take_due(now)} == {2}
    assert plan.missed == 0


def test_many_edits_do_not_let_the_plan_grow() -> None:
    plan = Plan()
    for seconds in range(5, 300):
        plan.update([row(pk, seconds) for pk in range(100)], START, 2)
    assert len(plan._heap) <= 2 * 100 + 1000 + 100


def test_a_stall_counts_missed_slots_and_catches_nothing_up_in_a_burst() -> None:
    plan = plan_of(*[(pk, 5) for pk in range(1, 1001)])
    after_stall = START + 60_000
    due = plan.take_due(after_stall)
    on_time = {pk for pk, slot in due if slot and after_stall - slot <= LATE_TOLERANCE_MS}
    assert len(due) == len(on_time) < 500
    # Each website was due 12 times in the minute.
    assert plan.missed == 12_000 - len(due)


def test_a_website_with_a_long_interval_is_checked_soon_after_its_missed_slot() -> None:
    plan = plan_of((1, 300))
    now = (plan.next_due() or 0) + 30_000
    assert plan.take_due(now) == [(1, None)]
    assert plan.missed == 1
    assert plan.entries[1].due > now


def test_a_check_asked_for_is_due_at_once_and_the_slot_stays() -> None:
    plan = plan_of((1, 300))
    slot = plan.next_due()
    plan.ask_soon([1, 99])
    assert plan.take_due(START + 5) == [(1, None)]
    assert plan.take_due(START + 6) == []
    assert plan.next_due() == slot


def test_slots_that_could_not_be_sent_are_missed_and_who_had_asked_still_waits() -> None:
    plan = plan_of((1, 300), (2, 300), (3, 5))
    plan.ask_soon([1])
    plan.begin([2], START)
    own_slot = plan.entries[3].due
    due = plan.take_due(own_slot)
    assert {website_id for website_id, _ in due} == {1, 2, 3}
    plan.give_back(due, Reason.NO_BROKER)
    assert plan.missed == 3
    assert plan.waiting() == [1, 2]
    assert plan.take_due(own_slot + 10) == [(1, None), (2, None)]
    assert plan.waiting() == []


def test_many_checks_asked_for_are_spread_over_seconds_each_done_once() -> None:
    plan = plan_of(*[(pk, 300) for pk in range(1, 1001)])
    plan.take_due(START)
    plan.ask_soon(range(1, 1001))
    taken: Counter[int] = Counter()
    per_second: Counter[int] = Counter()
    for now in range(START, START + 15_000, 200):
        for pk, _ in plan.take_due(now):
            taken[pk] += 1
            per_second[now // 1000] += 1
    assert set(taken) == set(range(1, 1001))
    assert max(taken.values()) <= 2  # asked for, and its own slot
    assert max(per_second.values()) <= 2 * SOON_PER_SECOND + 20
    assert not plan.has_soon


def test_a_slot_that_comes_first_serves_as_the_check_asked_for() -> None:
    plan = plan_of((1, 5))
    slot = plan.next_due() or 0
    plan.ask_soon([1])
    assert plan.take_due(slot) == [(1, slot)]
    assert plan.take_due(slot + 1) == []


def test_a_website_that_begins_comes_evenly_from_its_first_check_on() -> None:
    plan = plan_of((1, 5))
    anchor = START + 1_234
    plan.begin([1, 99], anchor)
    assert plan.take_due(anchor + 20) == [(1, anchor)]
    slots = [slot for now in range(anchor, anchor + 15_001, 100) for _, slot in plan.take_due(now)]
    assert slots == [anchor + 5_000, anchor + 10_000, anchor + 15_000]


def test_the_anchor_is_kept_when_the_plan_is_read_again_or_anew() -> None:
    anchor = START + 1_234
    kept = plan_of((1, 60))
    kept.begin([1], anchor)
    kept.take_due(anchor)
    kept.update([row(1, 60, anchor)], anchor + 2_000, 2)
    anew = Plan()
    anew.update([row(1, 60, anchor)], anchor + 2_000, 1)
    assert kept.next_due() == anew.next_due() == anchor + 60_000
    changed = Plan()
    changed.update([row(1, 10, anchor)], anchor + 2_000, 1)
    assert changed.next_due() == anchor + 10_000


@pytest.mark.parametrize("step", [timedelta(seconds=1), -timedelta(days=1)])
def test_a_change_is_of_the_reading_that_shows_it(step: timedelta) -> None:
    plan = plan_of((1, 60), (2, 60), (3, 60))
    due = plan.entries[1].due
    plan.update([row(1, 60, changed_at=SOME_DAY + step), row(2, 60), row(3, 30), row(4, 60)], START, 2)
    plan.update([row(1, 60, changed_at=SOME_DAY + step), row(2, 60), row(3, 30), row(4, 60)], START, 3)
    assert {pk: entry.changed for pk, entry in plan.entries.items()} == {1: 2, 2: 1, 3: 2, 4: 2}
    assert plan.entries[1].due == due


@pytest.mark.parametrize("jump", [-3_600_000, 3_600_000])
def test_a_clock_that_was_set_starts_every_website_at_its_next_slot(jump: int) -> None:
    plan = plan_of(*[(pk, 60) for pk in range(1, 601)])
    plan.take_due(START)
    now = START + jump
    plan.rebuild(now)
    assert plan.take_due(now) == []
    slots = [slot for moment in range(now, now + 60_001, 200) for _, slot in plan.take_due(moment)]
    per_second = Counter(slot // 1000 for slot in slots if slot)
    assert sum(per_second.values()) == 600
    assert max(per_second.values()) < 20
    assert plan.missed == 0


@given(st.lists(st.tuples(website_ids, st.integers(5, 300)), max_size=30, unique_by=lambda website: website[0]))
def test_each_website_is_due_exactly_once_an_interval(websites: list[tuple[int, int]]) -> None:
    plan = plan_of(*websites)
    counts = Counter(pk for now in range(START, START + 300_001, 1_000) for pk, _ in plan.take_due(now))
    for pk, seconds in websites:
        assert abs(counts[pk] - 300 / seconds) <= 1
    assert plan.missed == 0
