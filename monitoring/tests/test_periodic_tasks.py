"""The monitor's own periodic tasks, and those that could never run."""

from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from monitoring import periodic_tasks
from monitoring.models import Heartbeat
from monitoring.tests.admin_pages import staff_client

pytestmark = pytest.mark.django_db

OWN = sorted(settings.CELERY_BEAT_SCHEDULE)


def send_alerts() -> Any:
    return PeriodicTask.objects.filter(name="send-alerts")


CHANGES = {
    "off": {"enabled": False},
    "of another task": {"task": "somebody.task"},
    "in another queue": {"queue": "elsewhere"},
    "with arguments": {"args": "[1]"},
    "later": {"start_time": "2999-01-01T00:00:00Z"},
    "once": {"one_off": True},
    "never expiring": {"expire_seconds": None},
    "over": {"expires": "2000-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_own_task_that_somebody_changed_is_told_of_and_put_right(client: Client, change: dict[str, Any]) -> None:
    assert periodic_tasks.wrong() == []
    assert periodic_tasks.restore() == len(OWN)
    for component in Heartbeat.Component:
        Heartbeat.objects.create(component=component, instance="a:1", seen_at=timezone.now())
    assert client.get("/readyz").json()["tasks"] == "ok"

    cache.clear()
    send_alerts().update(**change)
    assert periodic_tasks.wrong() == ["send-alerts"]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["tasks"]) == (503, "not as they should be: send-alerts")
    assert "periodic tasks do not run as they should: send-alerts." in staff_client("viewer").get("/").content.decode()

    assert periodic_tasks.restore() == 1
    assert periodic_tasks.wrong() == []
    task = send_alerts().get()
    assert (task.enabled, task.task, task.args, task.expires) == (True, "monitoring.tasks.send_alerts", "[]", None)


def test_an_own_task_that_somebody_deleted_is_made_again_on_its_own_interval() -> None:
    periodic_tasks.restore()
    IntervalSchedule.objects.update(every=7)
    assert periodic_tasks.wrong() == OWN
    send_alerts().delete()
    assert periodic_tasks.restore() == len(OWN)
    assert send_alerts().get().interval.every == 2
    assert periodic_tasks.restore() == 0


FAULTS: dict[str, tuple[Any, str]] = {
    "31 February": (
        CrontabSchedule(day_of_month="31", month_of_year="2"),
        "It cannot be computed: Invalid crontab: day_of_month '31' never occurs in month_of_year '2'.",
    ),
    "29 February": (CrontabSchedule(day_of_month="29", month_of_year="2"), ""),
    "minute 99": (CrontabSchedule(minute="99"), "It cannot be computed: Invalid end range: 99 > 59."),
    "interval 0": (IntervalSchedule(every=0, period="seconds"), "It must be at least a second."),
    "interval -1": (IntervalSchedule(every=-1, period="days"), "It must be at least a second."),
    "a microsecond": (IntervalSchedule(every=1, period="microseconds"), "It must be at least a second."),
    "a second": (IntervalSchedule(every=1, period="seconds"), ""),
    "by the sun": (
        SolarSchedule(event="sunrise", latitude=78.2, longitude=15.6),
        "Schedules by the sun need the Python package ephem, which is not installed.",
    ),
}


@pytest.mark.parametrize(("task_schedule", "fault"), FAULTS.values(), ids=FAULTS)
def test_why_nothing_can_run_on_a_schedule_is_a_sentence(task_schedule: Any, fault: str) -> None:
    assert periodic_tasks.schedule_fault(task_schedule) == fault


def test_a_schedule_longer_than_time_itself_cannot_be_computed() -> None:
    fault = periodic_tasks.schedule_fault(IntervalSchedule(every=10**9, period="days"))
    assert fault.startswith("It cannot be computed: ")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, ""),
        ({"interval": None}, "It has no schedule."),
        ({"args": "5"}, "Its args must be a list in JSON."),
        ({"args": "[1"}, "Its args are not JSON."),
        ({"kwargs": "[]"}, "Its kwargs must be an object in JSON."),
        ({"headers": "[1]"}, "Its headers must be an object in JSON."),
    ],
)
def test_why_a_task_cannot_run_is_a_sentence(fields: dict[str, Any], fault: str) -> None:
    hourly = IntervalSchedule(every=1, period="hours")
    assert periodic_tasks.fault(PeriodicTask(name="x", task="x", **{"interval": hourly, **fields})) == fault


def test_a_time_zone_that_there_is_none_of_is_the_fault_of_its_own_tasks_alone() -> None:
    crontab = CrontabSchedule.objects.create()
    task = PeriodicTask.objects.create(name="x", task="x", crontab=crontab)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_celery_beat_crontabschedule SET timezone = 'Mars/Phobos'")
    task = PeriodicTask.objects.get(pk=task.pk)
    assert periodic_tasks.fault(task).startswith("Its schedule cannot be read: ")
