"""Periodic tasks that no website owns: the same with this project's scheduler as with django-celery-beat's own."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from monitoring.scheduler import WebsiteScheduler
from monitoring.tests.beat import Bench

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "somebody.task"


@pytest.fixture(params=[DatabaseScheduler, WebsiteScheduler], ids=["stock", "webmonitor"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.close()


def every(seconds: int) -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=seconds, period=IntervalSchedule.SECONDS)


def add(name: str = "somebody's own", **fields: Any) -> PeriodicTask:
    return PeriodicTask.objects.create(name=name, task=TASK, **fields)


def arguments(bench: Bench) -> list[Any]:
    return [message.payload[0] for message in bench.of(TASK)]


def test_an_interval_comes_again_and_again_and_is_counted(bench: Bench) -> None:
    task = add(interval=every(1))
    bench.tick_until(lambda: bench.sent(TASK) >= 3)
    bench.scheduler.close()
    task.refresh_from_db()
    assert task.total_run_count == bench.sent(TASK)
    assert task.last_run_at is not None
    assert timezone.now() - task.last_run_at < timedelta(seconds=5)


def test_a_crontab_is_due_by_the_clock(bench: Bench) -> None:
    earlier = timezone.now() - timedelta(minutes=2)
    other_hour = str((earlier.hour + 1) % 24)
    minutely = CrontabSchedule.objects.create()
    add("due", crontab=minutely, last_run_at=earlier, args='["due"]')
    add("not due", crontab=CrontabSchedule.objects.create(minute="30", hour=other_hour), last_run_at=earlier)
    bench.tick_until(lambda: bench.sent(TASK) >= 1)
    bench.tick_for(1.5)
    assert {tuple(own) for own in arguments(bench)} == {("due",)}


def test_a_clocked_task_runs_once_at_its_moment(bench: Bench) -> None:
    moment = timezone.now() + timedelta(seconds=2)
    task = add(clocked=ClockedSchedule.objects.create(clocked_time=moment), one_off=True)
    bench.tick_until(lambda: bench.sent(TASK) == 1)
    assert timezone.now() >= moment
    # Both look at it again, and disable it, when something changes.
    add("another", interval=every(300))
    bench.tick_until(lambda: not PeriodicTask.objects.get(pk=task.pk).enabled)
    assert bench.sent(TASK) == 1


def test_a_one_off_task_runs_once_and_is_disabled(bench: Bench) -> None:
    task = add(interval=every(1), one_off=True)
    bench.tick_until(lambda: not PeriodicTask.objects.get(pk=task.pk).enabled)
    bench.tick_for(1.5)
    assert bench.sent(TASK) == 1


def test_a_disabled_task_waits_until_it_is_enabled(bench: Bench) -> None:
    task = add(interval=every(1), enabled=False)
    bench.tick_for(2.5)
    assert bench.sent(TASK) == 0
    task.enabled = True
    task.save()
    bench.tick_until(lambda: bench.sent(TASK) >= 1)


def test_an_edit_and_a_deletion_are_noticed(bench: Bench) -> None:
    task = add(interval=every(1), args='["old"]')
    bench.tick_until(lambda: ["old"] in arguments(bench))
    task.args = '["new"]'
    task.save()
    bench.tick_until(lambda: ["new"] in arguments(bench))
    task.delete()
    bench.tick_for(2.5)
    before = bench.sent(TASK)
    bench.tick_for(2.5)
    assert bench.sent(TASK) == before


def test_what_a_message_is_to_carry_is_carried(bench: Bench) -> None:
    add(interval=every(1), kwargs='{"size": 3}', headers='{"colour": "red"}', expire_seconds=7, priority=3)
    bench.tick_until(lambda: bench.sent(TASK) >= 1)
    message = bench.of(TASK)[0]
    assert message.payload[1] == {"size": 3}
    assert message.headers["colour"] == "red"
    assert message.headers["periodic_task_name"] == "somebody's own"
    assert message.properties["priority"] == 3
    expires = datetime.fromisoformat(message.headers["expires"]) - timezone.now()
    assert timedelta(seconds=2) < expires <= timedelta(seconds=7)


def test_a_start_in_the_future_is_waited_for(bench: Bench) -> None:
    start = timezone.now() + timedelta(seconds=3)
    add(interval=every(1), start_time=start)
    bench.tick_until(lambda: bench.sent(TASK) >= 1)
    assert timezone.now() >= start


def test_a_task_past_its_end_is_disabled_unsent(bench: Bench) -> None:
    task = add(interval=every(1), expires=timezone.now() - timedelta(seconds=1))
    bench.tick_until(lambda: not PeriodicTask.objects.get(pk=task.pk).enabled)
    assert bench.sent(TASK) == 0
