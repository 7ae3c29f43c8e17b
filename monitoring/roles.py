"""Three groups that say what people may do; kept as they are here by every `migrate`.

| group  | may                                                                       |
|--------|---------------------------------------------------------------------------|
| viewer | read websites, their states, incidents, values and monitoring data        |
| editor | the same, add, change, pause and delete websites, acknowledge incidents   |
| admin  | everything but users' passwords and rights beyond their own; only this    |
|        | group decides what the public sees                                        |

A group that is to differ gets a name of its own.
"""

from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.apps.registry import apps as installed_apps
from django.contrib.auth.management import create_permissions
from django.db.models import Q

VIEWER = (
    "websites.view_website",
    "monitoring.view_monitoringdata",
    "monitoring.view_websitestate",
    "monitoring.view_incident",
    "monitoring.view_extractedvalue",
)
# Whoever may change websites may acknowledge their incidents.
EDITOR = (*VIEWER, "websites.add_website", "websites.change_website", "websites.delete_website")
# Whole apps, and single permissions beside them.
ADMIN_APPS = ("websites", "monitoring", "django_celery_beat")
ADMIN = (
    "knox.view_authtoken",
    "knox.delete_authtoken",
    "auth.view_user",
    "auth.add_user",
    "auth.change_user",
    "auth.delete_user",
    "auth.view_group",
    # Deleting a failed sign-in lifts its lock.
    "axes.view_accessattempt",
    "axes.delete_accessattempt",
)
APPS = (*ADMIN_APPS, "knox", "auth", "axes")


def sync_roles(using: str, apps: Apps = installed_apps, verbosity: int = 0, **_: Any) -> None:
    """Receiver of `post_migrate`: make the groups and give them exactly their permissions.

    It may come before Django's own receiver that makes the permissions, and so calls it first. After a `flush`
    the signal brings no `apps`.
    """
    try:
        group_model = apps.get_model("auth", "Group")
    except LookupError:  # only some apps are migrated so far
        return
    for label in APPS:
        create_permissions(_config(label), verbosity=verbosity, interactive=False, using=using, apps=apps)
    wanted = {
        "viewer": _named(VIEWER),
        "editor": _named(EDITOR),
        "admin": _named(ADMIN) | Q(content_type__app_label__in=ADMIN_APPS),
    }
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    for name, condition in wanted.items():
        group, _created = group_model.objects.using(using).get_or_create(name=name)
        group.permissions.set(permissions.filter(condition))


def _config(label: str) -> Any:
    return installed_apps.get_app_config(label)


def _named(names: Iterable[str]) -> Q:
    condition = Q(pk__in=[])
    for name in names:
        label, _, codename = name.partition(".")
        condition |= Q(content_type__app_label=label, codename=codename)
    return condition
