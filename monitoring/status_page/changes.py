"""Changes of what the status page shows are seen at once in the process that made them."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from monitoring.models import MaintenanceWindow, ShownWebsite, StatusGroup, StatusPage
from monitoring.status_page.kept import forget


def connect() -> None:
    for model in (StatusPage, StatusGroup, ShownWebsite, MaintenanceWindow):
        for signal in (post_save, post_delete):
            signal.connect(_forget_later, sender=model, dispatch_uid="monitoring.status_page.changes")


def _forget_later(**_: Any) -> None:
    transaction.on_commit(forget)
