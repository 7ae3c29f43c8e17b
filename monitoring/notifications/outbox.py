"""What is to be told, written in the transaction that makes it so: nothing that happened is forgotten, nor made up.

Each `Alert` is for one channel. `monitoring.notifications.gathering` makes deliveries of them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from monitoring.models import (
    Alert,
    AlertKind,
    AlertStatus,
    Channel,
    Incident,
    IncidentKind,
    State,
    StateChange,
)
from monitoring.notifications.routing import WANTED, Routing
from monitoring.schedule import chunks
from monitoring.values import Change
from websites import locks

ENDED_UNTOLD = "It was over before it was told."


class Flapping(NamedTuple):
    """How often a website went down lately, and whether it did so too often already at the outage before."""

    outages: int
    goes_on: bool


def began(incidents: Sequence[Incident]) -> None:
    """Alert the channels of these new incidents; a website that flaps is told of once."""
    if not incidents:
        return
    routing, now = Routing(), timezone.now()
    flapping = _flapping([incident for incident in incidents if incident.kind == IncidentKind.DOWN])
    told = _told_of_flapping(flapping, now)
    alerts: list[Alert] = []
    for incident in incidents:
        for channel in routing.of(incident.website, WANTED[IncidentKind(incident.kind)]):
            flaps = incident.kind == IncidentKind.DOWN and incident.website_id in flapping
            alerts.append(_alert(channel, incident, now, hold=_window() if flaps else timedelta()))
            if flaps and (channel.pk, incident.website_id) not in told:
                told.add((channel.pk, incident.website_id))
                alerts.append(
                    Alert(
                        channel=channel,
                        website=incident.website,
                        incident=incident,
                        kind=AlertKind.FLAPPING,
                        data={"outages": flapping[incident.website_id].outages, "seconds": settings.FLAPPING_WINDOW},
                        due_at=now,
                    )
                )
    Alert.objects.bulk_create(alerts)


def ended(incidents: Sequence[Incident]) -> None:
    """Alert the channels that were, or are about to be, told of the beginning; let the others forget it."""
    if not incidents:
        return
    now = timezone.now()
    begun = Alert.objects.filter(incident__in=incidents, kind=AlertKind.BEGAN).exclude(status=AlertStatus.DROPPED)
    # Whoever deletes one of them wants its alerts next.
    locks.hold(Channel, set(begun.order_by().values_list("channel", flat=True)))
    over = begun.filter(status=AlertStatus.WAITING, is_deferred=True).order_by("pk")
    # Locked in order, as gathering does: what is being told in this moment is told, and so is its end.
    for chunk in chunks(list(over.select_for_update().values_list("pk", flat=True))):
        Alert.objects.filter(pk__in=chunk).update(status=AlertStatus.DROPPED, reason=ENDED_UNTOLD)
    by_id = {incident.pk: incident for incident in incidents}
    alerts = [
        Alert(
            channel=alert.channel,
            website=by_id[alert.incident_id or 0].website,
            incident=by_id[alert.incident_id or 0],
            kind=AlertKind.ENDED,
            due_at=now,
        )
        for alert in begun.select_related("channel").order_by("pk")
        if alert.channel.wants_up and alert.channel.is_active
    ]
    Alert.objects.bulk_create(alerts)


def changed(changes: Sequence[Change]) -> None:
    """Alert the channels of values that are others than before, where their websites ask for that."""
    wanted = [change for change in changes if change.website.alert_on_value_change and change.old is not None]
    if not wanted:
        return
    routing, now = Routing(), timezone.now()
    Alert.objects.bulk_create(
        Alert(
            channel=channel,
            website=change.website,
            kind=AlertKind.VALUE,
            data={"old": change.old, "new": change.new, "seen_at": change.seen_at.isoformat()},
            due_at=now,
        )
        for change in wanted
        for channel in routing.of(change.website, "wants_value")
    )


def _alert(channel: Channel, incident: Incident, now: datetime, hold: timedelta) -> Alert:
    wait = max(timedelta(seconds=channel.delay), hold)
    return Alert(
        channel=channel,
        website=incident.website,
        incident=incident,
        kind=AlertKind.BEGAN,
        due_at=now + wait,
        is_deferred=bool(wait),
    )


def _window() -> timedelta:
    return timedelta(seconds=settings.FLAPPING_WINDOW)


def _flapping(incidents: Sequence[Incident]) -> dict[int, Flapping]:
    """Those of their websites that had gone down too often lately, by website id."""
    if not settings.FLAPPING_OUTAGES or not incidents:
        return {}
    # By the checks, not by now: they may have been kept while the database was away.
    since = {incident.website_id: incident.started_at - _window() for incident in incidents}
    changes = StateChange.objects.filter(
        website__in=since, new=State.DOWN, changed_at__gt=min(since.values()) - _window()
    )
    moments: dict[int, list[datetime]] = defaultdict(list)
    for website_id, changed_at in changes.order_by("changed_at", "pk").values_list("website_id", "changed_at"):
        moments[website_id].append(changed_at)
    found: dict[int, Flapping] = {}
    for website_id, went_down in moments.items():
        outages = sum(moment > since[website_id] for moment in went_down)
        if outages >= settings.FLAPPING_OUTAGES:
            *earlier, _ = went_down
            before = sum(moment > earlier[-1] - _window() for moment in earlier) if earlier else 0
            found[website_id] = Flapping(outages, goes_on=before >= settings.FLAPPING_OUTAGES)
    return found


def _told_of_flapping(flapping: Mapping[int, Flapping], now: datetime) -> set[tuple[int, int]]:
    """Channel and website of each alert about flapping that is still true."""
    if not flapping:
        return set()
    alerts = Alert.objects.filter(website__in=flapping, kind=AlertKind.FLAPPING).exclude(status=AlertStatus.DROPPED)
    going_on = [website_id for website_id, flaps in flapping.items() if flaps.goes_on]
    alerts = alerts.filter(Q(created_at__gt=now - _window()) | Q(website__in=going_on))
    return set(alerts.values_list("channel_id", "website_id"))
