"""Channels and maintenance windows whose websites go: without any, they would be for all there are."""

from collections.abc import Sequence
from typing import Any

from monitoring.models import Channel, MaintenanceWindow
from monitoring.models.scope import with_chosen


def on_websites_deleting(website_ids: Sequence[int], **_: Any) -> None:
    """Before websites are deleted: switch off what is for nothing but them."""
    going = set(website_ids)
    channels = with_chosen(Channel.objects.filter(is_active=True, tags=""))
    windows = with_chosen(MaintenanceWindow.objects.filter(is_active=True, tags=""))
    emptied: list[Channel | MaintenanceWindow] = [
        *(channel for channel in channels if channel.chosen and channel.chosen <= going),
        *(window for window in windows if window.chosen and window.chosen <= going),
    ]
    for scope in emptied:
        scope.is_active = False
        scope.save(update_fields=["is_active"])
