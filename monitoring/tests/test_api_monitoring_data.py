import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers
from rest_framework.test import APIClient

from monitoring.api.serializers import MonitoringDataSerializer
from monitoring.models import MonitoringData
from websites.api.renderers import InertJSONRenderer
from websites.models import Website
from websites.tests.people import signed_in

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def viewer() -> APIClient:
    return signed_in("viewer")


@pytest.fixture
def website() -> Website:
    return Website.objects.create(website_url="http://bücher.example", monitoring_interval=5)


def check(website: Website, seconds: int, **fields: Any) -> MonitoringData:
    moment = NOON + timedelta(seconds=seconds)
    return MonitoringData.objects.create(
        website=website, entry_timestamp=moment, scheduled_at=moment, **{"http_status": 200, **fields}
    )


@pytest.fixture
def other(website: Website) -> Website:
    """A second website; both have checks, written in an order that is not that of their times."""
    other = Website.objects.create(website_url="http://other.example", monitoring_interval=5)
    check(website, 10, http_status=404)
    check(website, 0, response_time=0.5, regex_response='[["a", "b"]]', remote_ip="192.0.2.1")
    check(other, 5)
    check(website, 20, http_status=0, error="timeout", error_detail="no answer")
    return other


def seconds(body: dict[str, Any]) -> list[int]:
    moments = [datetime.fromisoformat(row["entry_timestamp"]) for row in body["results"]]
    return [int((moment - NOON).total_seconds()) for moment in moments]


@pytest.mark.parametrize("path", ["/monitoring", "/monitoring/"])
@pytest.mark.parametrize("url", ["http://xn--bcher-kva.example/", "HTTP://BÜCHER.example:80", "http://bücher.example"])
def test_a_website_named_in_any_spelling_has_its_checks_newest_first(
    viewer: APIClient, website: Website, other: Website, path: str, url: str
) -> None:
    body = viewer.get(path, {"website_url": url}).json()
    assert seconds(body) == [20, 10, 0]
    assert body.keys() == {"next", "previous", "results"}
    assert body["results"][2] | {"id": 0} == {
        "id": 0,
        "website_id": website.pk,
        "website_url": "http://xn--bcher-kva.example/",
        "entry_timestamp": "2026-01-31T12:00:00Z",
        "http_status": 200,
        "response_time": 0.5,
        "regex_response": [["a", "b"]],
        "scheduled_at": "2026-01-31T12:00:00Z",
        "outcome": "unknown",
        "error": "",
        "error_detail": "",
        "dns_time": None,
        "connect_time": None,
        "tls_time": None,
        "first_byte_time": None,
        "remote_ip": "192.0.2.1",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [20, 5, 0, 10]),
        ("error=timeout", [20]),
        ("error=none", [5, 0, 10]),
        ("error=any", [20]),
        ("http_status=404", [10]),
        ("http_status=0", [20]),
        ("since=2026-01-31T12:00:10Z", [20, 10]),
        ("until=2026-01-31T12:00:10Z", [5, 0]),
        ("since=2026-01-31T13:00:05%2B01:00&until=2026-01-31T12:00:20", [5, 10]),
        ("since=2026-01-31T13:00:05+01:00", [20, 5, 10]),
        ("since=2026-02-01", []),
        ("since=&error=&http_status=", [20, 5, 0, 10]),
        ("http_status=99999999999999999999", []),
    ],
)
def test_checks_of_all_websites_are_filtered(viewer: APIClient, other: Website, query: str, found: list[int]) -> None:
    assert seconds(viewer.get(f"/monitoring?{query}").json()) == found


def test_a_browsers_filter_form_may_leave_every_box_empty(viewer: APIClient, other: Website) -> None:
    query = "website_url=&website_id=&since=&until=&error=tls&http_status="
    response = viewer.get(f"/monitoring?{query}", headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert viewer.get(f"/monitoring?{query}").status_code == 400


def test_filters_join_with_a_website_named_both_ways(viewer: APIClient, website: Website, other: Website) -> None:
    both: dict[str, Any] = {"website_id": website.pk, "website_url": "http://bücher.example"}
    assert seconds(viewer.get("/monitoring", both).json()) == [20, 10, 0]
    assert seconds(viewer.get("/monitoring", {**both, "error": "none"}).json()) == [10, 0]
    response = viewer.get("/monitoring", {**both, "website_id": other.pk})
    assert (response.status_code, list(response.json())) == (400, ["website_id"])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("website_url=http://nowhere.example", "There is no website with the URL http://nowhere.example/."),
        ("website_id=77", "There is no website with the id 77."),
        ("website_id=99999999999999999999", "There is no website with the id 99999999999999999999."),
    ],
)
def test_an_unknown_website_is_a_sentence(viewer: APIClient, query: str, sentence: str) -> None:
    response = viewer.get(f"/monitoring?{query}")
    assert (response.status_code, response.json()) == (404, {"detail": sentence})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("website_url=nonsense", "website_url"),
        ("website_url=http://a.example/%00", "website_url"),
        ("website_id=abc", "website_id"),
        ("website_id=\u0665", "website_id"),
        ("website_id=", "website_id"),
        ("website_url=", "website_url"),
        ("website_url=%20", "website_url"),
        ("website_id=&error=none", "website_id"),
        ("website_id=&website_url=http://a.example", "website_id"),
        ("since=yesterday", "since"),
        ("since=2026-13-01", "since"),
        ("since=9999-12-31T23:59:59-23:59", "since"),
        ("until=0001-01-01T00:00:00%2B23:59", "until"),
        ("until=%00", "until"),
        ("error=broken", "error"),
        ("http_status=abc", "http_status"),
        ("page_size=1001", "page_size"),
        ("page=2", "page"),
        ("search=x", "search"),
        ("sinse=2026-01-01", "sinse"),
    ],
)
def test_a_query_that_means_nothing_is_refused(viewer: APIClient, other: Website, query: str, field: str) -> None:
    response = viewer.get(f"/monitoring?{query}")
    assert response.status_code == 400
    assert field in response.json()


@pytest.mark.parametrize("one_website", [True, False])
def test_pages_lead_through_all_checks_and_back_even_while_new_ones_come(
    viewer: APIClient, website: Website, one_website: bool
) -> None:
    for second in [*range(10), 3, 3, 3]:
        check(website, second)
    query = f"&website_id={website.pk}" if one_website else ""
    everything = viewer.get(f"/monitoring?page_size=1000{query}").json()["results"]
    pages = [viewer.get(f"/monitoring?page_size=3{query}").json()]
    check(website, 100)
    while pages[-1]["next"]:
        pages.append(viewer.get(pages[-1]["next"]).json())
    assert [row for page in pages for row in page["results"]] == everything
    assert [len(page["results"]) for page in pages] == [3, 3, 3, 3, 1]
    back = viewer.get(pages[2]["previous"]).json()
    assert back["results"] == pages[1]["results"]


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "%00",
        "é",
        b64encode(b"p=nonsense").decode(),
        b64encode(b"p=%00").decode(),
        b64encode(b"p=-1").decode(),
        b64encode(b"p=" + b"9" * 5000).decode(),
        b64encode(b"p=9999-12-31T23:59:59-23:59").decode(),
        b64encode(b"o=-1").decode(),
        b64encode(b"o=99999&p=x").decode(),
        b64encode(b"r=x").decode(),
    ],
)
@pytest.mark.parametrize("one_website", [True, False])
def test_a_made_up_cursor_is_refused(
    viewer: APIClient, website: Website, other: Website, cursor: str, one_website: bool
) -> None:
    query: dict[str, Any] = {"website_id": website.pk} if one_website else {}
    response = viewer.get("/monitoring", {"cursor": cursor, **query})
    assert response.status_code == 404
    assert "cursor" in response.json()["detail"]


def test_a_list_counts_nothing_and_takes_no_more_queries_when_longer(viewer: APIClient, website: Website) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get("/monitoring").status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    check(website, 0)
    few = queries()
    for second in range(1, 20):
        check(website, second)
    many = queries()
    assert 0 < len(few) <= 6
    assert len(many) == len(few)
    assert not any("COUNT(" in sql for sql in many)


def test_matches_that_are_no_json_are_shown_as_they_are(viewer: APIClient, website: Website) -> None:
    check(website, 0, regex_response="by hand")
    assert viewer.get("/monitoring").json()["results"][0]["regex_response"] == ["by hand"]


def test_a_check_is_answered_as_its_documented_fields_would(website: Website) -> None:
    row = check(website, 0, regex_response='[["a", "b"]]', response_time=0.25, remote_ip="192.0.2.1", dns_time=None)
    row.refresh_from_db()
    shown: Any = MonitoringDataSerializer.rows().get(pk=row.pk)
    serializer = MonitoringDataSerializer(shown)
    by_fields = serializers.ModelSerializer.to_representation(serializer, row)
    render = InertJSONRenderer().render
    assert json.loads(render(serializer.data)) == json.loads(render(by_fields))
    assert list(serializer.data) == list(by_fields)


def test_text_of_strangers_is_answered_inert(viewer: APIClient, website: Website) -> None:
    check(website, 0, error="tls", error_detail="\x1b[31m\u202e<script>", regex_response='["\\ud800\\u202e\\u0000"]')
    response = viewer.get("/monitoring")
    assert response.status_code == 200
    raw = response.content.decode()
    assert not {"\x1b", "\u202e"} & set(raw)
    assert response.json()["results"][0]["regex_response"] == ["\ud800\u202e\0"]
    page = viewer.get("/monitoring", headers={"Accept": "text/html"}).content.decode()
    assert "<script>" not in page.replace("<script>\n", "").partition("response-info")[2].partition("</pre>")[0]
    assert "\u202e" not in page


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_check_is_answered(viewer: APIClient, website: Website, slash: str) -> None:
    row = check(website, 0)
    assert viewer.get(f"/monitoring/{row.pk}{slash}").json()["id"] == row.pk


@pytest.mark.parametrize("number", ["0", "77", "9" * 20, "9" * 5000])
def test_an_unknown_check_is_a_sentence(viewer: APIClient, number: str) -> None:
    response = viewer.get(f"/monitoring/{number}")
    assert response.status_code == 404
    assert "no such check" in response.json()["detail"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_checks_are_read_only(website: Website, method: str) -> None:
    row = check(website, 0)
    client = signed_in("admin")
    assert getattr(client, method)("/monitoring").status_code == 405
    assert getattr(client, method)(f"/monitoring/{row.pk}").status_code == 405
