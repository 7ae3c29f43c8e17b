from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from monitoring import periodic_tasks
from monitoring.tests.admin_pages import act, change_url, page, website

pytestmark = pytest.mark.django_db

TASKS = reverse("admin:django_celery_beat_periodictask_changelist")
INTERVALS = reverse("admin:django_celery_beat_intervalschedule_changelist")


def other_task(**fields: Any) -> PeriodicTask:
    hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(**{"name": "report", "task": "some.report", "interval": hourly, **fields})


def test_an_owned_task_is_read_only_and_leads_to_its_website(admin_client: Client) -> None:
    one = website(0)
    task = PeriodicTask.objects.get(name=f"website-{one.pk}")
    content = page(admin_client, change_url(task))

    assert 'name="_save"' not in content
    assert "This task belongs to a website" in content
    assert change_url(one) in content
    assert change_url(one) in page(admin_client, TASKS)
    assert admin_client.post(change_url(task), {"name": "x"}).status_code == 403
    assert admin_client.post(reverse("admin:django_celery_beat_periodictask_delete", args=[task.pk])).status_code == 403


@pytest.mark.parametrize("action", ["enable_tasks", "disable_tasks", "toggle_tasks"])
def test_bulk_actions_pass_over_owned_tasks(admin_client: Client, action: str) -> None:
    one = website(0, is_active=action != "enable_tasks")
    owned = PeriodicTask.objects.get(name=f"website-{one.pk}")
    other = other_task(enabled=action != "enable_tasks")
    was_enabled = owned.enabled
    content = act(admin_client, TASKS, action, owned, other)

    owned.refresh_from_db()
    other.refresh_from_db()
    assert owned.enabled is was_enabled
    assert other.enabled is (action == "enable_tasks")
    assert "1 passed over" in content


def test_delete_selected_never_takes_an_owned_task(admin_client: Client) -> None:
    one = website(0)
    owned, other = PeriodicTask.objects.get(name=f"website-{one.pk}"), other_task()

    assert "This task belongs to a website" in act(admin_client, TASKS, "delete_selected", owned, other, post="yes")
    assert PeriodicTask.objects.filter(pk__in=(owned.pk, other.pk)).count() == 2
    act(admin_client, TASKS, "delete_selected", other, post="yes")
    assert not PeriodicTask.objects.filter(pk=other.pk).exists()


def test_other_tasks_are_edited_as_ever(admin_client: Client) -> None:
    task = other_task()
    content = page(admin_client, change_url(task))
    assert 'name="_save"' in content
    fields = {
        "name": "renamed",
        "task": task.task,
        "interval": task.interval_id,
        "args": "[]",
        "kwargs": "{}",
        "headers": "{}",
    }
    assert admin_client.post(change_url(task), fields).status_code == 302
    task.refresh_from_db()
    assert task.name == "renamed"


def test_nothing_in_the_admin_runs_a_task(admin_client: Client) -> None:
    other_task()
    assert "run_tasks" not in page(admin_client, TASKS)


def test_viewers_of_tasks_cannot_switch_them(admin_user: User) -> None:
    admin_user.is_superuser = False
    admin_user.save()
    admin_user.user_permissions.set(Permission.objects.filter(codename="view_periodictask"))
    client = Client()
    client.force_login(admin_user)
    task = other_task()
    act(client, TASKS, "disable_tasks", task)
    task.refresh_from_db()
    assert task.enabled
    assert 'name="_save"' not in page(client, change_url(task))


def test_a_schedule_that_websites_use_can_neither_be_changed_nor_deleted(admin_client: Client) -> None:
    website(0)
    used = IntervalSchedule.objects.get(every=60, period=IntervalSchedule.SECONDS)
    content = page(admin_client, change_url(used))
    assert "Websites are checked on this schedule" in content
    assert 'name="_save"' not in content
    assert "deletelink" not in content

    assert "Websites are checked on this schedule" in act(admin_client, INTERVALS, "delete_selected", used, post="yes")
    assert (
        admin_client.post(reverse("admin:django_celery_beat_intervalschedule_delete", args=[used.pk])).status_code
        == 403
    )
    assert PeriodicTask.objects.filter(interval=used).exists()


def test_a_schedule_that_no_website_uses_is_changed_and_deleted_as_ever(admin_client: Client) -> None:
    free = IntervalSchedule.objects.create(every=7, period=IntervalSchedule.DAYS)
    assert 'name="_save"' in page(admin_client, change_url(free))
    act(admin_client, INTERVALS, "delete_selected", free, post="yes")
    assert not IntervalSchedule.objects.filter(pk=free.pk).exists()
    crontab = CrontabSchedule.objects.create()
    assert 'name="_save"' in page(admin_client, change_url(crontab))


@pytest.mark.parametrize("action", ["disable_tasks", "toggle_tasks", "delete_selected"])
def test_the_monitors_own_tasks_can_neither_be_switched_off_nor_deleted(admin_client: Client, action: str) -> None:
    periodic_tasks.restore()
    own = PeriodicTask.objects.get(name="send-alerts")
    confirmed = {"post": "yes"} if action == "delete_selected" else {}
    assert "monitor" in act(admin_client, TASKS, action, own, other_task(), **confirmed)
    own.refresh_from_db()
    assert own.enabled

    content = page(admin_client, change_url(own))
    assert "This task is the monitor&#x27;s own" in content or "This task is the monitor's own" in content
    assert 'name="_save"' not in content
    assert admin_client.post(change_url(own), {"name": "x"}).status_code == 403
    every_two_seconds = own.interval
    assert "own tasks run on this schedule" in page(admin_client, change_url(every_two_seconds))
    assert admin_client.post(change_url(every_two_seconds), {"every": "9", "period": "days"}).status_code == 403


ADD_TASK = reverse("admin:django_celery_beat_periodictask_add")
TASK_FORM = {"name": "mine", "task": "some.report", "enabled": "on", "args": "[]", "kwargs": "{}", "headers": "{}"}


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        ("intervalschedule", {"every": "0", "period": "seconds"}, "greater than or equal to 1"),
        ("intervalschedule", {"every": "100", "period": "microseconds"}, "It must be at least a second."),
        ("solarschedule", {"event": "sunrise", "latitude": "78.2", "longitude": "15.6"}, "package ephem"),
        (
            "crontabschedule",
            {
                "minute": "0",
                "hour": "0",
                "day_of_month": "31",
                "month_of_year": "2",
                "day_of_week": "*",
                "timezone": "UTC",
            },
            "never occurs",
        ),
    ],
)
def test_a_schedule_on_which_nothing_could_run_is_refused_with_the_reason(
    admin_client: Client, model: str, fields: dict[str, str], reason: str
) -> None:
    address = reverse(f"admin:django_celery_beat_{model}_add")
    inline = {"periodictask_set-TOTAL_FORMS": "0", "periodictask_set-INITIAL_FORMS": "0"}
    response = admin_client.post(address, {**fields, **inline})
    assert response.status_code == 200
    assert reason in response.content.decode()


def test_a_task_that_could_never_run_is_refused_with_the_reason(admin_client: Client) -> None:
    sunrise = SolarSchedule.objects.create(event="sunrise", latitude=52.5, longitude=13.4)
    response = admin_client.post(ADD_TASK, {**TASK_FORM, "solar": sunrise.pk})
    assert "package ephem" in response.content.decode()
    gone = ClockedSchedule.objects.create(clocked_time=timezone.now() - timedelta(hours=1))
    response = admin_client.post(ADD_TASK, {**TASK_FORM, "clocked": gone.pk, "one_off": "on"})
    assert "This time has passed" in response.content.decode()
    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    expired = {"interval": hourly.pk, "expires_0": "2020-01-01", "expires_1": "00:00:00"}
    response = admin_client.post(ADD_TASK, {**TASK_FORM, **expired})
    assert "expired before its first run" in response.content.decode()
    response = admin_client.post(ADD_TASK, {**TASK_FORM, "interval": hourly.pk, "args": "5"})
    assert "Its args must be a list in JSON." in response.content.decode()
    assert not PeriodicTask.objects.filter(name="mine").exists()
    assert admin_client.post(ADD_TASK, {**TASK_FORM, "interval": hourly.pk}).status_code == 302


@pytest.mark.parametrize("action", ["enable_tasks", "toggle_tasks"])
def test_what_could_never_run_is_not_switched_on(admin_client: Client, action: str) -> None:
    never = IntervalSchedule.objects.create(every=0, period="seconds")
    impossible, possible = other_task(interval=never, enabled=False), other_task(name="possible", enabled=False)
    content = act(admin_client, TASKS, action, impossible, possible)
    impossible.refresh_from_db()
    possible.refresh_from_db()
    assert (impossible.enabled, possible.enabled) == (False, True)
    assert "Report: It must be at least a second." in content
