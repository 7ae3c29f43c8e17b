"""When a maintenance window opens and closes, for those who look at it."""

from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError

from monitoring.models import MaintenanceWindow


class Times(NamedTuple):
    """In UTC; None where it is not open, or does not start within ten years."""

    open_until: datetime | None = None
    next_start: datetime | None = None


def times(window: MaintenanceWindow, at: datetime) -> Times:
    """Of one that is active; a window that is not never opens, nor does one that cannot be read."""
    if not window.is_active:
        return Times()
    try:
        return Times(window.window.ends(at), window.window.next_start(at))
    except (ValidationError, OverflowError):  # written past the checks, by SQL
        return Times()
