from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import certificate_alerts
from monitoring.models import Alert, AlertKind, Certificate
from monitoring.tests.channels import add_channel
from websites.tests.websites import add

pytestmark = pytest.mark.django_db


def add_certificate(days: float, *, is_active: bool = True) -> Certificate:
    now = timezone.now()
    return Certificate.objects.create(
        website=add(is_active=is_active),
        host="example.org",
        subject="CN=example.org",
        issuer="O=Issuer",
        names=["example.org"],
        not_before=now - timedelta(days=60),
        not_after=now + timedelta(days=days),
        seen_at=now,
    )


def told() -> list[int]:
    alerts = Alert.objects.filter(kind=AlertKind.CERTIFICATE).order_by("pk")
    return [alert.data["days_left"] for alert in alerts]


@pytest.mark.parametrize(
    ("days", "days_told"),
    [(90, []), (30.5, []), (29.5, [29]), (13.5, [13]), (6.5, [6]), (2.5, [2]), (0.5, [0]), (-3.5, [-4])],
)
def test_it_is_told_once_when_so_few_days_are_left(days: float, days_told: list[int]) -> None:
    add_channel()
    add_certificate(days)
    for _ in range(3):
        certificate_alerts.tell()
    assert told() == days_told


def test_each_of_the_steps_is_told() -> None:
    add_channel()
    certificate = add_certificate(40)
    for days in range(40, -3, -1):
        certificate.not_after = timezone.now() + timedelta(days=days - 0.5)
        certificate.save(update_fields=["not_after"])
        certificate_alerts.tell()
    assert told() == [29, 13, 6, 2, 0]


def test_a_new_certificate_begins_anew() -> None:
    add_channel()
    certificate = add_certificate(2.5)
    certificate_alerts.tell()
    for days in (89.5, 29.5):
        certificate.not_after = timezone.now() + timedelta(days=days)
        certificate.save(update_fields=["not_after"])
        certificate_alerts.tell()
    assert told() == [2, 29]


def test_paused_websites_and_channels_that_do_not_want_it_are_left_alone() -> None:
    add_channel(wants_certificate=False)
    add_certificate(2.5)
    certificate_alerts.tell()
    assert told() == []


def test_a_paused_websites_certificate_is_nobodys_concern() -> None:
    add_channel()
    add_certificate(2.5, is_active=False)
    certificate_alerts.tell()
    assert told() == []
