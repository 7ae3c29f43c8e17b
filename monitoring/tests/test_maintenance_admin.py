from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitoring.models import MaintenanceWindow
from monitoring.tests.admin_pages import change_url, page, staff_client, website

pytestmark = pytest.mark.django_db

WINDOWS = reverse("admin:monitoring_maintenancewindow_changelist")
ADD = reverse("admin:monitoring_maintenancewindow_add")


def filled(**fields: Any) -> dict[str, Any]:
    untouched = {
        "name": "move",
        "is_active": "on",
        "kind": "once",
        "first_day": "2031-03-01",
        "start_time": "02:30",
        "minutes": "90",
        "time_zone": "UTC",
    }
    return {**untouched, **fields}


def window(name: str = "move", **fields: Any) -> MaintenanceWindow:
    values = {"first_day": "2031-03-01", "start_time": "02:30", "minutes": 90, **fields}
    made = MaintenanceWindow.objects.create(name=name, **values)
    made.refresh_from_db()
    return made


def test_every_option_is_saved_and_shown_again(admin_client: Client) -> None:
    one = website(0)
    fields = filled(
        kind="weekly", weekdays=["Su", "Mo"], time_zone="Europe/Berlin", tags="Prod", websites=[str(one.pk)]
    )
    fields["public_note"] = "We move."
    assert admin_client.post(ADD, fields).status_code == 302
    made = MaintenanceWindow.objects.get()
    assert (made.kind, made.weekdays, made.time_zone, made.tags) == ("weekly", "Mo,Su", "Europe/Berlin", ",prod,")
    assert list(made.websites.all()) == [one]
    assert made.public_note == "We move."
    form = admin_client.get(change_url(made)).context["adminform"].form
    assert form["weekdays"].value() == ["Mo", "Su"]
    assert "next 2031-03-02 01:30:00 UTC" in page(admin_client, change_url(made))
    # Saved as it is, nothing changes.
    assert admin_client.post(change_url(made), fields).status_code == 302
    assert MaintenanceWindow.objects.get().weekdays == "Mo,Su"


def test_a_window_by_a_rule_is_saved(admin_client: Client) -> None:
    rule = "FREQ=MONTHLY;BYDAY=1SU"
    assert admin_client.post(ADD, filled(kind="rule", rule=rule)).status_code == 302
    assert MaintenanceWindow.objects.get().rule == rule
    assert "next 2031-03-02 02:30:00 UTC" in page(admin_client, WINDOWS)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": "taken"}, "name", "with this name exists already."),
        ({"kind": "yearly"}, "kind", "Select a valid choice"),
        ({"first_day": ""}, "first_day", "required"),
        ({"first_day": "2031-02-31"}, "first_day", "valid date"),
        ({"first_day": "9999-12-31"}, "first_day", "1970 to 2199"),
        ({"start_time": "late"}, "start_time", "valid time"),
        ({"start_time": "22:00+02:00"}, "start_time", "without an offset from UTC"),
        ({"minutes": "0"}, "minutes", "greater than or equal to 1"),
        ({"minutes": "10081"}, "minutes", "less than or equal to 10080"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "no such time zone"),
        ({"kind": "weekly"}, "weekdays", "Write weekdays"),
        ({"kind": "weekly", "weekdays": ["Xx"]}, "weekdays", "Select a valid choice"),
        ({"kind": "rule"}, "rule", "Give a rule"),
        ({"kind": "rule", "rule": "FREQ=HOURLY"}, "rule", "too often"),
        ({"kind": "rule", "rule": "FREQ=DAILY", "minutes": "1440"}, "minutes", "without a break"),
        ({"tags": "a" * 51}, "tags", "at most 50"),
    ],
)
def test_a_bad_field_is_answered_beside_it_and_nothing_is_saved(
    admin_client: Client, fields: dict[str, Any], field: str, words: str
) -> None:
    window("taken")
    errors = admin_client.post(ADD, filled(**fields)).context["adminform"].form.errors
    assert field in errors
    assert words in errors[field][0]
    assert MaintenanceWindow.objects.get().name == "taken"


def test_the_list_says_what_is_open_and_what_is_next(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    began = timezone.now() - timedelta(minutes=30)
    window("open", first_day=began.date(), start_time=began.time(), minutes=60)
    window("daily", kind="rule", rule="FREQ=DAILY", first_day=began.date(), start_time=began.time(), minutes=60)
    window("off", is_active=False)
    window("over", first_day="2021-01-01")
    window("unreadable", kind="rule", rule="nonsense")
    for number in range(20):
        window(str(number), tags="prod").websites.add(website(number))
    with django_assert_max_num_queries(5):
        content = page(admin_client, WINDOWS)
    ends = f"{began + timedelta(minutes=60):%Y-%m-%d %H:%M:%S} UTC"
    assert content.count(f"open</span> until {ends}") == 2
    assert f"next {began + timedelta(days=1):%Y-%m-%d %H:%M:%S} UTC" in content
    assert content.count("next 2031-03-01 02:30:00 UTC") == 20
    assert content.count("not any more") == 2
    assert "never: not active" in content
    assert content.count("prod; 1 website<") == 20


def test_a_window_is_deleted(admin_client: Client) -> None:
    one = window()
    one.websites.add(website(0))
    admin_client.post(reverse("admin:monitoring_maintenancewindow_delete", args=[one.pk]), {"post": "yes"})
    assert not MaintenanceWindow.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_only_administrators_see_and_change_windows(role: str) -> None:
    one = window()
    client = staff_client(role)
    for url in (WINDOWS, change_url(one), ADD):
        assert client.get(url).status_code == (200 if role == "admin" else 403)


def test_whoever_may_only_look_reads_a_window_in_words() -> None:
    one = window(tags=",prod,shop,", kind="weekly", weekdays="Mo,Su")
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_maintenancewindow"))
    client = Client()
    client.force_login(user)
    content = page(client, change_url(one))
    for shown in ("prod, shop", "Mo,Su", "next 2031-03-02"):
        assert shown in content
    assert client.post(change_url(one), filled(name="forged")).status_code == 403
