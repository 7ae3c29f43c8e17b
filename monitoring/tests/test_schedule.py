"""Each website's periodic task: kept by signals, mended by reconciling."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks

from monitoring import schedule
from monitoring.schedule import Repairs
from websites.models import Website

pytestmark = pytest.mark.django_db


def website(number: int = 0, **fields: Any) -> Website:
    values = {"website_url": f"https://www{number}.example.org/", "monitoring_interval": 60, **fields}
    return Website.objects.create(**values)


def task_of(one: Website) -> PeriodicTask:
    return PeriodicTask.objects.get(name=f"website-{one.pk}")


def marker() -> Any:
    return PeriodicTasks.last_change()


def assert_in_order() -> None:
    """Every website has exactly one row that says what the website says; every owned row has a website."""
    wanted = {
        (f"website-{pk}", schedule.TASK, f"[{pk}]", every, IntervalSchedule.SECONDS, every, active)
        for pk, every, active in Website.objects.values_list("pk", "monitoring_interval", "is_active")
    }
    columns = ("name", "task", "args", "interval__every", "interval__period", "expire_seconds", "enabled")
    assert set(PeriodicTask.objects.filter(name__startswith="website-").values_list(*columns)) == wanted


# --- Signals ------------------------------------------------------------------------------------


def test_saving_and_deleting_a_website_keeps_its_row() -> None:
    one = website(0)
    assert_in_order()
    one.monitoring_interval, one.is_active = 5, False
    one.save()
    assert_in_order()
    one.delete()
    assert_in_order()


def test_a_save_that_is_rolled_back_leaves_nothing() -> None:
    before = marker()
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        website(0)
        assert PeriodicTask.objects.filter(name__startswith="website-").exists()
        raise RuntimeError
    assert not PeriodicTask.objects.filter(name__startswith="website-").exists()
    assert not Website.objects.exists()
    assert marker() == before


def test_a_delete_that_is_rolled_back_keeps_the_row() -> None:
    one = website(0)
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        one.delete()
        raise RuntimeError
    assert_in_order()
    assert PeriodicTask.objects.filter(name__startswith="website-").count() == 1


BULK: dict[str, Callable[[], Any]] = {
    "update": lambda: Website.objects.filter(website_url__contains="www1").update(monitoring_interval=5),
    "update of what is filtered by": lambda: Website.objects.filter(is_active=True).update(is_active=False),
    "delete": lambda: Website.objects.filter(website_url__contains="www1").delete(),
    "bulk_create": lambda: Website.objects.bulk_create(
        Website(website_url=f"https://new{n}.example.org/", monitoring_interval=7) for n in range(1100)
    ),
    "bulk_update": lambda: Website.objects.bulk_update(
        [Website(pk=pk, monitoring_interval=9) for pk in Website.objects.values_list("pk", flat=True)],
        ["monitoring_interval"],
    ),
    "upsert": lambda: Website.objects.bulk_create(
        [Website(website_url="https://www1.example.org/", monitoring_interval=8)],
        update_conflicts=True,
        unique_fields=["website_url"],
        update_fields=["monitoring_interval"],
    ),
}


@pytest.mark.parametrize("path", BULK)
def test_bulk_paths_keep_every_row(path: str) -> None:
    for number in range(3):
        website(number)
    before = marker()
    BULK[path]()
    assert_in_order()
    assert marker() > before


def test_deleting_more_websites_than_one_statement_takes_removes_every_row() -> None:
    Website.objects.bulk_create(
        Website(website_url=f"https://new{n}.example.org/", monitoring_interval=7) for n in range(2100)
    )
    with CaptureQueriesContext(connection) as queries:
        Website.objects.all().delete()
    assert_in_order()
    # The change marker is written once, not once a row.
    assert sum(query["sql"].startswith('UPDATE "django_celery_beat_periodictasks"') for query in queries) == 1


# --- Due now ----------------------------------------------------------------------------------


def test_a_requested_check_marks_the_row_due_and_tells_the_scheduler() -> None:
    one, paused = website(0), website(1, is_active=False)
    PeriodicTask.objects.update(last_run_at=timezone.now())
    before = marker()

    assert schedule.request_check([one.pk, paused.pk, 4711]) == 1
    assert task_of(one).last_run_at is None
    assert task_of(paused).last_run_at is not None
    assert marker() > before


def test_editing_a_website_neither_makes_it_due_nor_forgets_its_last_run() -> None:
    one = website(0)
    ran = timezone.now() - timedelta(seconds=5)
    PeriodicTask.objects.filter(pk=task_of(one).pk).update(last_run_at=ran, total_run_count=7)
    one.monitoring_interval = 5
    one.save()
    assert (task_of(one).last_run_at, task_of(one).total_run_count) == (ran, 7)


def test_a_website_that_is_resumed_is_due_now() -> None:
    one = website(0)
    PeriodicTask.objects.update(last_run_at=timezone.now())
    Website.objects.update(is_active=False)
    Website.objects.update(is_active=True)
    assert task_of(one).last_run_at is None
    assert task_of(one).enabled


# --- Reconciling ----------------------------------------------------------------------------------


def insert_by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO websites_website (website_url, monitoring_interval, regex, is_active, created_at)"
            " VALUES ('https://sql.example.org/', 30, NULL, %s, %s)",
            [True, timezone.now()],
        )


def delete_by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM websites_website WHERE website_url = 'https://www1.example.org/'")


def edit(**fields: Any) -> Callable[[], Any]:
    return lambda: PeriodicTask.objects.filter(pk=task_of(first()).pk).update(**fields)


def first() -> Website:
    return Website.objects.order_by("pk")[0]


def orphan() -> None:
    every, _ = IntervalSchedule.objects.get_or_create(every=60, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="website-999999", task=schedule.TASK, args="[999999]", interval=every)


def give_crontab() -> None:
    crontab = CrontabSchedule.objects.create()
    edit(interval=None, crontab=crontab)()


DAMAGE: dict[str, tuple[Callable[[], Any], Repairs]] = {
    "a task deleted by hand": (lambda: task_of(first()).delete(), Repairs(made=1)),
    "every task deleted by hand": (lambda: schedule.owned_tasks().delete(), Repairs(made=3)),
    "a schedule deleted with its tasks": (
        lambda: IntervalSchedule.objects.get(every=60, period=IntervalSchedule.SECONDS).delete(),
        Repairs(made=2),
    ),
    "a website inserted by SQL": (insert_by_sql, Repairs(made=1)),
    "a website deleted by SQL": (delete_by_sql, Repairs(removed=1)),
    "an orphan": (orphan, Repairs(removed=1)),
    "a task disabled": (edit(enabled=False), Repairs(changed=1)),
    "a task renamed": (edit(name="mine"), Repairs(made=1)),
    "another task under the name": (edit(task="other.task"), Repairs(changed=1)),
    "other arguments": (edit(args="[4711]"), Repairs(changed=1)),
    "another expiry": (edit(expire_seconds=None), Repairs(changed=1)),
    "a crontab instead": (give_crontab, Repairs(changed=1)),
    "keyword arguments": (edit(kwargs='{"x": 1}'), Repairs(changed=1)),
    "a single run": (edit(one_off=True), Repairs(changed=1)),
    "a start to come": (edit(start_time=timezone.now() + timedelta(days=1)), Repairs(changed=1)),
    "an expiry date": (edit(expires=timezone.now()), Repairs(changed=1)),
    "another queue": (edit(queue="elsewhere"), Repairs(changed=1)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_reconcile_mends_it_within_one_run(damage: str) -> None:
    website(0)
    website(1)
    website(2, monitoring_interval=5, is_active=False)
    harm, repairs = DAMAGE[damage]
    harm()
    before = marker()

    assert schedule.reconcile() == repairs
    if damage != "a task renamed":
        assert_in_order()
    assert marker() > before
    assert schedule.reconcile() == Repairs()


def test_reconcile_leaves_other_peoples_tasks_alone() -> None:
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    for name in ("website-backup", "website-", "report", "website-1a"):
        PeriodicTask.objects.create(name=name, task="some.task", interval=hourly)
    website(0)
    before = marker()

    assert schedule.reconcile() == Repairs()
    assert PeriodicTask.objects.filter(interval=hourly).count() == 4
    assert marker() == before


@pytest.mark.parametrize(
    ("name", "website_id"),
    [
        ("website-5", 5),
        ("website-", None),
        ("website-x", None),
        ("website-\u0665", None),
        ("report", None),
        ("5", None),
    ],
)
def test_a_name_tells_the_website(name: str, website_id: int | None) -> None:
    assert schedule.website_id_of(name) == website_id
