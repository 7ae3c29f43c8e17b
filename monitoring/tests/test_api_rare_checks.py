"""Checks that are few among very many: by index where they are faults, a bit at a time where they are not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from monitoring.api import pagination
from monitoring.models import MonitoringData
from monitoring.rows import Row, insert
from websites.models import Website
from websites.tests.people import signed_in
from websites.tests.websites import add

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def viewer() -> APIClient:
    return signed_in("viewer")


def fill(website: Website, statuses: list[int]) -> None:
    """A check a second, the newest last."""
    rows = []
    for number, status in enumerate(statuses):
        moment = NOON + timedelta(seconds=number)
        outcome, error = "down" if status >= 400 or not status else "up", "" if status else "timeout"
        row = Row(website.pk, status, moment, 0.1, None, moment, outcome, error, "", *[None] * 6)
        rows.append(row)
    insert(rows)


def plans(queries: CaptureQueriesContext) -> list[str]:
    """How the database goes about each query that reads checks."""
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    found = []
    for query in queries.captured_queries:
        if MonitoringData._meta.db_table in query["sql"]:
            with connection.cursor() as cursor:
                cursor.execute(f"{explain} {query['sql'].replace('%', '%%')}")
                found.append("\n".join(str(line[-1]) for line in cursor.fetchall()))
    return found


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("http_status=503", "status"),
        ("http_status=404", "status"),
        ("http_status=0", "status"),
        ("error=timeout", "error"),
        ("outcome=down", "outcome"),
    ],
)
def test_faults_are_found_by_their_index(viewer: APIClient, query: str, index: str) -> None:
    fill(add(), [503, 0, *[200] * 3_000])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {MonitoringData._meta.db_table}")
    with CaptureQueriesContext(connection) as queries:
        body = viewer.get(f"/monitoring?{query}").json()
    assert len(body["results"]) == {"http_status=404": 0, "outcome=down": 2}.get(query, 1)
    (plan,) = plans(queries)
    assert f"{index}_id_idx" in plan or f"monitoring_{index}_newest" in plan
    assert "USE TEMP B-TREE" not in plan


def followed(viewer: APIClient, query: str, link: str = "next") -> tuple[list[int], list[str]]:
    """The seconds of the checks, page by page as links lead from one to the next, and the addresses of the pages."""
    found: list[int] = []
    addresses = [f"/monitoring?{query}"]
    while True:
        body = viewer.get(addresses[-1]).json()
        moments = [datetime.fromisoformat(row["entry_timestamp"]) for row in body["results"]]
        found += [int((moment - NOON).total_seconds()) for moment in moments]
        if body[link] is None:
            return found, addresses
        addresses.append(body[link])


@pytest.mark.parametrize("one_website", [True, False])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("http_status=204", [1, 0]),
        ("http_status=200", [*range(30, 2, -1)]),
        ("http_status=301", []),
        ("outcome=up", [*range(30, 2, -1), 1, 0]),
        ("error=none&page_size=3", [*range(30, 2, -1), 1, 0]),
        ("http_status=204&until=2026-01-31T12:00:01Z", [0]),
    ],
)
def test_what_is_in_no_index_is_looked_for_a_bit_at_a_time(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch, query: str, expected: list[int], one_website: bool
) -> None:
    monkeypatch.setattr(pagination, "LOOKED_THROUGH", 7)
    website = add()
    fill(website, [204, 204, 0, *[200] * 28])
    name = f"&website_id={website.pk}" if one_website else ""
    found, addresses = followed(viewer, query + name)
    assert found == expected
    assert len(addresses) >= (1 if "until" in query else 4)
    # And back again, from where it ended.
    if "page_size" not in query:
        back = viewer.get(addresses[-1]).json()["previous"]
        earlier = followed(viewer, back.partition("?")[2], "previous")[0] if back else []
        assert sorted(earlier) == sorted(expected)[len(viewer.get(addresses[-1]).json()["results"]) :]


def test_a_page_of_what_is_in_no_index_reads_no_more_than_so_many_checks(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "LOOKED_THROUGH", 100)
    fill(add(), [204, *[200] * 1_000])
    with CaptureQueriesContext(connection) as queries:
        body: dict[str, Any] = viewer.get("/monitoring?http_status=204").json()
    assert (body["results"], body["next"] is None) == ([], False)
    newest = MonitoringData.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    *_, page = (query["sql"] for query in queries if MonitoringData._meta.db_table in query["sql"])
    assert f'"id" >= {newest - 100}' in page
