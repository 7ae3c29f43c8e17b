from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from monitoring.capped_lists import CappedPaginator
from monitoring.models import (
    AlertStatus,
    CheckError,
    Delivery,
    ExtractedValue,
    Incident,
    IncidentKind,
    State,
    StateChange,
)
from monitoring.tests.admin_pages import DATA, act, change_url, page, staff_client, website
from monitoring.tests.channels import add_channel
from monitoring.tests.outages import HOSTILE, HOSTILE_SHOWN, NOON, alert, delivery, ended_incident, incident

pytestmark = pytest.mark.django_db

INCIDENTS = reverse("admin:monitoring_incident_changelist")


def test_the_list_shows_what_was_wrong_since_when_and_who_looks_after_it(admin_client: Client) -> None:
    one, other = website(1), website(2)
    open_one = incident(one, acknowledged_at=NOON, acknowledged_by=User.objects.get(username="admin"))
    ended_incident(other, 60, 90, kind=IncidentKind.VALUE, error="", error_detail="7 is above 5.")
    content = page(admin_client, INCIDENTS)
    assert content.index("7 is above 5") < content.index("timeout")
    for shown in (
        change_url(open_one),
        change_url(one),
        "▼</span> open",
        "■</span> ended",
        "value out of bounds",
        "1 min 30 s",
        "so far",
        "by admin",
    ):
        assert shown in content


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"state": "open"}, {1, 3}),
        ({"state": "ended"}, {2}),
        ({"kind": "slow"}, {3}),
        ({"kind": "down", "state": "open"}, {1}),
        ({"q": "WWW2"}, {2}),
        ({"website": "https://www3.example.org/"}, {3}),
        ({"state": "nonsense", "kind": "\0"}, {1, 2, 3}),
    ],
)
def test_the_list_is_filtered_and_searched(admin_client: Client, query: dict[str, str], numbers: set[int]) -> None:
    incident(website(1))
    ended_incident(website(2))
    incident(website(3), kind=IncidentKind.SLOW)
    content = page(admin_client, INCIDENTS, **query)
    table = content.partition('id="result_list"')[2]
    assert {number for number in range(1, 4) if f"www{number}.example.org" in table} == numbers


def test_the_list_counts_only_so_far_and_takes_no_more_queries_when_longer(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(CappedPaginator, "cap", 60)
    for number in range(70):
        ended_incident(website(number), number)
    with CaptureQueriesContext(connection) as captured, django_assert_max_num_queries(6):
        content = page(admin_client, INCIDENTS)
    assert "filters find older ones" in content
    counts = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 60" in sql for sql in counts)
    assert "www10.example.org" in page(admin_client, INCIDENTS, p="2")
    assert "www9.example.org" not in page(admin_client, INCIDENTS, p="2")


def test_a_page_shows_bounds_changes_alerts_and_checks(admin_client: Client) -> None:
    one = website(0)
    it = ended_incident(one, remote_ip="192.0.2.1")
    for second, old, new in ((0, State.UP, State.DOWN), (90, State.DOWN, State.UP), (9000, State.UP, State.PAUSED)):
        moment = NOON + timedelta(seconds=second)
        StateChange.objects.create(website=one, old=old, new=new, changed_at=moment, error_detail=f"after {second}")
    channel = add_channel("ops")
    sent = delivery(channel, status=Delivery.Status.FAILED)
    alert(channel, it, status=AlertStatus.TOLD, delivery=sent)
    alert(channel, it, status=AlertStatus.DROPPED, reason="It was over before it was told.")
    alert(channel, it)

    content = page(admin_client, change_url(it))
    for shown in (
        "between 2026-01-31 11:59:00.000 UTC and 2026-01-31 12:00:01.000 UTC",
        "between 2026-01-31 12:00:30.000 UTC and 2026-01-31 12:01:31.000 UTC",
        "recovered",
        "192.0.2.1",
        "after 0",
        "after 90",
        "It was over before it was told.",
        "✕</span> failed",
        change_url(sent),
        change_url(channel),
        change_url(one),
        f"{DATA}?website={one.pk}",
        "until ",
    ):
        assert shown in content
    assert "after 9000" not in content


def test_a_page_takes_few_queries_however_much_there_is(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    one = website(0)
    it = incident(one)
    for second in range(100):
        moment = NOON + timedelta(seconds=second)
        StateChange.objects.create(website=one, old=State.UP, new=State.DOWN, changed_at=moment)
    channel = add_channel()
    for _ in range(100):
        alert(channel, it, delivery=delivery(channel), status=AlertStatus.TOLD)
    with django_assert_max_num_queries(8):
        content = page(admin_client, change_url(it))
    assert content.count("View delivery") == 0
    assert content.count(">Delivery</a>") == 50


def test_hostile_text_is_inert(admin_client: Client) -> None:
    one = website(0)
    it = incident(one, error=CheckError.TLS, error_detail=HOSTILE, note=HOSTILE)
    slow = incident(one, kind=IncidentKind.SLOW, error="", error_detail=HOSTILE)
    StateChange.objects.create(website=one, old=State.UP, new=State.DOWN, changed_at=NOON, error_detail=HOSTILE)
    channel = add_channel(HOSTILE)
    alert(channel, it, reason=HOSTILE)
    ExtractedValue.objects.create(website=one, value=HOSTILE, seen_at=NOON)
    for client in (admin_client, staff_client("viewer")):
        for url in (INCIDENTS, change_url(it), change_url(slow), change_url(one)):
            content = page(client, url)
            assert "<script>alert" not in content
            # But for the box of the note, which has what was typed.
            shown = content.partition("<textarea")[0] + content.partition("</textarea>")[2]
            assert not {"\x1b", "\u202e"} & set(shown)
            assert HOSTILE_SHOWN in content


def test_the_button_acknowledges_and_then_saves_the_note(admin_client: Client) -> None:
    it = incident(website(0))
    url = change_url(it)
    assert 'value="Acknowledge"' in page(admin_client, url)
    before = timezone.now()
    response = admin_client.post(url, {"note": "on it\r\nsoon", "_save": "", "acknowledged_by": "7"})
    assert (response.status_code, response["Location"]) == (302, url)
    it.refresh_from_db()
    assert it.note == "on it\nsoon"
    assert it.acknowledged_by is not None
    assert it.acknowledged_by.username == "admin"
    assert it.acknowledged_at is not None
    assert it.acknowledged_at >= before
    first = it.acknowledged_at

    assert 'value="Save note"' in page(admin_client, url)
    staff_client("editor").post(url, {"note": "", "_save": ""})
    it.refresh_from_db()
    assert (it.note, it.acknowledged_at, it.acknowledged_by.username) == ("", first, "admin")


def test_the_form_changes_nothing_but_the_note(admin_client: Client) -> None:
    it = incident(website(0))
    admin_client.post(
        change_url(it), {"note": "x", "kind": "slow", "error_detail": "forged", "ended_at_0": "2026-02-01"}
    )
    changed = Incident.objects.get()
    assert (changed.note, changed.kind, changed.error_detail, changed.ended_at) == (
        "x",
        "down",
        "No answer in 10 s.",
        None,
    )


def test_a_note_that_is_too_long_is_told_beside_it(admin_client: Client) -> None:
    it = incident(website(0))
    response = admin_client.post(change_url(it), {"note": "x" * 1001})
    assert list(response.context["adminform"].form.errors) == ["note"]
    it.refresh_from_db()
    assert it.acknowledged_at is None


def test_chosen_incidents_are_acknowledged_and_those_of_others_stay(admin_client: Client) -> None:
    one, two, other = (incident(website(number)) for number in range(3))
    taken = ended_incident(website(3), acknowledged_at=NOON, acknowledged_by=None, note="mine")
    assert "2 incidents acknowledged." in act(admin_client, INCIDENTS, "acknowledge", one, two, taken)
    acknowledged = Incident.objects.filter(acknowledged_by__username="admin")
    assert set(acknowledged) == {one, two}
    taken.refresh_from_db()
    assert (taken.acknowledged_at, taken.note) == (NOON, "mine")
    other.refresh_from_db()
    assert other.acknowledged_at is None


@pytest.mark.parametrize(("role", "may_change"), [("viewer", False), ("editor", True), ("admin", True)])
def test_roles_see_incidents_and_only_some_acknowledge_them(role: str, may_change: bool) -> None:
    it = incident(website(0), note="a\nb")
    alert(add_channel("ops"), it)
    client = staff_client(role)
    content = page(client, change_url(it))
    assert ("<textarea" in content, "a<br>b" in content) == (may_change, not may_change)
    # Alerts tell of channels.
    assert ('id="alerts"' in content) is (role == "admin")
    act(client, INCIDENTS, "acknowledge", it)
    it.refresh_from_db()
    assert (it.acknowledged_at is not None) is may_change
    assert (client.post(change_url(it), {"note": "x"}).status_code == 302) is may_change
    assert client.post(reverse("admin:monitoring_incident_delete", args=[it.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:monitoring_incident_add")).status_code == 403


def test_nothing_is_acknowledged_without_a_csrf_token_or_by_a_link() -> None:
    it = incident(website(0))
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    assert client.post(change_url(it), {"note": "x"}).status_code == 403
    chosen: dict[str, Any] = {"action": "acknowledge", "_selected_action": it.pk}
    assert client.post(INCIDENTS, chosen).status_code == 403
    client.get(INCIDENTS, chosen, follow=True)
    client.get(change_url(it), {"note": "x", "_save": ""})
    it.refresh_from_db()
    assert it.acknowledged_at is None


def test_the_history_tells_who_wrote_a_note(admin_client: Client) -> None:
    it = incident(website(0))
    admin_client.post(change_url(it), {"note": "x"})
    assert "note" in LogEntry.objects.get().get_change_message()
    assert "admin" in page(admin_client, reverse("admin:monitoring_incident_history", args=[it.pk]))


def test_a_websites_page_shows_its_incidents_and_values(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    one = website(0)
    older = incident(one, -1000, kind=IncidentKind.SLOW, error="", error_detail="Answers took long.")
    ended = [ended_incident(one, number) for number in range(12)]
    ended_incident(website(1), 50, error_detail="of another")
    for number in range(25):
        moment = NOON + timedelta(seconds=number)
        ExtractedValue.objects.create(website=one, value=f"price {number}!", seen_at=moment)
    with django_assert_max_num_queries(36):
        content = page(admin_client, change_url(one))
    top = content.partition("wm-notice")[2].partition("</p>")[0]
    assert "Slow</strong> since 2026-01-31 11:43:20 UTC" in top
    assert "Answers took long" in top
    assert change_url(older) in top
    listed = content.partition('id="latest-incidents"')[2]
    assert [change_url(it) in listed for it in ended] == [False] * 2 + [True] * 10
    assert "of another" not in content
    assert [f"price {number}!" in content for number in (4, 5, 24)] == [False, True, True]
    assert f'href="{INCIDENTS}?website={one.pk}"' in content
    assert page(admin_client, INCIDENTS, website=str(one.pk))


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_readers_see_incidents_and_values_of_a_website(role: str) -> None:
    one = website(0)
    incident(one)
    ExtractedValue.objects.create(website=one, value="", seen_at=NOON)
    content = page(staff_client(role), change_url(one))
    for shown in ("wm-notice", escape("timeout"), "no match", 'id="latest-incidents"'):
        assert shown in content
