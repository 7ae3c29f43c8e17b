from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from monitoring.api.maintenance import MaintenanceWindowSerializer
from monitoring.models import MaintenanceWindow
from websites.tests.people import send, signed_in
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

TODAY = timezone.now().date()
ONCE = {"name": "move", "first_day": "2031-03-01", "start_time": "02:30", "minutes": 90}
WEEKLY = ONCE | {"kind": "weekly", "weekdays": "su, mo"}
RULE = ONCE | {"kind": "rule", "rule": "FREQ=MONTHLY;BYDAY=1SU"}


@pytest.fixture
def admin() -> APIClient:
    return signed_in("admin")


@pytest.mark.parametrize("path", ["/maintenance-windows", "/maintenance-windows/"])
def test_a_window_is_added_and_says_when_it_is_next(admin: APIClient, path: str) -> None:
    website = add()
    body = ONCE | {"time_zone": "Europe/Berlin", "tags": ["prod"], "websites": [website.pk]}
    response = send(admin, "post", path, body)
    assert response.status_code == 201
    answer = response.json()
    assert answer | {"created_at": ""} == {
        "id": MaintenanceWindow.objects.get().pk,
        "name": "move",
        "is_active": True,
        "kind": "once",
        "first_day": "2031-03-01",
        "start_time": "02:30:00",
        "minutes": 90,
        "time_zone": "Europe/Berlin",
        "weekdays": "",
        "rule": "",
        "tags": ["prod"],
        "websites": [website.pk],
        "for_all": False,
        "public_note": "",
        "created_at": "",
        "open_until": None,
        "next_start": "2031-03-01T01:30:00Z",
    }
    assert admin.get(f"/maintenance-windows/{answer['id']}").json() == answer
    assert admin.get(path).json()["results"] == [answer]


@pytest.mark.parametrize("body", [WEEKLY, RULE])
def test_windows_that_come_again_are_added(admin: APIClient, body: dict[str, Any]) -> None:
    answer = send(admin, "post", "/maintenance-windows", body).json()
    assert answer["next_start"] == "2031-03-02T02:30:00Z"
    assert answer["weekdays"] == ("Mo,Su" if body is WEEKLY else "")


def test_an_open_window_says_until_when(admin: APIClient) -> None:
    began = timezone.now() - timedelta(minutes=30)
    body = ONCE | {"first_day": str(began.date()), "start_time": f"{began:%H:%M:%S}", "minutes": 60}
    answer = send(admin, "post", "/maintenance-windows", body).json()
    ends = began.replace(microsecond=0) + timedelta(minutes=60)
    assert (datetime.fromisoformat(answer["open_until"]), answer["next_start"]) == (ends, None)
    answer = send(admin, "patch", f"/maintenance-windows/{answer['id']}", {"is_active": False}).json()
    assert (answer["open_until"], answer["next_start"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (ONCE | {"name": "taken"}, "name", "with this name exists already."),
        (ONCE | {"kind": "yearly"}, "kind", "weekly"),
        (ONCE | {"first_day": "2031-02-31"}, "first_day", "wrong format"),
        (ONCE | {"first_day": "9999-12-31"}, "first_day", "1970 to 2199"),
        (ONCE | {"first_day": "0001-01-01", "time_zone": "Asia/Tokyo"}, "first_day", "1970 to 2199"),
        (ONCE | {"start_time": "25:00"}, "start_time", "wrong format"),
        (ONCE | {"minutes": 0}, "minutes", "greater than or equal to 1"),
        (ONCE | {"minutes": 10_081}, "minutes", "less than or equal to 10080"),
        (ONCE | {"time_zone": "Mars/Olympus"}, "time_zone", "no such time zone"),
        (WEEKLY | {"weekdays": ""}, "weekdays", "Write weekdays"),
        (WEEKLY | {"weekdays": "Mo,Xx"}, "weekdays", "Write weekdays"),
        (RULE | {"rule": ""}, "rule", "Give a rule"),
        (RULE | {"rule": "FREQ=HOURLY"}, "rule", "too often"),
        (RULE | {"rule": "FREQ=DAILY;COUNT=0"}, "rule", "COUNT takes"),
        (RULE | {"rule": "FREQ=DAILY", "minutes": 1440}, "minutes", "without a break"),
        (ONCE | {"tags": ["a,b"]}, "tags", "no commas"),
        (ONCE | {"websites": [77]}, "websites", "no website with the id 77"),
        (ONCE | {"minuts": 5}, "minuts", 'Did you mean "minutes"?'),
        ({"name": "x", "minutes": 5, "start_time": "02:30"}, "first_day", "required"),
    ],
)
def test_a_bad_window_is_answered_beside_its_field_and_not_kept(
    admin: APIClient, body: dict[str, Any], field: str, words: str
) -> None:
    taken = MaintenanceWindow.objects.create(name="taken", first_day=TODAY, start_time="12:00", minutes=5)
    response = send(admin, "post", "/maintenance-windows", body)
    assert (response.status_code, list(response.json())) == (400, [field])
    assert words in response.json()[field][0]
    assert MaintenanceWindow.objects.get() == taken


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_is_not_named_stays_and_is_checked_together_with_what_is(admin: APIClient, method: str) -> None:
    path = f"/maintenance-windows/{send(admin, 'post', '/maintenance-windows', WEEKLY).json()['id']}"
    answer = send(admin, method, path, {"minutes": 5}).json()
    assert (answer["minutes"], answer["weekdays"], answer["name"]) == (5, "Mo,Su", "move")
    assert list(send(admin, method, path, {"kind": "rule"}).json()) == ["rule"]
    assert list(send(admin, method, path, {"weekdays": ""}).json()) == ["weekdays"]
    assert MaintenanceWindow.objects.get().weekdays == "Mo,Su"
    # Its own name is not taken.
    assert send(admin, method, path, {"name": "move"}).status_code == 200


def test_a_window_is_deleted(admin: APIClient) -> None:
    path = f"/maintenance-windows/{send(admin, 'post', '/maintenance-windows', ONCE).json()['id']}"
    assert admin.delete(path).status_code == 204
    response = admin.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "There is no such maintenance window."})


def test_a_window_that_was_written_past_the_checks_is_answered(admin: APIClient) -> None:
    for number, fields in enumerate(
        [
            {"kind": "rule", "rule": "nonsense"},
            {"kind": "weekly"},
            {"first_day": "9999-12-31", "start_time": "23:59", "time_zone": "America/New_York"},
        ]
    ):
        values: dict[str, Any] = {"first_day": TODAY, "start_time": "12:00", "minutes": 5, **fields}
        MaintenanceWindow.objects.create(name=str(number), **values)
    results = admin.get("/maintenance-windows").json()["results"]
    assert {(row["open_until"], row["next_start"]) for row in results} == {(None, None)}


def test_a_page_of_windows_takes_few_queries(
    admin: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    websites = [add(f"http://www{number}.example/") for number in range(5)]
    for number in range(20):
        window = MaintenanceWindow.objects.create(name=str(number), first_day=TODAY, start_time="12:00", minutes=5)
        window.websites.set(websites)
    with django_assert_max_num_queries(7):
        assert admin.get("/maintenance-windows").json()["count"] == 20


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_administrators_see_and_change_windows(role: str) -> None:
    one = MaintenanceWindow.objects.create(name="one", first_day=TODAY, start_time="12:00", minutes=5)
    client = signed_in(role)
    for path in ("/maintenance-windows", f"/maintenance-windows/{one.pk}"):
        for method in ("get", "post", "put", "delete"):
            assert getattr(client, method)(path).status_code == 403
    assert MaintenanceWindow.objects.exists()


def test_a_name_that_is_taken_meanwhile_is_told_beside_it() -> None:
    serializer = MaintenanceWindowSerializer(data=ONCE)
    serializer.is_valid(raise_exception=True)
    MaintenanceWindow.objects.create(name="move", first_day=TODAY, start_time="12:00", minutes=5)
    with pytest.raises(ValidationError) as refusal:
        serializer.save()
    assert "exists already" in str(refusal.value.detail["name"])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "written", ["22:00+02:00", "22:00Z", "22:00z", "22:00:30.5 -0130", "T22:00+02", "22:00\u221201:00"]
)
def test_a_time_with_an_offset_is_refused_instead_of_being_taken_for_another(admin: APIClient, written: str) -> None:
    channel = {"name": "a", "kind": "webhook", "target": "http://127.0.0.1/", "quiet_until": "07:00"}
    for path, body, name in (("/maintenance-windows", ONCE, "start_time"), ("/channels", channel, "quiet_from")):
        answer = send(admin, "post", path, body | {name: written})
        assert answer.status_code == 400
        assert answer.json() == {
            name: [
                "Give the time as clocks show it, such as 22:00, without an offset from UTC: the time zone says which."
            ]
        }
        assert send(admin, "post", path, body | {name: "22:00"}).status_code == 201
