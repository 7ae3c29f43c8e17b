"""Incidents that somebody looks after: whoever acknowledges one ends its reminders."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from monitoring.models import Incident


def acknowledge(incident_id: int, user: User, note: str | None = None) -> None:
    """Write down who looks after an incident and since when; whoever did so first stays.

    The note replaces what there was; None leaves it. Raises `Incident.DoesNotExist`.
    """
    with transaction.atomic():
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        if incident.acknowledged_at is None:
            incident.acknowledged_at, incident.acknowledged_by = timezone.now(), user
        if note is not None:
            incident.note = note
        incident.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])


def acknowledge_all(incidents: QuerySet[Incident], user: User) -> int:
    """The same for those that nobody has acknowledged yet; how many."""
    chosen = Incident.objects.filter(pk__in=incidents.order_by().values("pk"), acknowledged_at=None)
    return chosen.update(acknowledged_at=timezone.now(), acknowledged_by=user)
