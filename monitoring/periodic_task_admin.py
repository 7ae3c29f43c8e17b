"""Periodic tasks in the admin: those of websites and the monitor's own can be looked at, all others edited.

What could never run is refused with the reason.

The web tier never talks to the broker, so there is no action that runs a task; a website has
"Check now" instead.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django_celery_beat import admin as stock
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from monitoring import admin_display as display
from monitoring import periodic_tasks, schedule
from websites.search import SearchedByWords

OWNED_NOTE = "This task belongs to a website and follows it: edit, pause or delete the website instead."
OWN_NOTE = "This task is the monitor's own, which does not do without it: it can neither be changed nor switched off."
USED_NOTE = "Websites are checked on this schedule, so it stays as it is: edit the websites' intervals instead."
OWN_USED_NOTE = "The monitor's own tasks run on this schedule, so it stays as it is."


def is_owned(task: PeriodicTask | None) -> bool:
    """Whether a website owns the task."""
    return task is not None and task.task == schedule.TASK and schedule.website_id_of(task.name) is not None


def note_of(task: PeriodicTask | None) -> str:
    """Why a task cannot be changed; blank if it can."""
    if is_owned(task):
        return OWNED_NOTE
    return OWN_NOTE if periodic_tasks.is_own(task) else ""


def _others(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """The tasks that no website owns."""
    return queryset.exclude(pk__in=schedule.owned_tasks().values("pk"))


class OwnerFilter(admin.SimpleListFilter):
    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("website", "A website"), ("none", "None")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "website":
            return queryset.filter(pk__in=schedule.owned_tasks().values("pk"))
        return _others(queryset) if self.value() == "none" else queryset


class PossibleTaskForm(stock.PeriodicTaskForm):  # type: ignore[misc]
    """Refuses what beat could never run."""

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors and (
            fault := periodic_tasks.fault(self.instance) or periodic_tasks.late_fault(self.instance)
        ):
            self.add_error(None, fault)


class PossibleScheduleForm(forms.ModelForm[Any]):
    """Refuses a schedule on which nothing could ever run."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors and (fault := periodic_tasks.schedule_fault(self.instance)):
            self.add_error(None, fault)


class PeriodicTaskAdmin(SearchedByWords, stock.PeriodicTaskAdmin):  # type: ignore[misc]
    form = PossibleTaskForm
    date_hierarchy = None
    list_per_page = 50
    list_display = ("name", "enabled", "scheduler", "website", "last_run", "one_off")
    list_filter = (OwnerFilter, "enabled", "one_off", "task", "last_run_at")
    actions = ("enable_tasks", "disable_tasks", "toggle_tasks")
    owned_fields = ("name", "website", "task", "args", "interval", "expire_seconds", "enabled", "last_run")

    @admin.display(description="website")
    def website(self, task: PeriodicTask) -> str:
        if not is_owned(task):
            return display.NOTHING
        website_id = schedule.website_id_of(task.name)
        url = reverse("admin:websites_website_change", args=[website_id])
        return format_html('<a href="{}">Website {}</a>', url, website_id)

    @admin.display(description="last run", ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> str:
        return display.utc(task.last_run_at)

    def has_change_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return not note_of(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return not note_of(obj) and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        note = note_of(obj)
        if not note:
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": self.owned_fields, "description": note})]

    def get_readonly_fields(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        return self.owned_fields if note_of(obj) else super().get_readonly_fields(request, obj)

    @admin.action(description="Enable selected tasks", permissions=["change"])
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        possible = self._possible(request, self._changeable(request, queryset).filter(enabled=False))
        super().enable_tasks(request, possible)

    @admin.action(description="Disable selected tasks", permissions=["change"])
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().disable_tasks(request, self._changeable(request, queryset))

    @admin.action(description="Toggle activity of selected tasks", permissions=["change"])
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        changeable = self._changeable(request, queryset)
        possible = self._possible(request, changeable.filter(enabled=False))
        super().toggle_tasks(request, changeable.filter(Q(enabled=True) | Q(pk__in=possible.values("pk"))))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[str]]:
        notes = [note_of(task) for task in objs]
        if any(notes):
            told = (f"{notes.count(note)} of these tasks: {note}" for note in (OWNED_NOTE, OWN_NOTE) if note in notes)
            return [], {}, set(), list(told)
        return super().get_deleted_objects(objs, request)  # type: ignore[no-any-return]

    def _changeable(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Without those of websites and the monitor's own, of which it tells."""
        notes = [note_of(task) for task in queryset]
        if owned := notes.count(OWNED_NOTE):
            message = f"{owned} passed over: pause or resume their websites instead."
            self.message_user(request, message, messages.WARNING)
        if own := notes.count(OWN_NOTE):
            message = f"{own} passed over: the monitor does not do without its own tasks."
            self.message_user(request, message, messages.WARNING)
        return _others(queryset).exclude(name__in=settings.CELERY_BEAT_SCHEDULE)

    def _possible(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Without those that could never run, of each of which it tells why."""
        faults = {task.pk: f"{task.name}: {fault}" for task in queryset if (fault := periodic_tasks.fault(task))}
        for message in faults.values():
            self.message_user(request, message, messages.ERROR)
        return queryset.exclude(pk__in=faults)


class UnownedTaskInline(stock.PeriodicTaskInline):  # type: ignore[misc]
    """The tasks on a schedule, but for those of websites, which may be many thousands."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return _others(super().get_queryset(request))


class IntervalScheduleAdmin(stock.IntervalScheduleAdmin):  # type: ignore[misc]
    """A schedule that websites or the monitor's own tasks use stays: deleting it would delete the tasks with it."""

    form = PossibleScheduleForm
    inlines = (UnownedTaskInline,)

    def get_inlines(self, request: HttpRequest, obj: IntervalSchedule | None) -> Any:
        return () if _use_of(obj) else super().get_inlines(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        return not _use_of(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        return not _use_of(obj) and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> Any:
        fieldsets, note = super().get_fieldsets(request, obj), _use_of(obj)
        return [(name, {**options, "description": note}) for name, options in fieldsets] if note else fieldsets

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[str]]:
        if used := [f"{task_schedule}: {note}" for task_schedule in objs if (note := _use_of(task_schedule))]:
            return [], {}, set(), used
        return super().get_deleted_objects(objs, request)  # type: ignore[no-any-return]


class CrontabScheduleAdmin(stock.CrontabScheduleAdmin):  # type: ignore[misc]
    form = PossibleScheduleForm


class SolarScheduleAdmin(stock.SolarScheduleAdmin):  # type: ignore[misc]
    form = PossibleScheduleForm


def _use_of(task_schedule: IntervalSchedule | None) -> str:
    """Why a schedule stays as it is; blank if it need not."""
    if task_schedule is None:
        return ""
    if schedule.owned_tasks().filter(interval=task_schedule).exists():
        return USED_NOTE
    own = PeriodicTask.objects.filter(name__in=settings.CELERY_BEAT_SCHEDULE, interval=task_schedule)
    return OWN_USED_NOTE if own.exists() else ""


def _hidden_from_index(model_admin: type[admin.ModelAdmin[Any]]) -> type[admin.ModelAdmin[Any]]:
    """The same admin without a place in the index; forms that refer to it still reach it."""

    def has_module_permission(self: admin.ModelAdmin[Any], request: HttpRequest) -> bool:
        return False

    return type(model_admin.__name__, (model_admin,), {"has_module_permission": has_module_permission})


for model, model_admin in (
    (PeriodicTask, PeriodicTaskAdmin),
    (IntervalSchedule, IntervalScheduleAdmin),
    (CrontabSchedule, CrontabScheduleAdmin),
    (SolarSchedule, _hidden_from_index(SolarScheduleAdmin)),
    (ClockedSchedule, _hidden_from_index(stock.ClockedScheduleAdmin)),
):
    admin.site.unregister(model)
    admin.site.register(model, model_admin)
