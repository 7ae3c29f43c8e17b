"""Alerts of certificates that will expire soon: one each time that so many days are left."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from monitoring.models import Alert, AlertKind, Certificate
from monitoring.notifications.routing import Routing
from monitoring.overwriting import overwrite
from websites import locks
from websites.models import Website

# Days left; told when the first is reached, and again at each of the others.
DAYS = (30, 14, 7, 3, 1)


def tell() -> None:
    """Alert the channels of certificates that have come to one of `DAYS` since they were last looked at."""
    now = timezone.now()
    soon = Certificate.objects.filter(not_after__lt=now + timedelta(days=DAYS[0] + 1), website__is_active=True)
    due = [certificate.pk for certificate in soon if _step(certificate, now) != certificate.told_days]
    if due:
        with transaction.atomic():
            _tell(due, now)
    Certificate.objects.filter(told_days__isnull=False, not_after__gte=now + timedelta(days=DAYS[0] + 1)).update(
        told_days=None
    )


def _tell(pks: list[int], now: datetime) -> None:
    # Each has its website's key. Locked, so that two workers do not tell the same.
    locks.hold(Website, pks)
    certificates = Certificate.objects.select_for_update(of=("self",)).select_related("website")
    routing = Routing()
    alerts: list[Alert] = []
    told: list[Certificate] = []
    for certificate in certificates.filter(pk__in=pks).order_by("pk"):
        step = _step(certificate, now)
        if step == certificate.told_days:
            continue
        certificate.told_days = step
        told.append(certificate)
        if step is not None:
            alerts += [
                Alert(
                    channel=channel,
                    website=certificate.website,
                    kind=AlertKind.CERTIFICATE,
                    data=_facts(certificate, now),
                    due_at=now,
                )
                for channel in routing.of(certificate.website, "wants_certificate")
            ]
    overwrite(told, ["told_days"])
    Alert.objects.bulk_create(alerts)


def _step(certificate: Certificate, now: datetime) -> int | None:
    """The fewest of `DAYS` that the certificate has come to; None where it has more left than all of them."""
    left = certificate.not_after - now
    return min((days for days in DAYS if left <= timedelta(days=days)), default=None)


def _facts(certificate: Certificate, now: datetime) -> dict[str, object]:
    return {
        "host": certificate.host,
        "issuer": certificate.issuer,
        "not_after": certificate.not_after.isoformat(),
        "days_left": (certificate.not_after - now).days,
    }
