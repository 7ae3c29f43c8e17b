"""The admin's contents; each model's page is in a module of its own."""

from axes import admin as axes_admin
from axes.models import AccessFailureLog, AccessLog
from django.contrib import admin

from monitoring import (
    channel_admin,
    delivery_admin,
    heartbeat_admin,
    incident_admin,
    maintenance_admin,
    monitoring_data_admin,
    periodic_task_admin,
    status_page_admin,
    token_admin,
    user_admin,
    website_admin,
)

__all__ = [
    "axes_admin",
    "channel_admin",
    "delivery_admin",
    "heartbeat_admin",
    "incident_admin",
    "maintenance_admin",
    "monitoring_data_admin",
    "periodic_task_admin",
    "status_page_admin",
    "token_admin",
    "user_admin",
    "website_admin",
]

# Both stay empty: the settings keep only attempts, which an administrator may need to undo.
admin.site.unregister([AccessLog, AccessFailureLog])
