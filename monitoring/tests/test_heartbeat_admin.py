"""Processes and their troubles in the admin."""

import pytest
from django.urls import reverse
from django.utils import timezone

from monitoring import heartbeats, troubles
from monitoring.models import Heartbeat, Trouble, TroubleKind
from monitoring.overload import Reason
from monitoring.tests.admin_pages import page, staff_client

pytestmark = pytest.mark.django_db

PROCESSES = reverse("admin:monitoring_heartbeat_changelist")
TROUBLES = reverse("admin:monitoring_trouble_changelist")
WORKER = Heartbeat.Component.WORKER


def test_a_process_shows_what_it_missed_by_reason_the_most_frequent_first() -> None:
    heartbeats.write(WORKER, {Reason.EXPIRED: 3, Reason.NO_ROOM: 40})
    shown = page(staff_client("admin"), PROCESSES)
    assert '<td class="field-missed">43</td>' in shown
    first = "<div>no room for more checks: 40</div>"
    second = "<div>they expired before they were checked: 3</div>"
    assert f"{first} {second}" in shown


def test_a_process_of_before_reasons_were_counted_is_shown_too() -> None:
    Heartbeat.objects.create(component=WORKER, instance="old:1", seen_at=timezone.now(), missed=3)
    assert '<td class="field-missed_why">-</td>' in page(staff_client("admin"), PROCESSES)


def test_troubles_are_shown_with_their_words_as_text() -> None:
    troubles.note(TroubleKind.OVERLOADED, "<script>alert(1)</script>", 300)
    client = staff_client("admin")
    shown = page(client, TROUBLES)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert '<td class="field-ended">lasts</td>' in shown
    troubles.clear(TroubleKind.OVERLOADED)
    assert "lasts" not in page(client, TROUBLES)
    assert Trouble.objects.count() == 1
