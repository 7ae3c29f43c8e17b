"""Websites that are deleted while something is wrong with them: whoever was told of it is told that this is over.

Their alerts and incidents go with them, so what is to be said is made into deliveries before.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from monitoring.models import Alert, AlertKind, AlertStatus, Channel, Delivery
from monitoring.notifications import wording
from monitoring.notifications.gathering import TIMELY, TRIED_FOR, began_in
from monitoring.schedule import chunks


def on_websites_deleting(website_ids: Sequence[int], **_: Any) -> None:
    """Before websites are deleted, and in the same transaction."""
    concerned: set[int] = set()
    for chunk in chunks(website_ids):
        begun = Alert.objects.filter(website__in=chunk, kind=AlertKind.BEGAN).exclude(status=AlertStatus.DROPPED)
        concerned.update(begun.order_by().values_list("channel", flat=True).distinct())
    # Locked in order, so that whoever gathers in this moment has told of the beginning, or never will.
    locked = Channel.objects.filter(pk__in=concerned, is_active=True, wants_up=True)
    going, now = set(website_ids), timezone.now()
    for channel in locked.select_for_update(no_key=True).order_by("pk"):
        _say(channel, list(_untold_ends(channel, website_ids, now)), going)


def _untold_ends(channel: Channel, website_ids: Sequence[int], now: datetime) -> Iterator[Alert]:
    """The ends of what the channel was told, or is being told, to have begun: alerts that are not to be stored."""
    for chunk in chunks(website_ids):
        alerts = channel.alerts.filter(website__in=chunk, status=AlertStatus.TOLD, incident__isnull=False)
        ended = set(alerts.filter(kind=AlertKind.ENDED).values_list("incident", flat=True))
        begun = alerts.filter(kind=AlertKind.BEGAN).exclude(delivery__status=Delivery.Status.FAILED)
        for alert in begun.select_related("website", "incident").order_by("pk"):
            incident = alert.incident
            if incident is None or incident.pk in ended or alert.delivery_id is None:
                continue
            if incident.ended_at is None:
                incident.ended_at, incident.end_reason = now, wording.DELETED
            yield Alert(channel=channel, website=alert.website, incident=incident, kind=AlertKind.ENDED)


def _say(channel: Channel, ends: Sequence[Alert], going: Collection[int]) -> None:
    last_told = _last_told(channel, ends)
    groups: dict[Hashable, list[Alert]] = defaultdict(list)
    for end in ends:
        groups[last_told[end.incident_id], wording.subject(end)].append(end)
    now = timezone.now()
    for group in map(wording.worst_first, groups.values()):
        Delivery.objects.create(
            channel=channel,
            follows_id=last_told[group[0].incident_id],
            title=wording.title(group),
            text=wording.text(group),
            payload=wording.payload(group, began_in(channel, group, going)),
            timely_until=now + TIMELY,
            tried_until=now + TRIED_FOR,
        )


def _last_told(channel: Channel, ends: Iterable[Alert]) -> dict[int | None, int | None]:
    """By incident, the newest delivery that tells of it: the end is not to overtake it."""
    found: dict[int | None, int | None] = {}
    for chunk in chunks(list({end.incident_id for end in ends})):
        told = channel.alerts.filter(incident__in=chunk, delivery__isnull=False)
        found |= dict(told.order_by("delivery__created_at", "delivery").values_list("incident", "delivery"))
    return found
