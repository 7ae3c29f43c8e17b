from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from monitoring.models import CheckError, MonitoringData
from monitoring.monitoring_data_admin import first_id_since
from monitoring.tests.admin_pages import DATA, change_url, check, page, website

pytestmark = pytest.mark.django_db


def test_monitoring_data_is_read_only_even_for_superusers(admin_client: Client) -> None:
    row = check(website(0))
    assert admin_client.get(reverse("admin:monitoring_monitoringdata_add")).status_code == 403
    assert admin_client.get(reverse("admin:monitoring_monitoringdata_delete", args=[row.pk])).status_code == 403
    assert admin_client.post(change_url(row), {"http_status": 1}).status_code == 403
    content = page(admin_client, change_url(row))
    assert 'name="_save"' not in content
    assert "UTC" in content
    row.refresh_from_db()
    assert row.http_status == 200


def walk(client: Client, first: str) -> tuple[list[list[int]], list[list[int]]]:
    """Every page's row ids, from the first to the last and back again."""

    def pages(url: str, onward: str) -> list[list[int]]:
        found: list[list[int]] = []
        while url:
            changes = client.get(url).context["cl"]
            found.append([row.pk for row in changes.result_list])
            following = getattr(changes, onward)
            url = following and DATA + following
            last[0] = changes.newer_url and DATA + changes.newer_url
        return found

    last: list[Any] = [None]
    forth = pages(first, "older_url")
    back = pages(last[0], "newer_url") if last[0] else []
    return forth, back


@pytest.mark.parametrize("of_one_website", [False, True])
def test_pages_hold_every_row_once_newest_first_in_both_directions(admin_client: Client, of_one_website: bool) -> None:
    one, other = website(0), website(1)
    now = timezone.now()
    # Several rows share a moment, so that only the id tells them apart.
    moments = [now - timedelta(seconds=number // 3) for number in range(130, 0, -1)]
    for owner in (one, other):
        MonitoringData.objects.bulk_create(
            MonitoringData(website=owner, http_status=200, entry_timestamp=when, scheduled_at=when) for when in moments
        )
    wanted = MonitoringData.objects.order_by("-pk")
    if of_one_website:
        wanted = wanted.filter(website=one)
    ids = list(wanted.values_list("pk", flat=True))

    forth, back = walk(admin_client, f"{DATA}?website={one.pk}" if of_one_website else DATA)
    assert forth == [ids[start : start + 50] for start in range(0, len(ids), 50)]
    assert back == forth[-2::-1]


def test_monitoring_data_is_paged_without_counting(admin_client: Client) -> None:
    one = website(0)
    for age in range(60):
        check(one, age)
    older = admin_client.get(DATA).context["cl"].older_url
    with CaptureQueriesContext(connection) as captured:
        page(admin_client, DATA)
        page(admin_client, DATA + older)

    asked = [query["sql"] for query in captured if "monitoring_monitoringdata" in query["sql"]]
    assert len(asked) == 2
    assert not [sql for sql in asked if "COUNT(" in sql or "OFFSET" in sql]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("website={one}", {1, 2, 3}),
        ("q={one}", {1, 2, 3}),
        ("q=HTTPS://www0.example.org", {1, 2, 3}),
        ("q=www0", set()),
        ("q=%00", {1, 2, 3, 4}),
        ("q=99999999999999999999", set()),
        ("error=any", {2}),
        ("error=none", {1, 3, 4}),
        ("error=tls", {2}),
        ("error=dns", set()),
        ("since=15m", {1, 4}),
        ("since=1h", {1, 2, 4}),
        ("since=24h&website={one}", {1, 2, 3}),
        ("since=15m&error=tls", set()),
        ("website=nonsense", set()),
        ("older=nonsense", {1, 2, 3, 4}),
        ("newer=1.2.3", {1, 2, 3, 4}),
        ("older=-9999999999999999999999.5", {1, 2, 3, 4}),
    ],
)
def test_monitoring_data_is_filtered(admin_client: Client, query: str, ids: set[int]) -> None:
    one = website(0)
    rows = {
        3: check(one, 20_000),
        2: check(one, 3000, error=CheckError.TLS),
        1: check(one, 0),
        4: check(website(1), 0),
    }
    response = admin_client.get(f"{DATA}?{query.format(one=one.pk)}", follow=True)

    assert response.status_code == 200
    found = {row.pk for row in response.context["cl"].result_list}
    assert found == {rows[number].pk for number in ids}


@pytest.mark.parametrize("ages", [[], [5], [500, 400, 300, 200, 100], [500] * 3 + [100] * 4])
def test_the_first_id_since_a_moment_is_found(ages: list[int]) -> None:
    one = website(0)
    rows = [check(one, age) for age in ages]
    MonitoringData.objects.filter(pk__in=[row.pk for row in rows[1:2]]).delete()
    for age in (1, 150, 250, 350, 1000):
        found = first_id_since(timezone.now() - timedelta(seconds=age))
        remaining = MonitoringData.objects.filter(entry_timestamp__gte=timezone.now() - timedelta(seconds=age))
        assert set(remaining) == set(MonitoringData.objects.filter(pk__gte=found))
