"""The monitor's own processes in the admin: read only, which of them live and what they missed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import heartbeats
from monitoring.models import Heartbeat


@admin.register(Heartbeat)
class HeartbeatAdmin(admin.ModelAdmin[Any]):
    list_display = ("instance", "component", "runs", "last_seen", "started", "missed")
    fields = (*list_display,)
    list_filter = ("component",)
    ordering = ("component", "-seen_at")

    @admin.display(description="runs", boolean=True)
    def runs(self, heartbeat: Heartbeat) -> bool:
        return heartbeats.lives(heartbeat.seen_at)

    @admin.display(description="last seen", ordering="seen_at")
    def last_seen(self, heartbeat: Heartbeat) -> SafeString | str:
        return display.moment(heartbeat.seen_at)

    @admin.display(description="started", ordering="started_at")
    def started(self, heartbeat: Heartbeat) -> SafeString | str:
        return display.moment(heartbeat.started_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
