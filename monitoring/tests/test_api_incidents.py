from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from monitoring.models import CheckError, Incident, IncidentKind
from monitoring.models.states import NOTE_MAX_LENGTH
from monitoring.tests.outages import HOSTILE, NOON, ended_incident, incident
from websites.models import Website
from websites.tests.people import person, send, signed_in, token_for, with_token
from websites.tests.websites import add

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> APIClient:
    return signed_in("viewer")


@pytest.fixture
def editor() -> APIClient:
    return signed_in("editor")


@pytest.fixture
def website() -> Website:
    return add("http://bücher.example")


@pytest.fixture
def other(website: Website) -> Website:
    """A second website; the incidents of both were written in an order that is not that of their times."""
    other = add("http://other.example")
    ended_incident(website, 20)
    ended_incident(website, 0, kind=IncidentKind.SLOW)
    ended_incident(other, 10)
    incident(other, 30)
    return other


def seconds(body: dict[str, Any]) -> list[int]:
    moments = [datetime.fromisoformat(row["started_at"]) for row in body["results"]]
    return [int((moment - NOON).total_seconds()) for moment in moments]


@pytest.mark.parametrize("path", ["/incidents", "/incidents/"])
def test_an_incident_is_answered_with_all_that_is_known_of_it(viewer: APIClient, website: Website, path: str) -> None:
    one = ended_incident(website, http_status=0, remote_ip="192.0.2.1")
    body = viewer.get(path).json()
    assert body.keys() == {"next", "previous", "results"}
    assert body["results"] == [
        {
            "id": one.pk,
            "website_id": website.pk,
            "website_url": "http://xn--bcher-kva.example/",
            "kind": "down",
            "started_at": "2026-01-31T12:00:00Z",
            "started_between": ["2026-01-31T11:59:00Z", "2026-01-31T12:00:01Z"],
            "ended_at": "2026-01-31T12:01:30Z",
            "ended_between": ["2026-01-31T12:00:30Z", "2026-01-31T12:01:31Z"],
            "opened_at": "2026-01-31T12:00:02Z",
            "closed_at": "2026-01-31T12:01:32Z",
            "end_reason": "recovered",
            "http_status": 0,
            "error": "timeout",
            "error_detail": "No answer in 10 s.",
            "remote_ip": "192.0.2.1",
            "acknowledged_at": None,
            "acknowledged_by": None,
            "note": "",
        }
    ]
    for slash in ("", "/"):
        assert viewer.get(f"/incidents/{one.pk}{slash}").json() == body["results"][0]


def test_what_is_not_known_is_null(viewer: APIClient, website: Website) -> None:
    one = incident(website, started_after=None)
    body = viewer.get(f"/incidents/{one.pk}").json()
    assert body["started_between"] == [None, "2026-01-31T12:00:01Z"]
    assert (body["ended_at"], body["ended_between"], body["closed_at"]) == (None, [None, None], None)
    assert (body["end_reason"], body["remote_ip"]) == ("", None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [30, 20, 10, 0]),
        ("website_url=HTTP://BÜCHER.example:80", [20, 0]),
        ("kind=slow", [0]),
        ("kind=", [30, 20, 10, 0]),
        ("open=true", [30]),
        ("open=False", [20, 10, 0]),
        ("open=", [30, 20, 10, 0]),
        ("since=2026-01-31T12:00:10Z", [30, 20, 10]),
        ("until=2026-01-31T13:00:10%2B01:00", [0]),
        ("since=2026-01-31T12:00:10&until=2026-01-31T12:00:30&kind=down", [20, 10]),
    ],
)
def test_incidents_are_listed_newest_first_and_filtered(
    viewer: APIClient, other: Website, query: str, found: list[int]
) -> None:
    assert seconds(viewer.get(f"/incidents?{query}").json()) == found


def test_one_websites_incidents_are_found_by_its_id(viewer: APIClient, other: Website) -> None:
    assert seconds(viewer.get("/incidents", {"website_id": other.pk}).json()) == [30, 10]
    both: dict[str, Any] = {"website_id": other.pk, "website_url": "http://bücher.example"}
    response = viewer.get("/incidents", both)
    assert (response.status_code, list(response.json())) == (400, ["website_id"])


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("website_id=", 400, "website_id"),
        ("website_id=abc", 400, "website_id"),
        ("website_id=77", 404, "detail"),
        ("website_url=nonsense", 400, "website_url"),
        ("kind=broken", 400, "kind"),
        ("open=perhaps", 400, "open"),
        ("since=yesterday", 400, "since"),
        ("until=%00", 400, "until"),
        ("error=timeout", 400, "error"),
        ("outcome=down", 400, "outcome"),
        ("http_status=200", 400, "http_status"),
        ("page=2", 400, "page"),
        ("page_size=1001", 400, "page_size"),
        ("opne=true", 400, "opne"),
    ],
)
def test_a_query_that_means_nothing_is_refused(
    viewer: APIClient, other: Website, query: str, code: int, field: str
) -> None:
    response = viewer.get(f"/incidents?{query}")
    assert response.status_code == code
    assert field in response.json()


@pytest.mark.parametrize("one_website", [True, False])
def test_pages_lead_through_all_incidents_and_back(viewer: APIClient, website: Website, one_website: bool) -> None:
    for second in [*range(10), 3, 3, 3]:
        ended_incident(website, second)
    query = f"&website_id={website.pk}" if one_website else ""
    everything = viewer.get(f"/incidents?page_size=1000{query}").json()["results"]
    pages = [viewer.get(f"/incidents?page_size=3{query}").json()]
    incident(website, 100)
    while pages[-1]["next"]:
        pages.append(viewer.get(pages[-1]["next"]).json())
    assert [row for page in pages for row in page["results"]] == everything
    assert viewer.get(pages[2]["previous"]).json()["results"] == pages[1]["results"]


@pytest.mark.parametrize("cursor", ["nonsense", b64encode(b"p=77").decode(), b64encode(b"p=%00").decode()])
def test_a_made_up_cursor_is_refused(viewer: APIClient, other: Website, cursor: str) -> None:
    response = viewer.get("/incidents", {"cursor": cursor})
    assert response.status_code == 404
    assert "cursor" in response.json()["detail"]


def test_a_list_counts_nothing_and_takes_no_more_queries_when_longer(
    viewer: APIClient, website: Website, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    user = person("editor")
    for second in range(20):
        ended_incident(website, second, acknowledged_at=timezone.now(), acknowledged_by=user)
    with CaptureQueriesContext(connection) as captured, django_assert_max_num_queries(5):
        assert len(viewer.get("/incidents").json()["results"]) == 20
    assert not any("COUNT(" in query["sql"] for query in captured.captured_queries)


def test_text_of_strangers_is_answered_inert(viewer: APIClient, website: Website) -> None:
    incident(website, error=CheckError.TLS, error_detail=HOSTILE)
    response = viewer.get("/incidents")
    assert not {"\x1b", "\u202e"} & set(response.content.decode())
    assert response.json()["results"][0]["error_detail"] == HOSTILE


@pytest.mark.parametrize("number", ["0", "77", "9" * 20, "9" * 5000])
@pytest.mark.parametrize("verb", ["", "/acknowledge"])
def test_an_unknown_incident_is_a_sentence(editor: APIClient, number: str, verb: str) -> None:
    response = editor.post(f"/incidents/{number}{verb}", {}) if verb else editor.get(f"/incidents/{number}")
    assert (response.status_code, response.json()) == (404, {"detail": "There is no such incident."})


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("is_open", [True, False])
def test_an_incident_is_acknowledged_with_a_note(website: Website, slash: str, is_open: bool) -> None:
    one = incident(website) if is_open else ended_incident(website)
    user = person("editor", "ed")
    before = timezone.now()
    body = {"note": "The disk is full,\nand the shop is closed."}
    response = send(with_token(token_for(user)), "post", f"/incidents/{one.pk}/acknowledge{slash}", body)
    assert response.status_code == 200
    answer = response.json()
    assert answer == signed_in("viewer").get(f"/incidents/{one.pk}").json()
    assert (answer["acknowledged_by"], answer["note"]) == ("ed", body["note"])
    assert before <= datetime.fromisoformat(answer["acknowledged_at"]) <= timezone.now()
    assert (answer["ended_at"] is None) is is_open


def test_acknowledged_again_the_note_changes_and_the_first_one_stays(website: Website) -> None:
    one = incident(website)
    first, second = with_token(token_for(person("editor", "first"))), with_token(token_for(person("editor", "second")))
    path = f"/incidents/{one.pk}/acknowledge"
    answers = [
        send(client, "post", path, body).json()
        for client, body in ((first, {}), (second, {"note": "a"}), (second, {}), (first, {"note": ""}))
    ]
    assert [answer["note"] for answer in answers] == ["", "a", "a", ""]
    assert {(answer["acknowledged_by"], answer["acknowledged_at"]) for answer in answers} == {
        ("first", answers[0]["acknowledged_at"])
    }


def test_an_acknowledgement_stays_when_its_user_goes(viewer: APIClient, website: Website) -> None:
    one = incident(website, acknowledged_at=timezone.now(), acknowledged_by=person("editor", "gone"))
    User.objects.get(username="gone").delete()
    body = viewer.get(f"/incidents/{one.pk}").json()
    assert body["acknowledged_at"]
    assert body["acknowledged_by"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": "x" * (NOTE_MAX_LENGTH + 1)}, "note"),
        ({"note": None}, "note"),
        ({"note": ["x"]}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"acknowledged_by": "somebody else"}, "acknowledged_by"),
        ({"acknowledged_at": "2026-01-31T12:00:00Z"}, "acknowledged_at"),
        ({"nota": "x"}, "nota"),
    ],
)
def test_a_bad_acknowledgement_changes_nothing(
    editor: APIClient, website: Website, body: dict[str, Any], field: str
) -> None:
    one = incident(website)
    response = send(editor, "post", f"/incidents/{one.pk}/acknowledge", body)
    assert (response.status_code, list(response.json())) == (400, [field])
    one.refresh_from_db()
    assert (one.acknowledged_at, one.note) == (None, "")


@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("editor", 200), ("admin", 200)])
def test_roles_see_incidents_and_only_some_acknowledge_them(website: Website, role: str, code: int) -> None:
    one = incident(website)
    client = signed_in(role)
    assert client.get("/incidents").status_code == client.get(f"/incidents/{one.pk}").status_code == 200
    assert client.post(f"/incidents/{one.pk}/acknowledge", {}).status_code == code
    one.refresh_from_db()
    assert (one.acknowledged_at is not None) is (code == 200)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_incidents_are_neither_made_nor_changed_nor_deleted(website: Website, method: str) -> None:
    one = incident(website)
    client = signed_in("admin")
    for path in ("/incidents", f"/incidents/{one.pk}"):
        assert getattr(client, method)(path).status_code == 405
    assert Incident.objects.get() == one
    assert client.get(f"/incidents/{one.pk}/acknowledge").status_code == 405


def test_a_session_acknowledges_only_with_a_csrf_token(website: Website) -> None:
    one = incident(website)
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person("editor"))
    assert client.post(f"/incidents/{one.pk}/acknowledge", {}).status_code == 403


def test_websites_say_in_which_incident_they_are_down(
    viewer: APIClient, website: Website, other: Website, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    incident(website, 40, kind=IncidentKind.SLOW)
    down = Incident.objects.get(website=other, ended_at=None)
    shown = {"id": down.pk, "started_at": "2026-01-31T12:00:30Z"}
    for number in range(10):
        incident(add(f"http://www{number}.example"), number)
    with django_assert_max_num_queries(9):
        results = viewer.get("/websites").json()["results"]
    assert [result["incident"] for result in results[:2]] == [None, shown]
    assert all(result["incident"] for result in results[2:])
    assert viewer.get(f"/websites/{other.pk}").json()["incident"] == shown
    Incident.objects.filter(pk=down.pk).update(ended_at=down.started_at + timedelta(seconds=5))
    assert viewer.get(f"/websites/{other.pk}").json()["incident"] is None
