"""Windows that are entered, changed or deleted for time that is over: what is rolled up follows them."""

from typing import Any

from django.db.models.signals import m2m_changed, pre_delete, pre_save
from django.utils import timezone

from monitoring import maintenance, rollups
from monitoring.models import MaintenanceWindow
from monitoring.watch_periods import Span


def connect() -> None:
    here = "monitoring.past_maintenance"
    pre_save.connect(on_saving, sender=MaintenanceWindow, dispatch_uid=here)
    pre_delete.connect(on_deleting, sender=MaintenanceWindow, dispatch_uid=here)
    m2m_changed.connect(on_websites_changed, sender=MaintenanceWindow.websites.through, dispatch_uid=here)


def on_saving(instance: MaintenanceWindow, **_: Any) -> None:
    """Before it is written: mark what the stored window and this one do not share."""
    stored = MaintenanceWindow.objects.filter(pk=instance.pk).first()
    before, after = _left_out(stored), _left_out(instance)
    if before != after:
        rollups.mark_stale({*before[1], *after[1]})


def on_deleting(instance: MaintenanceWindow, **_: Any) -> None:
    rollups.mark_stale(_left_out(instance)[1])


def on_websites_changed(instance: MaintenanceWindow, action: str, **_: Any) -> None:
    if action in ("post_add", "post_remove", "post_clear"):
        rollups.mark_stale(_left_out(instance)[1])


def _left_out(window: MaintenanceWindow | None) -> tuple[str, list[Span]]:
    """For which tags, and when, of the time up to now that can be rolled up."""
    if window is None or not window.is_active:
        return "", []
    for field in window._meta.concrete_fields:
        # Dates and times may still be texts.
        setattr(window, field.attname, field.to_python(getattr(window, field.attname)))
    past = Span(rollups.progress().checks_since, timezone.now())
    return window.tags, maintenance.occurrences(window, past)
