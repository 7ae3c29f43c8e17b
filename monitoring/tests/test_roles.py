import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

VIEWER = {
    "websites.view_website",
    "monitoring.view_monitoringdata",
    "monitoring.view_websitestate",
    "monitoring.view_incident",
    "monitoring.view_extractedvalue",
}
EDITOR = VIEWER | {"websites.add_website", "websites.change_website", "websites.delete_website"}


def permissions(role: str) -> set[str]:
    pairs = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {f"{label}.{codename}" for label, codename in pairs}


def all_of(*labels: str) -> set[str]:
    pairs = Permission.objects.filter(content_type__app_label__in=labels)
    return {f"{label}.{codename}" for label, codename in pairs.values_list("content_type__app_label", "codename")}


def assert_roles() -> None:
    assert permissions("viewer") == VIEWER
    assert permissions("editor") == EDITOR
    assert permissions("admin") == all_of("websites", "monitoring", "django_celery_beat") | {
        "knox.view_authtoken",
        "knox.delete_authtoken",
        "auth.view_user",
        "auth.add_user",
        "auth.change_user",
        "auth.delete_user",
        "auth.view_group",
        "axes.view_accessattempt",
        "axes.delete_accessattempt",
    }


@pytest.mark.django_db
def test_the_roles_are_there_after_migrate() -> None:
    assert_roles()


@pytest.mark.django_db(transaction=True)
def test_the_roles_come_back_after_a_flush() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert_roles()


@pytest.mark.django_db
def test_a_changed_role_is_mended_by_migrate_and_other_groups_are_left_alone() -> None:
    everything = Permission.objects.all()
    Group.objects.get(name="viewer").permissions.set(everything)
    Group.objects.get(name="editor").delete()
    Group.objects.create(name="ours").permissions.set(everything)
    call_command("migrate", verbosity=0)
    assert_roles()
    assert len(permissions("ours")) == everything.count()
