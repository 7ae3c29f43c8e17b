from datetime import timedelta
from itertools import chain, repeat

import pytest
from django.utils import timezone
from pytest_django import Settings

from monitoring import retention
from monitoring.models import Alert, AlertKind, AlertStatus, Delivery, ExtractedValue, Incident, MonitoringData
from monitoring.tests.channels import add_channel
from websites.models import Website


@pytest.mark.django_db
def test_only_rows_older_than_the_retention_go(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RETENTION_DAYS = 7
    monkeypatch.setattr(retention, "CHUNK", 4)
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    now = timezone.now()
    MonitoringData.objects.bulk_create(
        MonitoringData(website=website, http_status=200, entry_timestamp=moment, scheduled_at=moment)
        for moment in (now - timedelta(days=13.5 - days) for days in range(14))
    )
    assert retention.prune() == 7
    assert MonitoringData.objects.count() == 7
    assert not MonitoringData.objects.filter(entry_timestamp__lt=now - timedelta(days=7, seconds=1)).exists()
    assert retention.prune() == 0


@pytest.mark.django_db
def test_it_leaves_off_where_the_worker_is_told_to_stop_or_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    long_ago = timezone.now() - timedelta(days=400)
    MonitoringData.objects.bulk_create(
        MonitoringData(website=website, http_status=200, entry_timestamp=long_ago, scheduled_at=long_ago)
        for _ in range(12)
    )
    monkeypatch.setattr(retention, "CHUNK", 4)
    asked = chain([False, False], repeat(True))
    assert retention.prune(lambda: next(asked)) == 8
    monkeypatch.setattr(retention, "RUN_TIME", 0.0)
    assert retention.prune() == 0
    assert MonitoringData.objects.count() == 4


@pytest.mark.django_db
def test_values_and_what_was_told_go_later() -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    now = timezone.now()
    for days in (401, 399):
        ExtractedValue.objects.create(website=website, value=str(days), seen_at=now - timedelta(days=days))
    retention.prune()
    assert [row.value for row in ExtractedValue.objects.all()] == ["399"]


@pytest.mark.parametrize(
    ("days", "is_open", "status", "stays"),
    [
        (89, False, AlertStatus.TOLD, True),
        (91, False, AlertStatus.TOLD, False),
        (91, False, AlertStatus.DROPPED, False),
        # Its end is yet to be told, to the same people.
        (91, True, AlertStatus.TOLD, True),
        (91, False, AlertStatus.WAITING, True),
    ],
)
@pytest.mark.django_db
def test_alerts_go_with_their_deliveries_when_nobody_needs_them(
    days: int, is_open: bool, status: AlertStatus, stays: bool
) -> None:
    website = Website.objects.create(website_url="http://127.0.0.1/", monitoring_interval=60)
    then = timezone.now() - timedelta(days=days)
    channel = add_channel()
    delivery = Delivery.objects.create(
        channel=channel,
        title="",
        text="",
        payload={},
        status="sent",
        created_at=then,
        timely_until=then,
        tried_until=then,
    )
    incident = Incident.objects.create(
        website=website, started_at=then, started_before=then, ended_at=None if is_open else then
    )
    Alert.objects.create(
        channel=channel,
        website=website,
        incident=incident,
        kind=AlertKind.BEGAN,
        status=status,
        created_at=then,
        due_at=then,
        delivery=delivery,
    )
    retention.prune()
    assert Alert.objects.exists() is stays
    assert Delivery.objects.exists() is stays
    assert Incident.objects.exists()
