from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from monitoring import retention
from monitoring.models import MonitoringData
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
    asked = iter([False, False, True])
    assert retention.prune(lambda: next(asked)) == 8
    monkeypatch.setattr(retention, "RUN_TIME", 0.0)
    assert retention.prune() == 0
    assert MonitoringData.objects.count() == 4
