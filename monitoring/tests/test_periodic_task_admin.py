from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from monitoring.tests.admin_pages import act, change_url, page, website

pytestmark = pytest.mark.django_db

TASKS = reverse("admin:django_celery_beat_periodictask_changelist")
INTERVALS = reverse("admin:django_celery_beat_intervalschedule_changelist")


def other_task(**fields: Any) -> PeriodicTask:
    hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(name="report", task="some.report", **{"interval": hourly, **fields})


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
