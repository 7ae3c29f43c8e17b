from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from monitoring.models import Channel, Delivery, DeliveryAttempt
from monitoring.tests.channels import add_channel
from monitoring.tests.outages import HOSTILE, delivery
from websites.tests.people import signed_in

pytestmark = pytest.mark.django_db

SENT, FAILED = Delivery.Status.SENT, Delivery.Status.FAILED


@pytest.fixture
def admin() -> APIClient:
    return signed_in("admin")


@pytest.fixture
def channel() -> Channel:
    return add_channel("ops")


def tried(of: Delivery, age: float = 0, **fields: Any) -> DeliveryAttempt:
    begun = timezone.now() - timedelta(seconds=age)
    values = {"seconds": 0.25, "is_delivered": False, "detail": "The receiver answered 500.", **fields}
    return DeliveryAttempt.objects.create(delivery=of, begun_at=begun, **values)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_delivery_is_answered_with_its_attempts(admin: APIClient, channel: Channel, slash: str) -> None:
    one = delivery(channel, attempts=2)
    tried(one, 10)
    tried(one, 0, is_delivered=True, detail="The receiver answered 200.")
    answer = admin.get(f"/deliveries/{one.pk}{slash}").json()
    attempts = answer.pop("attempts")
    assert [attempt.pop("begun_at") < answer["created_at"] for attempt in attempts] == [True, False]
    assert attempts == [
        {"seconds": 0.25, "is_delivered": False, "detail": "The receiver answered 500."},
        {"seconds": 0.25, "is_delivered": True, "detail": "The receiver answered 200."},
    ]
    assert answer == admin.get(f"/deliveries{slash}").json()["results"][0]
    assert answer | {"created_at": "", "due_at": ""} == {
        "id": one.pk,
        "channel_id": channel.pk,
        "channel_name": "ops",
        "key": str(one.key),
        "title": "Down: https://example.org/: timeout",
        "text": "https://example.org/ | timeout",
        "status": "pending",
        "created_at": "",
        "due_at": "",
        "sent_at": None,
        "attempt_count": 2,
    }
    assert answer["due_at"]


@pytest.mark.parametrize(
    ("query", "found"), [("", "dcba"), ("channel={ops}", "ca"), ("status=failed", "b"), ("status=", "dcba")]
)
def test_deliveries_are_listed_newest_first_and_filtered(
    admin: APIClient, channel: Channel, query: str, found: str
) -> None:
    other = add_channel("other")
    for age, (title, to, status) in enumerate([("d", other, SENT), ("c", channel, SENT), ("b", other, FAILED)]):
        delivery(to, age, title=title, status=status)
    delivery(channel, 99, title="a")
    body = admin.get(f"/deliveries?{query.format(ops=channel.pk)}").json()
    assert body.keys() == {"next", "previous", "results"}
    assert "".join(row["title"] for row in body["results"]) == found
    assert [row["due_at"] is None for row in body["results"]] == [row["title"] != "a" for row in body["results"]]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("channel=999999999", 404, "detail"),
        ("channel=" + "9" * 20, 404, "detail"),
        ("channel=abc", 400, "channel"),
        ("status=lost", 400, "status"),
        ("page=2", 400, "page"),
        ("chanel=1", 400, "chanel"),
        ("cursor=nonsense", 404, "detail"),
    ],
)
def test_a_query_that_means_nothing_is_refused(
    admin: APIClient, channel: Channel, query: str, code: int, field: str
) -> None:
    delivery(channel)
    response = admin.get(f"/deliveries?{query}")
    assert (response.status_code, list(response.json())) == (code, [field])


def test_a_list_counts_nothing_and_takes_no_more_queries_when_longer(
    admin: APIClient, channel: Channel, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for age in range(20):
        tried(delivery(channel, age))
    with CaptureQueriesContext(connection) as captured, django_assert_max_num_queries(5):
        first = admin.get("/deliveries?page_size=15").json()
    assert not any("COUNT(" in query["sql"] for query in captured.captured_queries)
    assert len(admin.get(first["next"]).json()["results"]) == 5


@pytest.mark.parametrize("slash", ["", "/"])
def test_what_failed_is_sent_again(admin: APIClient, channel: Channel, slash: str) -> None:
    one = delivery(channel, 90_000, status=FAILED)
    response = admin.post(f"/deliveries/{one.pk}/replay{slash}")
    assert response.status_code == 202
    assert (response.json()["status"], response.json()["id"]) == ("pending", one.pk)
    one.refresh_from_db()
    assert one.status == Delivery.Status.PENDING
    assert one.tried_until > timezone.now()


@pytest.mark.parametrize("status", [Delivery.Status.PENDING, SENT])
def test_nothing_else_is_sent_again(admin: APIClient, channel: Channel, status: str) -> None:
    one = delivery(channel, status=status)
    response = admin.post(f"/deliveries/{one.pk}/replay")
    assert response.status_code == 409
    assert "Only a delivery that failed" in response.json()["detail"]
    one.refresh_from_db()
    assert one.status == status


def test_text_of_strangers_is_answered_inert(admin: APIClient, channel: Channel) -> None:
    one = delivery(channel, title=HOSTILE, text=HOSTILE)
    tried(one, detail=HOSTILE)
    for path in ("/deliveries", f"/deliveries/{one.pk}"):
        assert not {"\x1b", "\u202e"} & set(admin.get(path).content.decode())


@pytest.mark.parametrize("number", ["0", "77", "9" * 20, "9" * 5000])
@pytest.mark.parametrize(("method", "verb"), [("get", ""), ("post", "/replay")])
def test_an_unknown_delivery_is_a_sentence(admin: APIClient, number: str, method: str, verb: str) -> None:
    response = getattr(admin, method)(f"/deliveries/{number}{verb}")
    assert (response.status_code, response.json()) == (404, {"detail": "There is no such delivery."})


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_administrators_see_and_replay_deliveries(channel: Channel, role: str) -> None:
    one = delivery(channel, status=FAILED)
    client = signed_in(role)
    assert client.get("/deliveries").status_code == client.get(f"/deliveries/{one.pk}").status_code == 403
    assert client.post(f"/deliveries/{one.pk}/replay").status_code == 403
    one.refresh_from_db()
    assert one.status == FAILED


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_deliveries_are_neither_made_nor_changed_nor_deleted(admin: APIClient, channel: Channel, method: str) -> None:
    one = delivery(channel)
    for path in ("/deliveries", f"/deliveries/{one.pk}"):
        assert getattr(admin, method)(path).status_code == 405
    assert admin.get(f"/deliveries/{one.pk}/replay").status_code == 405
