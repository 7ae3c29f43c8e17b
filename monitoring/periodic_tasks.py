"""Periodic tasks that no website owns: the monitor's own, which must run, and others, which must be able to.

The monitor's own are those that `CELERY_BEAT_SCHEDULE` names. Without them no alert is sent, nothing is summed up and
nothing deleted, so nobody may switch them off; what was changed past the admin is put right again.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from celery import current_app
from celery.exceptions import ImproperlyConfigured
from django.conf import settings
from django.db import Error
from django.db.models import Case, Q, When
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import ModelEntry
from kombu.utils.json import loads

from monitoring import schedule

# Beat would do nothing else, and fill the queue.
SHORTEST = timedelta(seconds=1)
NO_EPHEM = "Schedules by the sun need the Python package ephem, which is not installed."
TOO_SHORT = "It must be at least a second."
PAST = "This time has passed: the task would run at once or never."
EXPIRED = "It would have expired before its first run."
# What each must be in JSON, and is if nothing is given.
ARGUMENTS = {"args": (list, "a list", "[]"), "kwargs": (dict, "an object", "{}"), "headers": (dict, "an object", "{}")}


def is_own(task: PeriodicTask | None) -> bool:
    """Whether a task is one of the monitor's own."""
    return task is not None and task.name in settings.CELERY_BEAT_SCHEDULE


def wrong() -> list[str]:
    """The names of the monitor's own tasks that do not run as they should; none before beat has made any."""
    known = dict(_known())
    return sorted(name for name in settings.CELERY_BEAT_SCHEDULE if not known.get(name)) if known else []


def restore() -> int:
    """Make those of the monitor's own tasks that are not there, and put right those that are not as they should be.

    Returns how many that were.
    """
    known = dict(_known())
    names = [name for name in settings.CELERY_BEAT_SCHEDULE if not known.get(name)]
    # One by one: in one transaction, whoever saves a website would wait for all of it.
    PeriodicTask.objects.filter(name__in=names).update(enabled=True, start_time=None, **schedule.PLAIN)
    for name in names:
        ModelEntry.from_entry(name, app=current_app, **settings.CELERY_BEAT_SCHEDULE[name])
    if names:
        PeriodicTasks.update_changed()
    return len(names)


def _known() -> Any:
    """The names of those that are there, each with whether it runs as it should."""
    as_set = Q()
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        options: Any = entry["options"]
        as_set |= Q(name=name, task=entry["task"], interval__every=entry["schedule"], **options)
    has_begun = Q(start_time=None) | Q(start_time__lte=timezone.now())
    # Headers are none as well as an empty object, as django-celery-beat saves them.
    plain = {name: value for name, value in schedule.PLAIN.items() if name != "headers"}
    right = as_set & has_begun & Q(enabled=True, args="[]", interval__period=IntervalSchedule.SECONDS, **plain)
    tasks = PeriodicTask.objects.filter(name__in=settings.CELERY_BEAT_SCHEDULE)
    return tasks.values_list("name", Case(When(right, then=True), default=False))


def fault(task: PeriodicTask) -> str:
    """Why beat can never run a task, as a sentence; blank if it can. Raises `django.db.Error`."""
    try:
        task_schedule = task.scheduler
    except Error:
        raise
    except Exception as error:  # noqa: BLE001 - fields of django-celery-beat raise what they like
        # Written past the checks, such as a time zone that there is none of.
        return f"Its schedule cannot be read: {_words(error)}"
    if task_schedule is None:
        return "It has no schedule."
    return schedule_fault(task_schedule) or _argument_fault(task)


def schedule_fault(task_schedule: Any) -> str:
    """Why nothing can run on an interval, a crontab or another schedule of django-celery-beat, as a sentence; blank if
    something can.
    """
    try:
        built = task_schedule.schedule
        if isinstance(task_schedule, IntervalSchedule) and built.run_every < SHORTEST:
            return TOO_SHORT
        built.remaining_estimate(timezone.now())
    except ImproperlyConfigured:
        return NO_EPHEM
    except Exception as error:  # noqa: BLE001 - and so do Celery's schedules
        return f"It cannot be computed: {_words(error)}"
    return ""


def late_fault(task: PeriodicTask) -> str:
    """Why an enabled task comes too late to run, as a sentence; blank if it does not."""
    now = timezone.now()
    if not task.enabled:
        return ""
    if task.clocked is not None and task.clocked.clocked_time <= now and not task.total_run_count:
        return PAST
    return EXPIRED if task.expires is not None and task.expires <= now else ""


def _argument_fault(task: PeriodicTask) -> str:
    for name, (kind, words, nothing) in ARGUMENTS.items():
        try:
            value = loads(getattr(task, name) or nothing)
        except ValueError:
            return f"Its {name} are not JSON."
        if not isinstance(value, kind):
            return f"Its {name} must be {words} in JSON."
    return ""


def _words(error: Exception) -> str:
    messages = cast("Iterable[str]", getattr(error, "messages", None) or [str(error) or type(error).__name__])
    return " ".join(" ".join(messages).split())
