"""Two connections at once, as in `test_races`: channels, alerts, and what else is read and then written."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models.signals import post_delete
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from rest_framework.test import APIClient

from monitoring import certificate_alerts, retention, schedule, watch_periods
from monitoring.models import (
    Alert,
    AlertStatus,
    Certificate,
    Channel,
    Delivery,
    Incident,
    MonitoringData,
    State,
    TroubleKind,
    TroubleNotice,
    WatchPeriod,
    WebsiteState,
)
from monitoring.notifications import deliveries, gathering, trouble_notices
from monitoring.tests.channels import add_channel
from monitoring.tests.elsewhere import Elsewhere, postgresql_only, write_until
from monitoring.tests.outages import alert, delivery, incident
from monitoring.tests.scripted_checks import Desk, check, series
from websites import csv_files, csv_import
from websites.models import Website
from websites.tests.people import signed_in
from websites.tests.websites import add

pytestmark = [pytest.mark.django_db(transaction=True), postgresql_only]


@pytest.fixture
def admin() -> APIClient:
    return signed_in("admin")


@pytest.fixture
def website() -> Website:
    return add("http://127.0.0.1/a")


def test_a_periodic_task_that_is_mended_follows_an_edit_of_the_same_moment(website: Website) -> None:
    with transaction.atomic():
        website.monitoring_interval = 30
        website.save()
        other = Elsewhere(lambda: schedule.upsert([website.pk]))
    other.answer()
    assert PeriodicTask.objects.get(name=schedule.task_name(website.pk)).interval.every == 30


def test_a_watch_period_that_is_mended_follows_an_edit_of_the_same_moment(
    website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That comes between what is read of the website and of its periods."""
    others, follow = [], watch_periods._follow

    def follow_late(wanted: Any) -> None:
        monkeypatch.undo()
        edit = Website.objects.filter(pk=website.pk)
        others.append(Elsewhere(lambda: edit.update(monitoring_interval=30)))
        follow(wanted)

    monkeypatch.setattr(watch_periods, "_follow", follow_late)
    watch_periods.follow([website.pk])
    others[0].answer()
    assert WatchPeriod.objects.get(until=None).interval == 30


def test_an_old_delivery_that_is_sent_again_just_now_stays() -> None:
    channel = add_channel()
    old = [delivery(channel, age=100 * 86_400, status=Delivery.Status.FAILED) for _ in range(2)]
    with transaction.atomic():
        deliveries.replay(old[:1])
        other = Elsewhere(retention.prune)
        other.answer()
    assert list(Delivery.objects.values_list("pk", "status")) == [(old[0].pk, Delivery.Status.PENDING)]


def test_an_import_keeps_what_was_changed_just_before(website: Website) -> None:
    lines = csv_files.read(b"website_url,monitoring_interval\nhttp://127.0.0.1/a,30\n")
    batch = csv_import.parse(lines)
    with transaction.atomic():
        website.regex = "price"
        website.save()
        other = Elsewhere(lambda: csv_import.write(batch))
    assert other.answer().updated == 1
    website.refresh_from_db()
    assert (website.monitoring_interval, website.regex) == (30, "price")


def test_a_channel_is_deleted_while_a_worker_writes_alerts_of_it(admin: APIClient, website: Website) -> None:
    """In the moment in which its alerts have gone, and it has not."""
    channel, desk, others = add_channel(), Desk(), []
    delivery(channel)
    desk.write_one_by_one(series(website, "ud"))

    def write(**_: Any) -> None:
        others.append(Elsewhere(lambda: desk.write([check(website, 20, "d")])))

    post_delete.connect(write, sender=Delivery)
    try:
        assert admin.delete(f"/channels/{channel.pk}").status_code == 204
    finally:
        post_delete.disconnect(write, sender=Delivery)
    others[0].answer()
    assert (MonitoringData.objects.count(), Incident.objects.count()) == (3, 1)
    assert not Alert.objects.exists()


def test_a_channel_is_deleted_while_an_outage_ends(
    admin: APIClient, website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has an alert that was to wait, and adds one of the end of what was told."""
    channel, told = add_channel(delay=60), add("http://127.0.0.1/told")
    for one in (website, told):
        Desk().write_one_by_one(series(one, "udd"))
    Alert.objects.filter(website=told).update(status=AlertStatus.TOLD)
    ends = [check(one, 40, "u") for one in (website, told)]
    assert write_until(monkeypatch, ends, lambda: admin.delete(f"/channels/{channel.pk}")).status_code == 204
    assert list(WebsiteState.objects.values_list("state", flat=True)) == [State.UP, State.UP]


def test_a_test_of_a_channel_that_is_deleted_just_now(admin: APIClient) -> None:
    channel = add_channel()
    with transaction.atomic():
        Channel.objects.get().delete()
        other = Elsewhere(lambda: admin.post(f"/channels/{channel.pk}/test"))
    assert other.answer().status_code == 404


def test_a_channel_is_deleted_while_it_is_told_that_the_monitor_is_well_again(
    admin: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, now, others, ended = add_channel(), timezone.now(), [], trouble_notices._ended
    told = delivery(channel, status=Delivery.Status.SENT)
    TroubleNotice.objects.create(channel=channel, kind=TroubleKind.OVERLOADED, began_at=now, delivery=told)

    def ended_late(*arguments: Any) -> Any:
        others.append(Elsewhere(lambda: admin.delete(f"/channels/{channel.pk}")))
        return ended(*arguments)

    monkeypatch.setattr(trouble_notices, "_ended", ended_late)
    trouble_notices.tell(now)
    assert others[0].answer().status_code == 204
    assert not Delivery.objects.exists()


def test_nobody_is_reminded_of_a_website_that_is_deleted_just_now(website: Website) -> None:
    channel, long_ago = add_channel(reminder_interval=60), timezone.now() - timedelta(hours=1)
    told = delivery(channel, age=3600, status=Delivery.Status.SENT, sent_at=long_ago)
    alert(channel, incident(website), delivery=told)
    with transaction.atomic():
        website.delete()
        other = Elsewhere(lambda: gathering.remind(timezone.now()))
    other.answer()
    assert not Alert.objects.exists()


@pytest.mark.parametrize("deleted_first", [True, False])
def test_a_certificate_of_a_website_that_is_deleted_just_now_is_nobodys_alert(
    admin: APIClient, website: Website, monkeypatch: pytest.MonkeyPatch, deleted_first: bool
) -> None:
    add_channel()
    now, pk, others = timezone.now(), website.pk, []
    until = now + timedelta(days=2)
    Certificate.objects.create(website=website, host="a", names=[], not_before=now, not_after=until, seen_at=now)

    facts = certificate_alerts._facts

    def facts_late(*arguments: Any) -> Any:
        others.append(Elsewhere(lambda: admin.delete(f"/websites/{pk}")))
        return facts(*arguments)

    if deleted_first:
        with transaction.atomic():
            website.delete()
            others.append(Elsewhere(certificate_alerts.tell))
        others[0].answer()
    else:
        # The certificate is locked by then.
        monkeypatch.setattr(certificate_alerts, "_facts", facts_late)
        certificate_alerts.tell()
        assert others[0].answer().status_code == 204
    assert not Alert.objects.exists()
