"""Periodic tasks in the admin: those that websites own can be looked at, all others edited.

The web tier never talks to the broker, so there is no action that runs a task; a website has
"Check now" instead.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django_celery_beat import admin as stock
from django_celery_beat.models import ClockedSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from monitoring import admin_display as display
from monitoring import schedule
from websites.search import SearchedByWords

OWNED_NOTE = "This task belongs to a website and follows it: edit, pause or delete the website instead."
USED_NOTE = "Websites are checked on this schedule, so it stays as it is: edit the websites' intervals instead."


def is_owned(task: PeriodicTask | None) -> bool:
    """Whether a website owns the task."""
    return task is not None and task.task == schedule.TASK and schedule.website_id_of(task.name) is not None


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


class PeriodicTaskAdmin(SearchedByWords, stock.PeriodicTaskAdmin):  # type: ignore[misc]
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
        return not is_owned(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return not is_owned(obj) and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        if not is_owned(obj):
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": self.owned_fields, "description": OWNED_NOTE})]

    def get_readonly_fields(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        return self.owned_fields if is_owned(obj) else super().get_readonly_fields(request, obj)

    @admin.action(description="Enable selected tasks", permissions=["change"])
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().enable_tasks(request, self._unowned(request, queryset))

    @admin.action(description="Disable selected tasks", permissions=["change"])
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().disable_tasks(request, self._unowned(request, queryset))

    @admin.action(description="Toggle activity of selected tasks", permissions=["change"])
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().toggle_tasks(request, self._unowned(request, queryset))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[str]]:
        if owned := _owned_count(objs):
            return [], {}, set(), [f"{owned} of these tasks: {OWNED_NOTE}"]
        return super().get_deleted_objects(objs, request)  # type: ignore[no-any-return]

    def _unowned(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if owned := _owned_count(queryset):
            message = f"{owned} passed over: pause or resume their websites instead."
            self.message_user(request, message, messages.WARNING)
        return _others(queryset)


class UnownedTaskInline(stock.PeriodicTaskInline):  # type: ignore[misc]
    """The tasks on a schedule, but for those of websites, which may be many thousands."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return _others(super().get_queryset(request))


class IntervalScheduleAdmin(stock.IntervalScheduleAdmin):  # type: ignore[misc]
    """A schedule that websites use stays: deleting it would delete their tasks with it."""

    inlines = (UnownedTaskInline,)

    def get_inlines(self, request: HttpRequest, obj: IntervalSchedule | None) -> Any:
        return () if _used([obj]) else super().get_inlines(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        return not _used([obj]) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        return not _used([obj]) and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not _used([obj]):
            return fieldsets
        return [(name, {**options, "description": USED_NOTE}) for name, options in fieldsets]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[str]]:
        if used := _used(list(objs)):
            return [], {}, set(), [f"{task_schedule}: {USED_NOTE}" for task_schedule in used]
        return super().get_deleted_objects(objs, request)  # type: ignore[no-any-return]


def _owned_count(tasks: Any) -> int:
    return sum(map(is_owned, tasks))


def _used(schedules: Sequence[IntervalSchedule | None]) -> list[IntervalSchedule]:
    """Those of the schedules that websites' tasks run on."""
    ids = [task_schedule.pk for task_schedule in schedules if task_schedule is not None]
    if not ids:
        return []
    return list(
        IntervalSchedule.objects.filter(pk__in=schedule.owned_tasks().filter(interval__in=ids).values("interval"))
    )


def _hidden_from_index(model_admin: type[admin.ModelAdmin[Any]]) -> type[admin.ModelAdmin[Any]]:
    """The same admin without a place in the index; forms that refer to it still reach it."""

    def has_module_permission(self: admin.ModelAdmin[Any], request: HttpRequest) -> bool:
        return False

    return type(model_admin.__name__, (model_admin,), {"has_module_permission": has_module_permission})


for model, model_admin in (
    (PeriodicTask, PeriodicTaskAdmin),
    (IntervalSchedule, IntervalScheduleAdmin),
    (SolarSchedule, _hidden_from_index(stock.SolarScheduleAdmin)),
    (ClockedSchedule, _hidden_from_index(stock.ClockedScheduleAdmin)),
):
    admin.site.unregister(model)
    admin.site.register(model, model_admin)
