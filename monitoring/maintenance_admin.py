"""Maintenance windows in the admin, with when they are open next."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import alert_display
from monitoring.maintenance_times import times
from monitoring.maintenance_windows import MAX_MINUTES
from monitoring.models import MaintenanceWindow
from monitoring.models.maintenance import WEEKDAYS, read_weekdays
from monitoring.scope_admin import ScopeAdmin, ScopeForm, TimeZoneSelect
from websites.plain_text import inert

_MINUTES: Any = MaintenanceWindow._meta.get_field("minutes")
CODE = {"class": "vLargeTextField wm-pattern", "spellcheck": "false"}


class MaintenanceWindowForm(ScopeForm):
    # By itself, it would first say that it must not be below zero.
    minutes = _MINUTES.formfield(min_value=1, max_value=MAX_MINUTES)
    weekdays = forms.MultipleChoiceField(
        required=False,
        choices=[(day, day) for day in WEEKDAYS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Of a weekly one.",
    )

    class Meta:
        model = MaintenanceWindow
        fields = (
            *("name", "is_active", "kind", "first_day", "start_time", "minutes", "time_zone", "weekdays", "rule"),
            *("tags", "websites", "public_note"),
        )
        widgets: ClassVar[dict[str, Any]] = {
            "kind": forms.RadioSelect,
            "time_zone": TimeZoneSelect,
            "rule": forms.TextInput(attrs=CODE),
            "public_note": forms.TextInput(attrs={"class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["weekdays"] = _weekdays(self.instance.weekdays)

    def clean_weekdays(self) -> str:
        return ",".join(day for day in WEEKDAYS if day in self.cleaned_data["weekdays"])


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(ScopeAdmin):
    form = MaintenanceWindowForm
    fieldsets = (
        (None, {"fields": ("name", "is_active", "when")}),
        (
            "Times",
            {"fields": ("kind", "first_day", "start_time", "minutes", "time_zone", "weekdays", "rule")},
        ),
        ("For which websites", {"fields": ("tags", "websites")}),
        ("On the status page", {"fields": ("public_note",)}),
    )
    readonly_fields = ("when",)
    list_display = ("name_shown", "when", "kind", "scope", "is_active")
    list_filter = ("is_active", "kind")

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        return [(None, {"fields": ("name", "is_active")}), *fieldsets[1:]]

    @admin.display(description="name", ordering="name")
    def name_shown(self, window: MaintenanceWindow) -> str:
        return inert(window.name)

    @admin.display(description="when")
    def when(self, window: MaintenanceWindow) -> SafeString | str:
        """Until when it is open, or when it is next."""
        at = times(window, timezone.now())
        following = f"next {display.utc(at.next_start)}" if at.next_start else ""
        if at.open_until is None:
            return following or "not any more" if window.is_active else "never: not active"
        parts = (alert_display.badge("unknown", "●", "open"), display.utc(at.open_until), following)
        return format_html("{} until {}<br>{}", *parts)


def _weekdays(stored: str) -> list[str]:
    try:
        return read_weekdays(stored)
    except ValidationError:  # not a weekly one
        return []
