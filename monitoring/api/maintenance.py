"""Maintenance windows over HTTP: when nobody is alerted of which websites."""

from copy import copy
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from monitoring.api.scope import WITH_WEBSITE_IDS, ScopeSerializer, ScopeViewSet, flag
from monitoring.maintenance_times import times
from monitoring.models import MaintenanceKind, MaintenanceWindow
from monitoring.models.maintenance import read_weekdays
from websites.api.fields import WordField

_moment = serializers.DateTimeField(allow_null=True)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else str(_moment.to_representation(moment))


class MaintenanceWindowSerializer(ScopeSerializer):
    kind = WordField(MaintenanceKind.choices, required=False, help_text="Once where it is not named.")
    is_active = flag(MaintenanceWindow, "is_active")
    open_until = serializers.SerializerMethodField(help_text="When it ends; null where it is not open now.")
    next_start = serializers.SerializerMethodField(help_text="When it starts next; null where that is never.")

    class Meta:
        model = MaintenanceWindow
        fields = (
            "id",
            "name",
            "is_active",
            "kind",
            "first_day",
            "start_time",
            "minutes",
            "time_zone",
            "weekdays",
            "rule",
            "tags",
            "websites",
            "for_all",
            "public_note",
            "created_at",
            "open_until",
            "next_start",
        )

    @extend_schema_field(_moment)
    def get_open_until(self, window: MaintenanceWindow) -> str | None:
        return _written(times(window, timezone.now()).open_until)

    @extend_schema_field(_moment)
    def get_next_start(self, window: MaintenanceWindow) -> str | None:
        return _written(times(window, timezone.now()).next_start)

    def validate_weekdays(self, text: str) -> str:
        return ",".join(read_weekdays(text)) if text else ""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs |= self.whom(attrs)
        window = copy(self.instance) if self.instance else MaintenanceWindow()
        for name, value in attrs.items():
            if name != "websites":
                setattr(window, name, value)
        # The name is looked for by the field's own validator.
        window.full_clean(validate_unique=False)
        return attrs


@extend_schema_view(
    list=extend_schema(description="All maintenance windows, by name, a page at a time."),
    create=extend_schema(description="Add a maintenance window."),
    retrieve=extend_schema(description="One maintenance window."),
    update=extend_schema(
        description="Change a maintenance window. What is not named stays as it is.",
        request=MaintenanceWindowSerializer(partial=True),
    ),
    partial_update=extend_schema(description="Change a maintenance window. What is not named stays as it is."),
    destroy=extend_schema(description="Delete a maintenance window."),
)
class MaintenanceWindowViewSet(ScopeViewSet):
    """Times in which websites are worked on: nobody is alerted of them, and it does not count."""

    queryset = MaintenanceWindow.objects.prefetch_related(WITH_WEBSITE_IDS)
    serializer_class: Any = MaintenanceWindowSerializer
    no_such: ClassVar[str] = "There is no such maintenance window."
