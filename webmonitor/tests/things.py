"""One of everything that the database can hold, under the names that the tests' paths have."""

from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from knox.models import AuthToken

from monitoring.models import (
    Delivery,
    ExtractedValue,
    Heartbeat,
    MaintenanceWindow,
    MonitoringData,
    ShownWebsite,
    StatusGroup,
    StatusPage,
    Trouble,
    TroubleKind,
)
from monitoring.tests.channels import add_channel
from monitoring.tests.outages import delivery, incident
from webmonitor.tests.routes import SAMPLES
from websites.models import Website


def one_of_everything(owner: User) -> None:
    """A row with the key 1 of each model of the admin; the one token is the owner's."""
    now = timezone.now()
    website = Website.objects.create(website_id=1, website_url="http://example.org/", monitoring_interval=60)
    MonitoringData.objects.create(pk=1, website=website, http_status=200, entry_timestamp=now, scheduled_at=now)
    Heartbeat.objects.create(pk=1, component=Heartbeat.Component.BEAT, instance="host:1", seen_at=now)
    Trouble.objects.create(
        pk=1, kind=TroubleKind.OVERLOADED, component=Heartbeat.Component.WORKER, began_at=now, seen_at=now, words="why"
    )
    ExtractedValue.objects.create(pk=1, website=website, value="1", seen_at=now)
    incident(website, pk=1)
    # Nothing leaves the machine: the guard refuses loopback.
    delivery(add_channel(pk=1), pk=1, status=Delivery.Status.FAILED)
    MaintenanceWindow.objects.create(pk=1, name="somewhen", first_day=now.date(), start_time=now.time(), minutes=1)
    StatusGroup.objects.create(pk=1, page=StatusPage.objects.create(), name="systems")
    ShownWebsite.objects.create(pk=1, website=website, group_id=1, name="example")
    Group.objects.get_or_create(pk=1, defaults={"name": "somebody"})
    User.objects.get_or_create(pk=1, defaults={"username": "somebody"})
    AccessAttempt.objects.create(pk=1, username="somebody", failures_since_start=1)
    interval, _ = IntervalSchedule.objects.get_or_create(pk=1, defaults={"every": 1, "period": IntervalSchedule.DAYS})
    CrontabSchedule.objects.get_or_create(pk=1)
    SolarSchedule.objects.get_or_create(pk=1, defaults={"event": "sunset", "latitude": 1, "longitude": 1})
    ClockedSchedule.objects.get_or_create(pk=1, defaults={"clocked_time": now})
    PeriodicTask.objects.get_or_create(pk=1, defaults={"name": "report", "task": "some.report", "interval": interval})
    AuthToken(digest="1", token_key=SAMPLES["key"], user=owner, expiry=now + timedelta(days=1)).save()
    _number_on()


def _number_on() -> None:
    """Have the database number new rows after those that got their number here."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(admin.site._registry)):
            cursor.execute(statement)
