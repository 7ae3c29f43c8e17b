from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitoring.models import AlertStatus, Delivery, DeliveryAttempt
from monitoring.tests.admin_pages import act, change_url, page, staff_client, website
from monitoring.tests.channels import add_channel
from monitoring.tests.outages import HOSTILE, HOSTILE_SHOWN, alert, delivery, incident

pytestmark = pytest.mark.django_db

DELIVERIES = reverse("admin:monitoring_delivery_changelist")
SENT, FAILED, PENDING = Delivery.Status.SENT, Delivery.Status.FAILED, Delivery.Status.PENDING


def tried(of: Delivery, count: int) -> None:
    for age in range(count):
        begun = timezone.now() - timedelta(seconds=age)
        DeliveryAttempt.objects.create(
            delivery=of, begun_at=begun, seconds=0.2, is_delivered=False, detail=f"try {age}!"
        )


@pytest.mark.parametrize(
    ("query", "found"),
    [({}, "dcba"), ({"status": "failed"}, "c"), ({"status": "pending"}, "ba"), ({"status": "nonsense"}, "dcba")],
)
def test_the_list_is_newest_first_and_filtered_by_status(
    admin_client: Client, query: dict[str, str], found: str
) -> None:
    channel = add_channel("ops")
    for age, (title, status) in enumerate([("d", SENT), ("c", FAILED), ("b", PENDING), ("a", PENDING)]):
        delivery(channel, age, title=f"title {title}", status=status)
    rows = admin_client.get(DELIVERIES, query, follow=True).context["cl"].result_list
    assert "".join(row.title[-1] for row in rows) == found
    content = page(admin_client, DELIVERIES)
    for shown in ("✓</span> sent", "✕</span> failed", "…</span> pending", change_url(channel)):
        assert shown in content


def test_one_channels_deliveries_are_listed(admin_client: Client) -> None:
    one, other = add_channel("one"), add_channel("other")
    delivery(one, title="of one")
    delivery(other, title="of other")
    assert f"{DELIVERIES}?channel={one.pk}" in page(admin_client, change_url(one))
    content = page(admin_client, DELIVERIES, channel=str(one.pk))
    assert ("of one" in content, "of other" in content) == (True, False)


def test_the_list_counts_only_so_far_and_takes_few_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    channel = add_channel()
    for age in range(60):
        delivery(channel, age)
    with CaptureQueriesContext(connection) as captured, django_assert_max_num_queries(8):
        page(admin_client, DELIVERIES)
    counts = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 5000" in sql for sql in counts)


def test_a_page_shows_the_text_the_attempts_and_what_it_tells(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    channel = add_channel("ops")
    one = delivery(channel, text="first line\nsecond line")
    tried(one, 150)
    incidents = [incident(website(number)) for number in range(120)]
    for it in incidents:
        alert(channel, it, delivery=one, status=AlertStatus.TOLD)
    with django_assert_max_num_queries(8):
        content = page(admin_client, change_url(one))
    assert "first line<br>second line" in content
    assert "try 0!" in content
    assert "try 100!" not in content
    assert change_url(incidents[0]) in content
    assert "The first 100 of them." in content
    assert "Send again" not in content


def test_what_failed_is_sent_again_by_the_button_and_the_action(admin_client: Client) -> None:
    channel = add_channel()
    one, other, sent = (delivery(channel, 90_000, status=status) for status in (FAILED, FAILED, SENT))
    assert "Send again" in page(admin_client, change_url(one))
    chosen = {"action": "send_again", "_selected_action": [one.pk], "_on_page": "1"}
    answer = admin_client.post(DELIVERIES, chosen, follow=True)
    assert answer.redirect_chain == [(change_url(one), 302)]
    assert "1 delivery is sent again." in answer.content.decode()
    assert "the others were passed over" in act(admin_client, DELIVERIES, "send_again", other, sent)
    assert "nothing was" in act(admin_client, DELIVERIES, "send_again", sent)
    statuses = dict(Delivery.objects.values_list("pk", "status"))
    assert statuses == {one.pk: "pending", other.pk: "pending", sent.pk: "sent"}
    assert not Delivery.objects.filter(status=PENDING, tried_until__lt=timezone.now()).exists()


def test_nothing_is_sent_again_by_a_link_or_without_a_csrf_token() -> None:
    one = delivery(add_channel(), status=FAILED)
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    chosen: dict[str, Any] = {"action": "send_again", "_selected_action": one.pk}
    assert client.post(DELIVERIES, chosen).status_code == 403
    client.get(DELIVERIES, chosen, follow=True)
    one.refresh_from_db()
    assert one.status == FAILED


def test_a_delivery_is_read_only(admin_client: Client) -> None:
    one = delivery(add_channel())
    assert admin_client.post(change_url(one), {"title": "forged"}).status_code == 403
    assert admin_client.get(reverse("admin:monitoring_delivery_add")).status_code == 403
    assert admin_client.post(reverse("admin:monitoring_delivery_delete", args=[one.pk])).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_only_administrators_see_deliveries_and_send_them_again(role: str) -> None:
    one = delivery(add_channel(), status=FAILED)
    client = staff_client(role)
    code = 200 if role == "admin" else 403
    for url in (DELIVERIES, change_url(one)):
        assert client.get(url).status_code == code
    client.post(DELIVERIES, {"action": "send_again", "_selected_action": one.pk})
    one.refresh_from_db()
    assert one.status == (PENDING if role == "admin" else FAILED)


def test_hostile_text_is_inert(admin_client: Client) -> None:
    channel = add_channel(HOSTILE)
    # Titles are made inert when they are written.
    one = delivery(channel, text=f"{HOSTILE}\n{HOSTILE}")
    DeliveryAttempt.objects.create(delivery=one, begun_at=timezone.now(), seconds=1, is_delivered=False, detail=HOSTILE)
    alert(channel, incident(website(0), error="", error_detail=HOSTILE), delivery=one)
    for url in (DELIVERIES, change_url(one)):
        content = page(admin_client, url)
        assert HOSTILE_SHOWN in content
        assert "<script>alert" not in content
        assert not {"\x1b", "\u202e"} & set(content)
