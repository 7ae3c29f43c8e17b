"""Each website's periodic task: made, changed and removed with it, in its own transaction.

A periodic task that belongs to a website is *owned*: it is named `website-<pk>` and runs
`monitoring.tasks.check_website`. `WebsiteScheduler` reads these rows as its plan; django-celery-beat's
own scheduler can run them too, one message a check.

A row whose `last_run_at` is NULL is *due now*: the scheduler checks its website at once.
A row's `start_time`, where it has one, is the moment its slots are counted from (see `monitoring.plan`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from websites.models import Website

NAME_PREFIX = "website-"
TASK = "monitoring.tasks.check_website"
# Rows a statement: SQLite takes at most 32,766 parameters in one.
CHUNK = 1000

T = TypeVar("T")

# What an owned row has besides, as the monitor's own tasks have: nothing that would start, end or lead its messages
# elsewhere.
PLAIN: dict[str, Any] = {
    "crontab": None,
    "solar": None,
    "clocked": None,
    "kwargs": "{}",
    "headers": "{}",
    "queue": None,
    "exchange": None,
    "routing_key": None,
    "priority": None,
    "expires": None,
    "one_off": False,
}
# `task_name`, in the database.
_NAME = Concat(Value(NAME_PREFIX), Cast("pk", TextField()), output_field=TextField())
_FIELDS = ("task", "args", "interval", "expire_seconds", "enabled", "date_changed", *PLAIN)


@dataclass(frozen=True, slots=True)
class Repairs:
    """What `reconcile` mended, in rows."""

    made: int = 0
    changed: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.made or self.changed or self.removed)


def task_name(website_id: int) -> str:
    return f"{NAME_PREFIX}{website_id}"


def owned_tasks() -> Any:
    """The queryset of all owned periodic tasks."""
    return PeriodicTask.objects.filter(name__startswith=NAME_PREFIX, task=TASK)


def website_id_of(name: str) -> int | None:
    """The website a periodic task's name speaks of; None where it is not such a name."""
    digits = name.removeprefix(NAME_PREFIX)
    return int(digits) if digits != name and digits.isascii() and digits.isdecimal() else None


def on_websites_saved(website_ids: Sequence[int], **_: Any) -> None:
    upsert(website_ids)


def on_websites_deleted(website_ids: Sequence[int], **_: Any) -> None:
    remove(website_ids)


def upsert(website_ids: Sequence[int]) -> None:
    """Give these websites the periodic task that their fields ask for; websites that are gone are passed over."""
    with transaction.atomic():
        for chunk in chunks(sorted(website_ids)):
            # Locked, as what is written here must be what the websites say when this transaction ends.
            websites = Website.objects.select_for_update(no_key=True).filter(pk__in=chunk).order_by("pk")
            _write(websites.values_list("pk", "monitoring_interval", "is_active"))
        PeriodicTasks.update_changed()


def remove(website_ids: Sequence[int]) -> None:
    """Remove the periodic tasks of websites that are gone."""
    with transaction.atomic():
        _delete(list(map(task_name, website_ids)))
        PeriodicTasks.update_changed()


def request_check(website_ids: Sequence[int]) -> int:
    """Mark websites as due now, so that the scheduler checks them at once; paused ones are passed over.

    Returns how many were marked.
    """
    marked = 0
    with transaction.atomic():
        for chunk in chunks(website_ids):
            tasks = owned_tasks().filter(name__in=list(map(task_name, chunk)), enabled=True)
            marked += tasks.update(last_run_at=None)
        if marked:
            PeriodicTasks.update_changed()
    return marked


def reconcile() -> Repairs:
    """Restore "every website has exactly one row, enabled where it is active; every owned row has a website".

    It mends what no signal told of: raw SQL, fixtures, rows edited or deleted by hand.
    """
    with transaction.atomic():
        late_starters = owned_tasks().filter(start_time__gt=timezone.now())
        wrong = list(_websites_without_their_task().values_list("pk", "name"))
        named = PeriodicTask.objects.filter(name__startswith=NAME_PREFIX)
        names = [name for _, name in wrong]
        there = set().union(*(named.filter(name__in=chunk).values_list("name", flat=True) for chunk in chunks(names)))
        of_websites = Website.objects.order_by().annotate(name=_NAME).values_list("name")
        strays = owned_tasks().values_list("name").difference(of_websites)
        orphans = [name for (name,) in strays if website_id_of(name) is not None]
        repairs = Repairs(made=len(wrong) - len(there), changed=len(there), removed=len(orphans))
        if repairs:
            upsert([pk for pk, _ in wrong])
            # After the websites are locked, as who saves one does it.
            late_starters.update(start_time=None)
            _delete(orphans)
            PeriodicTasks.update_changed()
    return repairs


def _websites_without_their_task() -> Any:
    """Websites, each with the `name` of its periodic task, for which no row says what it should.

    The database compares: to read 10,000 rows here would leave the worker with the memory it took.
    """
    right = PeriodicTask.objects.filter(
        Q(start_time=None) | Q(start_time__lte=timezone.now()),
        name=OuterRef("name"),
        task=TASK,
        args=Concat(Value("["), Cast(OuterRef("pk"), TextField()), Value("]"), output_field=TextField()),
        interval__every=OuterRef("monitoring_interval"),
        interval__period=IntervalSchedule.SECONDS,
        expire_seconds=OuterRef("monitoring_interval"),
        enabled=OuterRef("is_active"),
        **PLAIN,
    )
    return Website.objects.annotate(name=_NAME).filter(~Exists(right)).order_by("pk")


def _delete(names: Sequence[str]) -> None:
    """Without django-celery-beat's signal, which would write the change marker once a row."""
    for chunk in chunks(names):
        rows = PeriodicTask.objects.filter(name__in=chunk)
        rows._raw_delete(rows.db)


def _write(websites: Iterable[tuple[int, int, bool]]) -> None:
    """Insert or overwrite the rows of `(website_id, interval, is_active)`."""
    websites = list(websites)
    intervals = _interval_schedules({every for _, every, _ in websites})
    rows = [
        PeriodicTask(
            name=task_name(pk),
            task=TASK,
            args=f"[{pk}]",
            interval=intervals[every],
            expire_seconds=every,
            enabled=active,
            **PLAIN,
        )
        for pk, every, active in websites
    ]
    PeriodicTask.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=_FIELDS)
    # A website that is resumed is due now, and so must have no last run.
    paused = [row.name for row in rows if not row.enabled]
    PeriodicTask.objects.filter(name__in=paused, last_run_at__isnull=False).update(last_run_at=None)


def _interval_schedules(seconds: set[int]) -> dict[int, IntervalSchedule]:
    found = IntervalSchedule.objects.filter(period=IntervalSchedule.SECONDS, every__in=seconds).order_by("-pk")
    schedules = {schedule.every: schedule for schedule in found}
    for every in seconds - schedules.keys():
        schedules[every] = IntervalSchedule.objects.create(every=every, period=IntervalSchedule.SECONDS)
    return schedules


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Slices of a size that one statement can take."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
