"""What checks of a website showed, over HTTP."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from monitoring.models import ExtractedValue, MaintenanceWindow, MonitoringData, RollupProgress
from monitoring.rollups import roll_up
from monitoring.tests.outages import HOSTILE, ended_incident
from monitoring.tests.slots import checked, watched
from websites.models import Website
from websites.tests.people import signed_in, token_for, with_token
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=12)
HOUR = timedelta(hours=1)
ABOUT = ("stats", "series", "values")

Get = Callable[..., Any]


@pytest.fixture
def website() -> Website:
    """Watched from noon on, for two hours: up, then down for ten minutes, then up, with some checks missing."""
    website = add()
    watched(website, NOON, NOON + 2 * HOUR)
    checked(website, NOON, "u" * 50 + "tttttddddd" + "u" * 40 + "." * 10 + "?" * 10)
    ended_incident(website, 3000, 600)
    return website


@pytest.fixture
def get() -> Get:
    """What a viewer is answered twelve hours after noon."""
    with time_machine.travel(NOW, tick=False):
        client = signed_in("viewer")

    def run(path: str, code: int = 200, **headers: str) -> Any:
        with time_machine.travel(NOW, tick=False):
            response = client.get(path, headers=headers or None)
        assert response.status_code == code, response.content
        return response

    return run


def stats(get: Get, website: Website, query: str = "") -> Any:
    return get(f"/websites/{website.pk}/stats{query}").json()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_stats_tell_what_the_checks_of_the_last_day_showed(
    get: Get, website: Website, slash: str, is_rolled_up: bool
) -> None:
    if is_rolled_up:
        with time_machine.travel(NOW, tick=False):
            assert roll_up() > 10
    found = get(f"/websites/{website.pk}/stats{slash}").json()
    times, phases = found.pop("response_time"), found.pop("phases")
    assert found == {
        "website_id": website.pk,
        "since": "2026-01-31T12:00:00Z",
        "until": "2026-02-01T00:00:00Z",
        "expected": 120.0,
        "observed": 100,
        "up": 90,
        "down": 10,
        "unknown": 10,
        "uptime": 0.9,
        "coverage": 100 / 120,
        # The last good check was a minute before the first bad one, which took a second; likewise at the end.
        "outages": {"count": 1, "at_least": 539.0, "at_most": 661.0},
        "errors": {"internal": 10, "timeout": 5, "rejected": 5},
    }
    assert times == {name: pytest.approx(0.1) for name in ("mean", "min", "max", "p50", "p95", "p99")}
    assert phases == dict.fromkeys(("dns", "connect", "tls", "first_byte"), 0.0)


@pytest.mark.parametrize(
    ("query", "window", "counts"),
    [
        ("?since=2026-01-31T12:30:00Z&until=2026-01-31T12:55:00Z", ("12:30", "12:55"), (25, 20, 5)),
        ("?since=2026-01-31T12:30:00&until=2026-01-31T12:55", ("12:30", "12:55"), (25, 20, 5)),
        ("?since=2026-01-31T13:30:00%2B01:00&until=2026-01-31T05:55:00-07:00", ("12:30", "12:55"), (25, 20, 5)),
        ("?since=2026-01-31T13:30:00+01:00&until=2026-01-31T12:55:00Z", ("12:30", "12:55"), (25, 20, 5)),
        ("?since=2026-01-31T12:50Z&until=9999-12-31T23:59:59Z", ("12:50", "24:00"), (70, 40, 10)),
        ("?since=1970-01-01&until=2026-01-31T12:01Z", ("12:00", "12:01"), (1, 1, 0)),
        ("?since=0001-01-01T00:00:00Z", ("12:00", "24:00"), (120, 90, 10)),
        ("?until=2026-01-31T12:30:00Z&since=", ("12:00", "12:30"), (30, 30, 0)),
        ("?since=2026-01-31T12:00:00.000001Z&until=2026-01-31T12:00:00.000002Z", None, (0, 0, 0)),
        ("?since=2026-01-31T14:00:00Z", ("14:00", "24:00"), (0, 0, 0)),
    ],
)
def test_a_window_is_taken_as_it_is_meant(
    get: Get, website: Website, query: str, window: tuple[str, str] | None, counts: tuple[int, int, int]
) -> None:
    found = stats(get, website, query)
    assert (round(found["expected"]), found["up"], found["down"]) == counts
    if window is not None:
        hours = [NOON.replace(hour=0) + timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in window]
        assert [datetime.fromisoformat(found[name]) for name in ("since", "until")] == hours


@pytest.mark.parametrize("about", ["stats", "series"])
@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("since=yesterday", ("since", "Must be a time")),
        ("since=2026-02-30", ("since", "Must be a time")),
        ("until=1769860800", ("until", "Must be a time")),
        ("until=%00", ("until", "Null characters")),
        ("since=0001-01-01T00:00:00%2B23:59", ("since", "Must be a time")),
        ("since=2026-01-31T12:00Z&until=2026-01-31T12:00Z", ("since", "before until")),
        ("since=2026-01-31T12:00Z&until=2026-01-31T11:00Z", ("since", "before until")),
        ("since=2026-02-01T00:00Z", ("since", "still to come")),
        ("since=2027-01-01&until=2027-02-01", ("since", "still to come")),
        ("until=0001-01-01", ("until", "before 1970")),
        ("sinse=2026-01-01", ("sinse", 'Did you mean "since"?')),
        ("page_size=5", ("page_size", "no such parameter")),
    ],
)
def test_what_is_no_window_is_refused(
    get: Get, website: Website, about: str, query: str, refused: tuple[str, str]
) -> None:
    field, words = refused
    body = get(f"/websites/{website.pk}/{about}?{query}", code=400).json()
    assert list(body) == [field]
    assert words in body[field][0]


@pytest.mark.parametrize("points", ["1", "2001", "-5", "x", "5.5", "٣", "9" * 5000])
def test_a_number_of_points_that_is_none_is_refused(get: Get, website: Website, points: str) -> None:
    body = get(f"/websites/{website.pk}/series?points={points}", code=400).json()
    assert list(body) == ["points"]


@pytest.mark.parametrize("about", ABOUT)
@pytest.mark.parametrize("number", ["0", "77", "9" * 20, "9" * 5000])
def test_an_unknown_website_is_a_sentence(get: Get, website: Website, about: str, number: str) -> None:
    detail = get(f"/websites/{number}/{about}", code=404).json()["detail"]
    assert detail.startswith("There is no website with the id ")


def test_a_website_without_data_has_zeros_and_nulls(get: Get) -> None:
    checked(add("http://other.example"), NOON, "u")
    website = add()
    watched(website, NOW - HOUR)
    found = stats(get, website)
    assert (found["expected"], found["observed"], found["uptime"], found["coverage"]) == (60.0, 0, None, 0.0)
    assert found["outages"] == {"count": 0, "at_least": 0.0, "at_most": 0.0}
    assert set(found["response_time"].values()) == set(found["phases"].values()) == {None}
    assert found["errors"] == {}
    watched(website, NOW - 9 * HOUR, NOW - 8 * HOUR)
    assert stats(get, website, "?since=2026-01-31T23:00Z")["coverage"] is None
    points = get(f"/websites/{website.pk}/series?points=2").json()["points"]
    assert [(point["uptime"], point["p50"], point["count"]) for point in points] == [(None, None, 0)] * len(points)
    assert get(f"/websites/{website.pk}/values").json() == {"next": None, "previous": None, "results": []}


def test_maintenance_is_left_out_of_everything(get: Get, website: Website) -> None:
    MaintenanceWindow.objects.create(
        name="window", first_day=NOON.date(), start_time=(NOON + timedelta(minutes=50)).time(), minutes=9
    )
    found = stats(get, website)
    assert (found["expected"], found["up"], found["down"]) == (111.0, 90, 1)
    # What is left: the minute before, and the end.
    assert found["outages"] == {"count": 1, "at_least": 0.0, "at_most": 121.0}


def test_checks_between_the_slots_do_not_count(get: Get, website: Website) -> None:
    checked(website, NOON + timedelta(seconds=30), "d" * 50, scheduled_at=None)
    assert stats(get, website)["down"] == 10


def test_windows_of_checks_that_are_gone_are_of_whole_hours(get: Get, website: Website) -> None:
    with time_machine.travel(NOW, tick=False):
        roll_up()
    MonitoringData.objects.all().delete()
    RollupProgress.objects.update(checks_since=NOON + 2 * HOUR)
    found = stats(get, website, "?since=2026-01-31T12:30:00Z&until=2026-01-31T12:55:00Z")
    assert (found["since"], found["until"]) == ("2026-01-31T12:00:00Z", "2026-01-31T13:00:00Z")
    assert (found["expected"], found["up"], found["down"]) == (60.0, 50, 10)
    assert found["outages"]["count"] == 1


@pytest.mark.parametrize("points", [2, 7, 60, 300, 2000])
def test_a_series_covers_the_window_in_pieces_without_gaps(get: Get, website: Website, points: int) -> None:
    query = f"since=2026-01-31T12:00:00Z&until=2026-01-31T14:00:00Z&points={points}"
    found = get(f"/websites/{website.pk}/series?{query}").json()
    pieces = found["points"]
    assert 1 <= len(pieces) <= points
    assert found["website_id"] == website.pk
    assert (found["since"], found["until"]) == ("2026-01-31T12:00:00Z", "2026-01-31T14:00:00Z")
    assert (pieces[0]["from"], pieces[-1]["to"]) == (found["since"], found["until"])
    assert [piece["to"] for piece in pieces[:-1]] == [piece["from"] for piece in pieces[1:]]
    assert sum(piece["count"] for piece in pieces) == 100
    assert sum(round(piece["count"] * (piece["uptime"] or 0)) for piece in pieces) == 90
    assert all(piece.keys() == {"from", "to", "uptime", "coverage", "p50", "p95", "count"} for piece in pieces)


def test_a_series_without_words_is_of_the_last_day_in_300_points(get: Get, website: Website) -> None:
    found = get(f"/websites/{website.pk}/series").json()
    assert (found["since"], found["until"]) == ("2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z")
    assert 100 < len(found["points"]) <= 300


def test_a_series_of_all_time_is_of_the_time_with_data(get: Get, website: Website) -> None:
    with time_machine.travel(NOW, tick=False):
        roll_up()
    found = get(f"/websites/{website.pk}/series?since=1970-01-01&points=100").json()
    assert found["since"] == "2026-01-31T12:00:00Z"
    assert sum(point["count"] for point in found["points"]) == 100


@pytest.fixture
def valued(website: Website) -> Website:
    """Had the values 0 to 9, a minute each, from noon on; another one had others."""
    for minute in range(10):
        ExtractedValue.objects.create(website=website, value=str(minute), seen_at=NOON + timedelta(minutes=minute))
    ExtractedValue.objects.create(website=add("http://other.example"), value="other", seen_at=NOON)
    return website


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", "9876543210"),
        ("?since=2026-01-31T12:07Z", "987"),
        ("?until=2026-01-31T14:02:00%2B02:00", "10"),
        ("?since=2026-01-31T12:02&until=2026-01-31T12:04", "32"),
        ("?since=0001-01-01&until=9999-12-31", "9876543210"),
        ("?page_size=3", "987"),
        ("?since=&until=&page_size=", "9876543210"),
    ],
)
def test_values_are_listed_newest_first(get: Get, valued: Website, query: str, values: str) -> None:
    results = get(f"/websites/{valued.pk}/values{query}").json()["results"]
    assert [result["value"] for result in results] == list(values)
    assert results[:1] == [] or results[0].keys() == {"value", "seen_at"}


def test_pages_of_values_lead_through_all_and_back_while_new_ones_come(get: Get, valued: Website) -> None:
    pages = [get(f"/websites/{valued.pk}/values?page_size=4&since=2026-01-31T12:01Z").json()]
    ExtractedValue.objects.create(website=valued, value="new", seen_at=NOON + HOUR)
    while pages[-1]["next"]:
        pages.append(get(pages[-1]["next"]).json())
    assert ["".join(row["value"] for row in page["results"]) for page in pages] == ["9876", "5432", "1"]
    assert get(pages[1]["previous"]).json()["results"] == pages[0]["results"]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("since=yesterday", 400, "since"),
        ("since=2026-01-31&until=2026-01-31", 400, "since"),
        ("since=2026-02-01&until=2026-01-31", 400, "since"),
        ("since=2999-01-01", 400, "since"),
        ("since=2999-01-01&until=2999-01-02", 400, "since"),
        ("until=1960-01-01", 400, "until"),
        ("page_size=1001", 400, "page_size"),
        ("page=2", 400, "page"),
        ("search=x", 400, "search"),
        ("ordering=value", 400, "ordering"),
        ("points=3", 400, "points"),
        ("cursor=nonsense", 404, "detail"),
        (f"cursor={b64encode(b'p=nonsense').decode()}", 404, "detail"),
    ],
)
def test_a_query_for_values_that_means_nothing_is_refused(
    get: Get, valued: Website, query: str, code: int, field: str
) -> None:
    assert list(get(f"/websites/{valued.pk}/values?{query}", code=code).json()) == [field]


def test_text_of_strangers_is_answered_inert(get: Get, website: Website) -> None:
    ExtractedValue.objects.create(website=website, value=HOSTILE, seen_at=NOON)
    response = get(f"/websites/{website.pk}/values")
    assert response.json()["results"][0]["value"] == HOSTILE
    assert not {"\x1b", "\u202e"} & set(response.content.decode())
    page = get(f"/websites/{website.pk}/values", Accept="text/html").content.decode()
    assert "<script>alert" not in page


@pytest.mark.parametrize("about", ABOUT)
def test_each_answer_has_a_page_of_its_own(get: Get, valued: Website, about: str) -> None:
    page = get(f"/websites/{valued.pk}/{about}", Accept="text/html").content.decode()
    assert "Website" in page
    assert f"/websites/{valued.pk}/{about}" in page


@pytest.mark.parametrize("about", ABOUT)
@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_roles_see_statistics_and_nobody_changes_them(website: Website, about: str, role: str) -> None:
    client = signed_in(role)
    path = f"/websites/{website.pk}/{about}"
    assert client.get(path).status_code == client.head(path).status_code == client.options(path).status_code == 200
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(path).status_code in (403, 405)


@pytest.mark.parametrize(
    ("granted", "codes"),
    [
        (("view_website",), [403, 403, 403, 403]),
        (("view_website", "view_monitoringdata"), [200, 200, 403, 200]),
        (("view_website", "view_extractedvalue"), [403, 403, 200, 403]),
        (("view_monitoringdata", "view_extractedvalue"), [403, 403, 403, 403]),
    ],
)
def test_statistics_ask_for_the_permissions_of_what_they_are_made_of(
    website: Website, granted: tuple[str, ...], codes: list[int]
) -> None:
    user = User.objects.create_user("somebody")
    user.user_permissions.set(Permission.objects.filter(codename__in=granted))
    client: APIClient = with_token(token_for(user))
    paths = (*ABOUT, "badge/state.svg")
    assert [client.get(f"/websites/{website.pk}/{path}").status_code for path in paths] == codes
