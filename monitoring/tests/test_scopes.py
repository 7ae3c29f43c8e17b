"""What becomes of channels and maintenance windows whose websites are deleted."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from monitoring import maintenance
from monitoring.models import Channel, MaintenanceWindow
from monitoring.notifications.routing import Routing
from monitoring.tests.admin_pages import change_url, page
from monitoring.tests.channels import add_channel
from monitoring.tests.checks_made import NOON, watched_website
from monitoring.watch_periods import Span
from websites.models import Website
from websites.tests.people import person, send, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("tags", "chosen", "deleted", "is_active"),
    [
        ("", [1], [1], False),
        ("", [1, 2], [1, 2], False),
        ("", [1, 2], [1], True),
        ("", [], [1], True),
        (",shop,", [1], [1], True),
        ("", [1], [2], True),
    ],
)
@pytest.mark.parametrize("in_bulk", [False, True])
def test_what_was_for_deleted_websites_alone_is_for_nobody(
    tags: str, chosen: list[int], deleted: list[int], is_active: bool, in_bulk: bool
) -> None:
    websites = {number: watched_website(number) for number in (1, 2, 3)}
    channel = add_channel(tags=tags)
    window = MaintenanceWindow.objects.create(
        name="move", first_day=NOON.date(), start_time=NOON.time(), minutes=60, tags=tags
    )
    for scope in (channel, window):
        scope.websites.set(websites[number] for number in chosen)
    if in_bulk:
        Website.objects.filter(pk__in=[websites[number].pk for number in deleted]).delete()
    else:
        for number in deleted:
            websites[number].delete()
    assert Channel.objects.get().is_active is MaintenanceWindow.objects.get().is_active is is_active
    is_for_all = not (tags or chosen)
    assert bool(maintenance.spans([websites[3].pk], Span(NOON, NOON.replace(hour=13)))) is is_for_all


FOR_NONE = "It is for no website: choose some, or tags, or "


@pytest.fixture
def emptied() -> tuple[Channel, MaintenanceWindow]:
    """Switched off before the only website that they were for was deleted."""
    website, channel = watched_website(), add_channel(is_active=False)
    window = MaintenanceWindow.objects.create(
        name="move", first_day=NOON.date(), start_time=NOON.time(), minutes=60, is_active=False
    )
    for scope in (channel, window):
        scope.websites.add(website)
    website.delete()
    return Channel.objects.get(), MaintenanceWindow.objects.get()


def test_what_was_switched_off_is_for_nobody_even_if_it_is_switched_on_past_the_checks(
    emptied: tuple[Channel, MaintenanceWindow],
) -> None:
    website = watched_website(2)
    for model in (Channel, MaintenanceWindow):
        model.objects.update(is_active=True)
    assert list(Routing().of(website, "wants_down")) == []
    assert maintenance.spans([website.pk], Span(NOON, NOON.replace(hour=13))) == {}


@pytest.mark.parametrize(
    ("body", "is_refused", "for_all"),
    [
        ({"name": "renamed"}, False, False),
        ({"is_active": True}, True, False),
        # What was read, sent back with one thing changed.
        ({"is_active": True, "websites": [], "tags": [], "for_all": False}, True, False),
        ({"is_active": True, "websites": []}, True, False),
        ({"is_active": True, "for_all": True}, False, True),
        ({"is_active": True, "tags": ["shop"]}, False, False),
        ({"is_active": True, "websites": ["other"], "for_all": False}, False, False),
        ({"is_active": True, "websites": ["other"], "for_all": True}, False, False),
    ],
)
def test_what_is_for_nobody_stays_off_until_somebody_says_whom_it_is_for(
    emptied: tuple[Channel, MaintenanceWindow], body: dict[str, Any], is_refused: bool, for_all: bool
) -> None:
    admin, other = signed_in("admin"), watched_website(2)
    body = body | ({"websites": [other.pk]} if body.get("websites") else {})
    scope: Any
    for scope, path in zip(emptied, ("channels", "maintenance-windows"), strict=True):
        assert admin.get(f"/{path}/{scope.pk}").json()["for_all"] is False
        answer = send(admin, "patch", f"/{path}/{scope.pk}", body)
        assert answer.status_code == (400 if is_refused else 200)
        scope.refresh_from_db()
        assert scope.is_active is (not is_refused and body.get("is_active", False))
        assert type(scope).objects.get().for_all is for_all
        if is_refused:
            assert answer.json() == {"websites": [FOR_NONE + "set for_all to true."]}
        else:
            assert answer.json()["for_all"] is for_all


def test_what_is_for_websites_is_for_all_once_the_last_of_them_is_taken_out_by_hand() -> None:
    admin, website, channel = signed_in("admin"), watched_website(), add_channel()
    channel.websites.add(website)
    assert admin.get(f"/channels/{channel.pk}").json()["for_all"] is False
    assert send(admin, "patch", f"/channels/{channel.pk}", {"websites": []}).json()["for_all"] is True
    refused = send(admin, "patch", f"/channels/{channel.pk}", {"for_all": False})
    assert refused.json() == {"websites": [FOR_NONE + "set for_all to true."]}
    assert send(admin, "patch", f"/channels/{channel.pk}", {"for_all": False, "is_active": False}).status_code == 200


WINDOW_FIELDS = {"kind": "once", "first_day": "2026-01-31", "start_time": "12:00", "minutes": "60"}
CHANNEL_FIELDS = {"kind": "webhook", "target": "", "secret": "", "wants_down": "on", "delay": "0"}


@pytest.mark.parametrize("which", [0, 1])
def test_the_admin_says_that_it_is_for_nobody_and_asks_before_it_is_for_all(
    emptied: tuple[Channel, MaintenanceWindow], admin_client: Client, which: int
) -> None:
    scope = emptied[which]
    url, fields = change_url(scope), (CHANNEL_FIELDS, WINDOW_FIELDS)[which] | {"name": "same", "time_zone": "UTC"}
    listed = reverse(f"admin:monitoring_{scope._meta.model_name}_changelist")
    assert "none: its websites were deleted" in page(admin_client, listed)
    assert "Those it was for were deleted" in page(admin_client, url)
    refused = admin_client.post(url, fields | {"is_active": "on"})
    assert FOR_NONE + "tick that it is for all." in refused.content.decode()
    assert admin_client.post(url, fields | {"is_active": "on", "for_all": "on"}).status_code == 302
    scope = type(scope).objects.get()
    assert (scope.is_active, scope.for_all) == (True, True)
    assert "For all websites" not in page(admin_client, url)


def test_who_may_only_look_is_told_that_it_is_for_nobody(emptied: tuple[Channel, MaintenanceWindow]) -> None:
    looker = person(None, staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_channel"))
    client = Client()
    client.force_login(looker)
    assert "none: its websites were deleted" in page(client, change_url(emptied[0]))
