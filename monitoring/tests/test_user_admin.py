import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from websites.tests.people import person

pytestmark = pytest.mark.django_db


def change_url(user: User) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


def form_of(user: User, **change: object) -> dict[str, object]:
    form: dict[str, object] = {
        "username": user.username,
        "email": "new@example.org",
        "groups": [group.pk for group in user.groups.all()],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "is_active": "on",
        **change,
    }
    return form


@pytest.fixture
def admin() -> User:
    return person("admin", "admin", staff=True)


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_an_admin_changes_a_viewer_into_an_editor(as_admin: Client) -> None:
    viewer = person("viewer")
    editor = Group.objects.get(name="editor")
    assert as_admin.post(change_url(viewer), form_of(viewer, groups=[editor.pk])).status_code == 302
    viewer.refresh_from_db()
    assert (viewer.email, list(viewer.groups.all())) == ("new@example.org", [editor])


def test_an_admin_cannot_make_a_superuser_nor_give_single_permissions(as_admin: Client) -> None:
    viewer = person("viewer")
    permission = Permission.objects.get(codename="delete_user")
    as_admin.post(change_url(viewer), form_of(viewer, is_superuser="on", user_permissions=[permission.pk]))
    viewer.refresh_from_db()
    assert not viewer.is_superuser
    assert not viewer.user_permissions.exists()


def test_an_admin_cannot_raise_their_own_rights(as_admin: Client, admin: User) -> None:
    as_admin.post(change_url(admin), form_of(admin, is_superuser="on", is_staff="on"))
    admin.refresh_from_db()
    assert not admin.is_superuser


def test_an_admin_cannot_grant_a_group_beyond_their_own_rights(as_admin: Client) -> None:
    viewer = person("viewer")
    beyond = Group.objects.create(name="beyond")
    beyond.permissions.add(Permission.objects.get(codename="delete_group"))
    response = as_admin.post(change_url(viewer), form_of(viewer, groups=[beyond.pk]))
    assert response.status_code == 200
    assert "not one of the available choices" in response.content.decode()
    assert beyond not in viewer.groups.all()


def test_an_admin_does_not_touch_those_with_more_rights(as_admin: Client) -> None:
    stronger = person("admin", "stronger")
    stronger.user_permissions.add(Permission.objects.get(codename="delete_group"))
    for user in (User.objects.create_superuser("root"), stronger):
        assert as_admin.post(change_url(user), form_of(user)).status_code == 403
        user.refresh_from_db()
        assert user.email == ""


def test_an_admin_changes_no_passwords(as_admin: Client, admin: User) -> None:
    for user in (person("viewer"), User.objects.create_superuser("root"), admin):
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        before = User.objects.get(pk=user.pk).password
        assert as_admin.get(url).status_code == 403
        form = {"password1": "a-very-Long-1", "password2": "a-very-Long-1", "usable_password": "true"}
        assert as_admin.post(url, form).status_code == 403
        assert User.objects.get(pk=user.pk).password == before


def test_an_admin_sees_no_password_hash(as_admin: Client) -> None:
    viewer = person("viewer")
    viewer.password = "pbkdf2_sha256$1$salty$hashed"
    viewer.save()
    page = as_admin.get(change_url(viewer)).content.decode()
    assert "pbkdf2" not in page
    assert "password/" not in page.replace("password_change/", "")


def test_an_admin_adds_users_who_may_do_nothing_yet(as_admin: Client) -> None:
    form = {"username": "new", "password1": "a-very-Long-1", "password2": "a-very-Long-1", "usable_password": "true"}
    answer = as_admin.post(reverse("admin:auth_user_add"), form | {"is_superuser": "on", "is_staff": "on"})
    assert answer.status_code == 302
    user = User.objects.get(username="new")
    assert not user.is_superuser
    assert not user.is_staff
    assert user.get_all_permissions() == set()


def test_an_admin_deletes_users_but_nobody_beyond_them(as_admin: Client) -> None:
    viewer, root = person("viewer"), User.objects.create_superuser("root")
    assert as_admin.post(reverse("admin:auth_user_delete", args=[viewer.pk]), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=viewer.pk).exists()
    assert as_admin.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"}
    as_admin.post(reverse("admin:auth_user_changelist"), action)
    assert User.objects.filter(pk=root.pk).exists()


def test_a_superuser_does_it_all(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    viewer = person("viewer")
    assert client.post(change_url(viewer), form_of(viewer, is_superuser="on")).status_code == 302
    viewer.refresh_from_db()
    assert viewer.is_superuser
    assert client.get(reverse("admin:auth_user_add")).status_code == 200
    assert client.get(reverse("admin:auth_user_password_change", args=[viewer.pk])).status_code == 200
    assert client.post(reverse("admin:auth_user_delete", args=[viewer.pk]), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=viewer.pk).exists()
