"""The monitor's own processes and their troubles in the admin: read only, what lives, what was missed and why."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring import heartbeats, troubles
from monitoring.models import Heartbeat, Trouble
from websites.plain_text import inert


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("instance", "component", "runs", "last_seen", "started", "missed", "missed_why")
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

    @admin.display(description="why missed")
    def missed_why(self, heartbeat: Heartbeat) -> SafeString | str:
        counts = sorted(heartbeat.missed_by_reason.items(), key=lambda item: -item[1])
        return format_html_join(" ", "<div>{}: {}</div>", ((inert(why), count) for why, count in counts)) or "-"


@admin.register(Trouble)
class TroubleAdmin(ReadOnlyAdmin):
    # Without filters beside it, the words have room.
    list_display = ("kind", "began", "ended", "words", "affected", "told", "process")
    fields = (*list_display,)
    ordering = ("-seen_at",)

    @admin.display(description="began", ordering="began_at")
    def began(self, trouble: Trouble) -> SafeString | str:
        return display.moment(trouble.began_at)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, trouble: Trouble) -> SafeString | str:
        return "lasts" if troubles.lasts(trouble) else display.moment(trouble.ended_at or trouble.seen_at)

    @admin.display(description="told", ordering="told_at")
    def told(self, trouble: Trouble) -> SafeString | str:
        return display.moment(trouble.told_at)

    @admin.display(description="process")
    def process(self, trouble: Trouble) -> str:
        return f"{trouble.component} {trouble.instance}"
