"""The scheduler on a real database and a real broker, ticked by hand."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import redis
import time_machine
from celery import current_app as app
from celery.worker.request import Request
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks, SolarSchedule
from kombu.exceptions import OperationalError as BrokerError

from monitoring import plan_store, schedule
from monitoring import runner as runner_module
from monitoring import scheduler as scheduler_module
from monitoring.models import Heartbeat
from monitoring.overload import Reason
from monitoring.plan import SOON_AT_START, PlanEntry, Version, next_slot, phase_of
from monitoring.runner import Runner
from monitoring.tests.beat import Bench
from websites.models import Website

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def make_websites(count: int, interval: int = 300) -> list[Website]:
    return Website.objects.bulk_create(
        Website(website_url=f"http://127.0.0.1/{n}", monitoring_interval=interval) for n in range(count)
    )


def forget_marks() -> None:
    """As if every website had been checked before."""
    schedule.owned_tasks().update(last_run_at=timezone.now())


def test_a_new_website_is_checked_at_once_and_only_once(bench: Bench) -> None:
    website = make_websites(1)[0]
    bench.tick_until(lambda: bench.checked() == [website.pk])
    bench.tick_for(1.5)
    assert bench.checked() == [website.pk]
    assert PeriodicTask.objects.get(name=f"website-{website.pk}").last_run_at is not None


def test_a_website_added_while_it_runs_is_checked_within_two_seconds(bench: Bench) -> None:
    bench.tick_for(0.5)
    website = make_websites(1)[0]
    bench.tick_until(lambda: bench.checked() == [website.pk], deadline=2.0)


def test_a_website_is_checked_at_its_slots(bench: Bench) -> None:
    website = make_websites(1, interval=5)[0]
    forget_marks()
    expected = next_slot(phase_of(website.pk, 5_000), 5_000, time.time_ns() // 1_000_000)
    bench.tick_until(lambda: len(bench.checked()) == 2, deadline=15)
    assert bench.batches() == [[[website.pk, expected]], [[website.pk, expected + 5_000]]]


def test_a_new_website_comes_evenly_from_its_first_check_on_and_after_a_restart(bench: Bench) -> None:
    make_websites(1, interval=5)
    bench.tick_until(lambda: len(bench.checked()) == 2, deadline=15)
    (_, first), (_, second) = (batch[0] for batch in bench.batches())
    assert second - first == 5_000
    bench.scheduler.close()
    other = Bench()
    try:
        other.tick_until(lambda: len(other.checked()) == 1, deadline=15)
        assert (other.batches()[0][0][1] - first) % 5_000 == 0
    finally:
        other.close()


def test_many_new_websites_are_spread_over_the_interval(bench: Bench) -> None:
    websites = make_websites(50)
    bench.tick_until(lambda: len(set(bench.checked())) == 50)
    assert not PeriodicTask.objects.exclude(start_time=None).exists()
    due = sorted(entry.due for entry in bench.scheduler.plan.entries.values())
    assert max(later - earlier for earlier, later in pairwise(due)) < 2 * 300_000 / len(websites)


def test_a_paused_website_is_not_checked_until_it_is_resumed(bench: Bench) -> None:
    website = make_websites(1)[0]
    website.is_active = False
    website.save()
    bench.tick_for(1.5)
    assert bench.checked() == []
    website.is_active = True
    website.save()
    bench.tick_until(lambda: bench.checked() == [website.pk])


def test_a_message_tells_of_the_last_change_of_its_own_websites(bench: Bench) -> None:
    changed, other = make_websites(2, interval=5)
    forget_marks()
    bench.tick_until(lambda: bool(versions(bench, changed)) and bool(versions(bench, other)), deadline=15)
    changed.regex = "x"
    changed.save()
    bench.tick_until(lambda: versions(bench, changed)[-1].changed > versions(bench, changed)[0].changed, deadline=15)
    bench.tick_until(lambda: len(versions(bench, other)) > 2, deadline=15)
    of_changed, of_other = versions(bench, changed), versions(bench, other)
    assert of_other[-1].changed == of_other[0].changed < of_changed[-1].changed <= of_other[-1].reading
    assert len({version.beat for version in of_changed + of_other}) == 1


def versions(bench: Bench, website: Website) -> list[Version]:
    """Those of the messages for a website, without those for others."""
    messages = [message.payload[0] for message in bench.of("monitoring.tasks.check_batch")]
    return [Version(*version) for slots, version in messages if [pk for pk, _ in slots] == [website.pk]]


def test_a_check_asked_for_is_done_beside_the_slots(bench: Bench) -> None:
    website = make_websites(1)[0]
    forget_marks()
    bench.tick_for(0.3)
    assert schedule.request_check([website.pk]) == 1
    bench.tick_until(lambda: bench.checked() == [website.pk])


def test_what_is_due_together_goes_out_in_messages_of_a_hundred(bench: Bench) -> None:
    make_websites(SOON_AT_START)
    # The slot of one of them may come between.
    bench.tick_until(lambda: len(set(bench.checked())) == SOON_AT_START)
    assert len(bench.batches()) <= 3
    assert all(len(batch) <= 100 for batch in bench.batches())


def test_many_new_websites_at_a_start_wait_for_their_slots(bench: Bench) -> None:
    make_websites(SOON_AT_START + 1)
    bench.tick_until(lambda: not PeriodicTask.objects.filter(last_run_at=None, task=schedule.TASK).exists())
    bench.tick_for(0.5)
    # In these moments only few of the slots spread over 300 seconds are due.
    assert len(bench.checked()) < SOON_AT_START / 5


def test_a_message_expires_with_the_longest_interval_in_it(bench: Bench) -> None:
    make_websites(1, interval=120)
    bench.tick_until(lambda: len(bench.messages) > 0)
    message = bench.of("monitoring.tasks.check_batch")[0]
    expires = datetime.fromisoformat(message.headers["expires"])
    assert timedelta(seconds=110) < expires - timezone.now() <= timedelta(seconds=120)


def test_a_deleted_website_is_not_checked_any_more(bench: Bench) -> None:
    website = make_websites(1, interval=5)[0]
    bench.tick_until(lambda: bench.checked() == [website.pk])
    website.delete()
    bench.tick_until(lambda: not bench.scheduler.plan.entries)
    assert not PeriodicTask.objects.filter(name=f"website-{website.pk}").exists()


def test_other_periodic_tasks_run_as_they_do_without_it(bench: Bench) -> None:
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name="somebody's own", task="monitoring.tasks.reconcile_schedules", interval=every_second
    )
    make_websites(3)
    bench.tick_until(lambda: bench.sent("monitoring.tasks.reconcile_schedules") >= 2)
    bench.tick_until(lambda: len(bench.checked()) == 3)
    # Owned rows never come through the stock path.
    assert bench.sent("monitoring.tasks.check_website") == 0


def test_what_can_never_run_is_left_out_in_a_line_and_the_rest_runs(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    task = "monitoring.tasks.reconcile_schedules"
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    never = IntervalSchedule.objects.create(every=0, period=IntervalSchedule.SECONDS)
    solar = SolarSchedule.objects.create(event="sunrise", latitude=52.5, longitude=13.4)
    crontab = CrontabSchedule.objects.create(day_of_month="31", month_of_year="2")
    nowhere = CrontabSchedule.objects.create(minute="1")
    PeriodicTask.objects.bulk_create(
        PeriodicTask(name=name, task=task, **fields)
        for name, fields in {
            "possible": {"interval": every_second},
            "no time at all": {"interval": never},
            "by the sun": {"solar": solar},
            "31 February": {"crontab": crontab},
            "no such zone": {"crontab": nowhere},
            "no schedule": {},
            "bad headers": {"interval": every_second, "headers": "[1]"},
        }.items()
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_celery_beat_crontabschedule SET timezone = 'Nowhere' WHERE minute = '1'")
    PeriodicTasks.update_changed()
    bench.tick_until(lambda: bench.sent(task) >= 2)
    # Read again, each is not told of again.
    PeriodicTasks.update_changed()
    bench.tick_until(lambda: bench.sent(task) >= 4)
    told = [record.__dict__["task"] for record in caplog.records if record.message == "a periodic task is left out"]
    assert sorted(told) == ["31 February", "bad headers", "by the sun", "no schedule", "no such zone", "no time at all"]
    assert not any(record.exc_info for record in caplog.records)


def test_own_tasks_that_somebody_switched_off_run_again(bench: Bench) -> None:
    own = PeriodicTask.objects.filter(name__in=settings.CELERY_BEAT_SCHEDULE)
    bench.tick_until(lambda: own.filter(enabled=True).count() == len(settings.CELERY_BEAT_SCHEDULE))
    own.update(enabled=False)
    PeriodicTasks.update_changed()
    bench.tick_until(lambda: not own.filter(enabled=False).exists())
    before = bench.sent("monitoring.tasks.send_alerts")
    bench.tick_until(lambda: bench.sent("monitoring.tasks.send_alerts") > before)


def test_a_periodic_task_that_the_broker_does_not_take_is_told_in_a_line_and_sent_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BrokerError("command not allowed when used memory > 'maxmemory'")

    task = app.tasks["monitoring.tasks.send_alerts"]
    with monkeypatch.context() as patch:
        patch.setattr(type(task), "apply_async", refuse)
        bench.tick_until(lambda: "a periodic task cannot be sent" in caplog.messages)
    assert not any(record.exc_info for record in caplog.records)
    bench.tick_until(lambda: bench.sent("monitoring.tasks.send_alerts") >= 1)


def test_the_second_beat_stands_by_and_takes_over(bench: Bench) -> None:
    website = make_websites(1)[0]
    forget_marks()
    bench.tick_for(0.3)
    other = Bench()
    try:
        schedule.request_check([website.pk])
        other.tick_for(1.5)
        assert other.checked() == []
        bench.scheduler.close()
        other.tick_until(lambda: other.checked() == [website.pk])
    finally:
        other.close()


def test_a_check_asked_for_survives_a_lead_that_is_lost(bench: Bench) -> None:
    websites = make_websites(150)
    forget_marks()
    bench.tick_for(0.3)
    schedule.request_check([website.pk for website in websites])
    bench.tick_until(lambda: 50 < len(bench.checked()) < 150)
    bench.scheduler._leadership.release()
    bench.scheduler._is_leading = False
    # One or another may have had its own slot besides.
    bench.tick_until(lambda: set(bench.checked()) == {website.pk for website in websites})


def test_a_lead_that_was_lost_between_two_looks_is_begun_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    make_websites(20, interval=5)
    forget_marks()
    bench.tick_until(lambda: len(bench.checked()) >= 5)
    plan = bench.scheduler.plan
    with monkeypatch.context() as patch:
        patch.setattr(bench.scheduler._leadership, "still_holds", lambda: False)
        bench.tick_until(lambda: plan.missed > 0)
    bench.tick_until(lambda: bench.scheduler.plan is not plan)
    before = len(bench.checked())
    bench.tick_until(lambda: len(bench.checked()) >= before + 20)


def test_a_new_website_whose_message_could_not_be_sent_is_checked_a_little_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    website = make_websites(1)[0]
    with monkeypatch.context() as patch:
        patch.setattr(bench.scheduler, "_send", lambda *_: Reason.NO_BROKER)
        bench.tick_until(lambda: bench.scheduler.plan.missed > 0)
    bench.tick_until(lambda: bench.checked() == [website.pk])


def test_what_no_worker_takes_does_not_fill_the_queue(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    if settings.EMBEDDED_BROKER:
        pytest.skip("the in-process broker's worker is always there")
    make_websites(100, interval=5)
    forget_marks()
    with monkeypatch.context() as patch:
        patch.setattr(scheduler_module, "QUEUE_CAP", 0)
        bench.tick_until(lambda: bench.scheduler.plan.missed >= 50)
        assert bench.checked() == []
    bench.tick_until(lambda: len(bench.checked()) >= 50)


def test_periodic_tasks_that_no_worker_takes_do_not_fill_their_queue_either(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings.EMBEDDED_BROKER:
        pytest.skip("the in-process broker's worker is always there")
    with monkeypatch.context() as patch:
        patch.setattr(scheduler_module, "UPKEEP_CAP", 0)
        bench.tick_for(3)
        assert bench.sent("monitoring.tasks.send_alerts") == 0
    bench.tick_until(lambda: bench.sent("monitoring.tasks.send_alerts") > 0)


def test_a_redis_that_answers_and_takes_nothing_is_a_broker_that_is_away(bench: Bench) -> None:
    if settings.EMBEDDED_BROKER:
        pytest.skip("there is no Redis")
    assert issubclass(redis.exceptions.ReadOnlyError, bench.scheduler._broker_errors)
    assert issubclass(redis.exceptions.OutOfMemoryError, bench.scheduler._broker_errors)


def test_beats_own_thread_waits_for_no_lock_for_long(bench: Bench) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one lock, that is held for moments")
    bench.tick_for(0.3)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("1s",)


def test_an_interval_that_is_none_neither_ends_beat_nor_stays(bench: Bench) -> None:
    website = make_websites(1, interval=60)[0]
    forget_marks()
    IntervalSchedule.objects.update(every=0)
    PeriodicTasks.update_changed()
    bench.tick_for(1.5)
    assert bench.checked() == []
    assert schedule.reconcile().changed == 1
    schedule.request_check([website.pk])
    bench.tick_until(lambda: bench.checked() == [website.pk])


def test_runs_that_could_not_be_written_are_counted_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    website = make_websites(1)[0]
    bench.tick_until(lambda: bench.checked() == [website.pk])
    with monkeypatch.context() as patch:
        patch.setattr(plan_store, "_write_runs", lambda _runs: database_is_away())
        bench.scheduler._store.write_runs()
        bench.scheduler._store._writer.submit(lambda: None).result(10)
    bench.scheduler.close()
    assert PeriodicTask.objects.get(name=f"website-{website.pk}").total_run_count == 1


def database_is_away() -> None:
    raise OperationalError("away")


def test_a_beat_that_takes_over_sends_what_nobody_sent_and_nothing_twice(bench: Bench) -> None:
    if settings.EMBEDDED_BROKER:
        pytest.skip("the in-process broker ends with its beat")
    websites = make_websites(200, interval=5)
    forget_marks()
    bench.tick_until(lambda: len(bench.checked()) >= 20)
    # As at a kill -9: nothing is told to anybody, but the lock goes with the process.
    bench.scheduler._leadership.release()
    ended = time.monotonic()
    other = Bench(begins_anew=False)
    try:
        while time.monotonic() < ended + 1.0:
            time.sleep(0.05)
        other.tick_until(lambda: len(other.checked()) >= len(websites))
    finally:
        other.close()
    sent = [(website_id, slot) for side in (bench, other) for batch in side.batches() for website_id, slot in batch]
    assert len(sent) == len(set(sent))
    first_sent, last_sent = min(slot for _, slot in sent), max(slot for _, slot in sent)
    expected = {
        (website.pk, slot)
        for website in websites
        for slot in range(next_slot(phase_of(website.pk, 5_000), 5_000, first_sent - 1), last_sent, 5_000)
    }
    assert expected <= set(sent)


def test_runs_are_counted_in_the_periodic_task(bench: Bench) -> None:
    website = make_websites(1)[0]
    bench.tick_until(lambda: bench.checked() == [website.pk])
    marker = PeriodicTasks.last_change()
    bench.scheduler.close()
    assert PeriodicTask.objects.get(name=f"website-{website.pk}").total_run_count == 1
    assert PeriodicTasks.last_change() == marker


def test_it_says_that_it_lives(bench: Bench) -> None:
    bench.tick_until(lambda: Heartbeat.objects.filter(component=Heartbeat.Component.BEAT).exists())


def test_slots_that_passed_while_it_stood_still_are_counted_with_its_heartbeat(bench: Bench) -> None:
    websites = make_websites(20, interval=5)
    forget_marks()
    bench.tick_until(lambda: len(bench.checked()) >= 5)
    time.sleep(8)
    # On PostgreSQL it has lost the lead meanwhile, and takes it again.
    bench.tick_until(lambda: bench.scheduler.plan.missed >= len(websites) / 2)
    bench.tick_for(0.5)
    assert bench.scheduler.plan.missed <= 2 * len(websites)
    bench.scheduler._next_heartbeat = 0
    bench.tick_until(lambda: Heartbeat.objects.get().missed == bench.scheduler.plan.missed)


def test_the_slots_of_a_message_that_expired_in_the_queue_are_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner()
    monkeypatch.setattr(runner_module, "current", lambda: runner)
    now = time.time_ns() // 1_000_000
    entry = PlanEntry(1, 10, 0, now, timezone.now(), 1)
    assert bench.scheduler._send([(1, now), (2, now)], [entry, entry]) is None
    time.sleep(0.05)
    bench.tick_until(lambda: bench.sent("monitoring.tasks.check_batch") == 1)
    message = bench.of("monitoring.tasks.check_batch")[0]
    # What a worker does with a message before it runs its task.
    assert Request(message, app=app, task=app.tasks["monitoring.tasks.check_batch"]).revoked()
    assert runner.misses.by_reason() == {Reason.EXPIRED_IN_QUEUE: 2}


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_after_the_clock_was_set_every_website_is_checked_within_its_interval(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    websites = make_websites(100, interval=5)
    forget_marks()
    bench.tick_until(lambda: len(bench.checked()) >= 20)
    before = len(bench.checked())
    real_time, real_time_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real_time() + jump)
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + jump * 1_000_000_000)
    bench.tick_for(6.0)
    runs = Counter(bench.checked()[before:])
    assert set(runs) == {website.pk for website in websites}
    assert max(runs.values()) <= 2
    slots = [slot for batch in bench.batches() for _, slot in batch][before:]
    assert all(abs(slot / 1000 - time.time()) < 10 for slot in slots)


def test_after_the_clock_was_set_back_the_other_tasks_go_on(bench: Bench) -> None:
    task = "monitoring.tasks.send_alerts"
    with time_machine.travel(timezone.now() + timedelta(hours=1)) as clock:
        bench.tick_until(lambda: bench.sent(task) > 0)
        clock.shift(-3600)
        before = bench.sent(task)
        bench.tick_until(lambda: bench.sent(task) > before + 1)


def test_a_beat_that_begins_with_a_clock_that_was_set_back_sends_the_other_tasks() -> None:
    task = "monitoring.tasks.send_alerts"
    PeriodicTask.objects.filter(task=task).update(last_run_at=timezone.now() + timedelta(hours=1))
    Bench().close()
    PeriodicTask.objects.filter(task=task).update(last_run_at=timezone.now() + timedelta(hours=1))
    bench = Bench()
    try:
        bench.tick_until(lambda: bench.sent(task) > 0)
    finally:
        bench.close()
