"""Waiting alerts become deliveries: held back while it is quiet, dropped where they are over, gathered into groups."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from monitoring import maintenance
from monitoring.models import Alert, AlertKind, AlertStatus, Channel, Delivery, Incident
from monitoring.notifications import wording
from monitoring.notifications.grouping import WITHIN, causes, groups
from monitoring.notifications.outbox import ENDED_UNTOLD
from monitoring.schedule import chunks
from websites import locks
from websites.models import Website

# A group is complete when nothing was added to it for so long, or so long after its first.
QUIET = timedelta(seconds=3)
LONGEST = timedelta(seconds=70)
# While more than so many of one channel go on coming, they are not looked at each time.
FEW = 200
# What is sent so long after it was to be says how late it is.
TIMELY = timedelta(minutes=3)
# How long a delivery is tried.
TRIED_FOR = timedelta(hours=24)
# What is needed of an alert: a website alone has forty columns.
_RELATED = ("incident", "website", "website__certificate")
_COLUMNS = (
    *("channel", "website", "incident", "kind", "status", "data", "created_at", "due_at", "is_deferred"),
    *("website__website_url", "website__tags"),
    *(f"incident__{field.name}" for field in Incident._meta.fields if field.name not in ("note", "acknowledged_by")),
    *(f"website__certificate__{name}" for name in ("subject", "issuer", "not_after")),
)
BEGAN_LOST = "Its beginning was not told."


class Beginning(NamedTuple):
    """The delivery that tells of a beginning, and its status; None for both while the beginning waits.

    Of the delivery itself no more is read: one text may tell of thousands of websites.
    """

    delivery_id: int | None
    status: str | None


def remind(now: datetime) -> None:
    """Add reminders of what lasts, is not acknowledged, and was told long enough ago."""
    reminding = Channel.objects.filter(is_active=True, reminder_interval__isnull=False)
    for channel_id in list(reminding.order_by().values_list("pk", flat=True)):
        with transaction.atomic():
            channel = reminding.select_for_update(no_key=True).filter(pk=channel_id).first()
            if channel is not None:
                _remind(channel, now)


def _remind(channel: Channel, now: datetime) -> None:
    told = channel.alerts.filter(kind__in=[AlertKind.BEGAN, AlertKind.REMINDER], incident__ended_at=None)
    told = told.filter(incident__acknowledged_at=None).exclude(status=AlertStatus.DROPPED)
    due = told.order_by().values("incident", "website").annotate(last=Max("delivery__sent_at"))
    due = due.filter(last__lte=now - timedelta(seconds=channel.reminder_interval or 0))
    is_waiting = Q(delivery=None) | Q(delivery__status=Delivery.Status.PENDING)
    waiting = set(told.filter(is_waiting).values_list("incident", flat=True))
    untold = [row for row in due if row["incident"] not in waiting]
    there = locks.hold(Website, {row["website"] for row in untold})
    Alert.objects.bulk_create(
        Alert(
            channel=channel,
            website_id=row["website"],
            incident_id=row["incident"],
            kind=AlertKind.REMINDER,
            due_at=now,
            is_deferred=True,
        )
        for row in untold
        if row["website"] in there
    )


def gather(now: datetime) -> None:
    """Make deliveries of what is due, a channel at a time."""
    due = Alert.objects.filter(status=AlertStatus.WAITING, due_at__lte=now, channel__is_active=True)
    for channel_id in list(due.order_by().values_list("channel", flat=True).distinct()):
        with transaction.atomic():
            # Whoever gathers for it at the same time waits, and then finds nothing left.
            channel = Channel.objects.select_for_update(no_key=True).filter(pk=channel_id, is_active=True).first()
            if channel is not None:
                _gather(channel, now)


def _gather(channel: Channel, now: datetime) -> None:
    waiting = channel.alerts.filter(status=AlertStatus.WAITING, due_at__lte=now)
    if _goes_on(waiting, now):
        return
    # Locked, so that what ends in this moment is either not told any more or has its end told as well.
    locked = waiting.select_for_update(of=("self",), no_key=True)
    alerts = list(locked.select_related(*_RELATED).only(*_COLUMNS).order_by("pk"))
    quiet_until = maintenance.quiet_until(channel, now)
    if quiet_until is not None:
        _defer(alerts, dict.fromkeys((alert.website_id for alert in alerts), quiet_until))
        return
    alerts = _defer(alerts, maintenance.muted_until([alert.website for alert in alerts], now))
    over, alerts = _split(alerts)
    _drop(over, ENDED_UNTOLD)
    told = _beginnings(channel, alerts)
    _drop([alert for alert in alerts if _is_orphan(alert, told)], BEGAN_LOST)
    sending = _incidents_being_told(channel, alerts)
    ready = [
        alert
        for alert in alerts
        if alert.kind != AlertKind.ENDED or (_is_sent(told.get(alert.pk)) and alert.incident_id not in sending)
    ]
    told_lately = _told_lately(channel, now) if ready else {}
    told_by = {pk: beginning.delivery_id for pk, beginning in told.items() if beginning.delivery_id is not None}
    for group in groups(ready, told_by):
        if _is_complete(group, now) and not _follows(group, told_lately):
            _deliver(channel, group)


def _told_lately(channel: Channel, now: datetime) -> dict[Hashable, set[int]]:
    """The websites of which something was told within the last minute, by what others may share with it."""
    found: dict[Hashable, set[int]] = defaultdict(set)
    alerts = channel.alerts.filter(status=AlertStatus.TOLD, created_at__gt=now - WITHIN, incident__isnull=False)
    for alert in alerts.select_related(*_RELATED).only(*_COLUMNS):
        for cause in causes(alert):
            found[cause].add(alert.website_id)
    return found


def _follows(group: Sequence[Alert], told_lately: Mapping[Hashable, set[int]]) -> bool:
    """Whether others with the same cause were told of just now: the first is told at once, the rest after a minute."""
    return any(
        told_lately[cause] - {alert.website_id}
        for alert in group
        if alert.incident is not None
        for cause in causes(alert)
        if cause in told_lately
    )


def _goes_on(waiting: QuerySet[Alert], now: datetime) -> bool:
    """Whether many come, and more of them: no group is complete then."""
    facts = waiting.aggregate(count=Count("pk"), first=Min("created_at"), last=Max("created_at"))
    return bool(facts["count"] > FEW and now - facts["last"] < QUIET and now - facts["first"] < LONGEST)


def _defer(alerts: Iterable[Alert], until: Mapping[int, datetime]) -> list[Alert]:
    """Put off those whose website has a moment in `until`; returns the others."""
    others: list[Alert] = []
    deferred: dict[datetime, list[int]] = defaultdict(list)
    for alert in alerts:
        if alert.website_id in until:
            deferred[until[alert.website_id]].append(alert.pk)
        else:
            others.append(alert)
    for moment, pks in deferred.items():
        for chunk in chunks(pks):
            Alert.objects.filter(pk__in=chunk).update(due_at=moment, is_deferred=True)
    return others


def _split(alerts: Iterable[Alert]) -> tuple[list[Alert], list[Alert]]:
    """Those that waited for something and were over meanwhile, and the others."""
    over: list[Alert] = []
    others: list[Alert] = []
    for alert in alerts:
        ended = alert.incident is not None and alert.incident.ended_at is not None
        is_over = ended and alert.kind != AlertKind.ENDED and alert.is_deferred
        (over if is_over else others).append(alert)
    return over, others


def _drop(alerts: Sequence[Alert], reason: str) -> None:
    for chunk in chunks([alert.pk for alert in alerts]):
        Alert.objects.filter(pk__in=chunk).update(status=AlertStatus.DROPPED, reason=reason)


def _beginnings(channel: Channel, alerts: Iterable[Alert]) -> dict[int, Beginning]:
    """For each alert of an end, how its beginning is told; absent if that was dropped."""
    ends = {alert.incident_id: alert.pk for alert in alerts if alert.kind == AlertKind.ENDED}
    found: dict[int, Beginning] = {}
    for chunk in chunks(list(ends)):
        begun = channel.alerts.filter(kind=AlertKind.BEGAN, incident__in=chunk).exclude(status=AlertStatus.DROPPED)
        for incident_id, delivery_id, status in begun.values_list("incident", "delivery", "delivery__status"):
            found[ends[incident_id]] = Beginning(delivery_id, status)
    return found


def _incidents_being_told(channel: Channel, alerts: Iterable[Alert]) -> set[int | None]:
    """Those that end, and of which something is still on its way: a reminder after the end would be untrue."""
    ends = {alert.incident_id for alert in alerts if alert.kind == AlertKind.ENDED}
    pending = channel.alerts.filter(delivery__status=Delivery.Status.PENDING)
    some = (pending.filter(incident__in=chunk).values_list("incident", flat=True) for chunk in chunks(list(ends)))
    return {incident_id for incident_ids in some for incident_id in incident_ids}


def _is_sent(beginning: Beginning | None) -> bool:
    return beginning is not None and beginning.status == Delivery.Status.SENT


def _is_orphan(alert: Alert, told: Mapping[int, Beginning]) -> bool:
    """Whether it tells of the end of what was never told, and never will be."""
    if alert.kind != AlertKind.ENDED:
        return False
    beginning = told.get(alert.pk)
    return beginning is None or beginning.status == Delivery.Status.FAILED


def revive_ends(delivery_ids: Collection[int]) -> None:
    """Have the ends told that were dropped since these deliveries of their beginnings had failed."""
    begun = Alert.objects.filter(
        kind=AlertKind.BEGAN, delivery__in=delivery_ids, channel=OuterRef("channel"), incident=OuterRef("incident")
    )
    lost = Alert.objects.filter(Exists(begun), kind=AlertKind.ENDED, status=AlertStatus.DROPPED, reason=BEGAN_LOST)
    lost.update(status=AlertStatus.WAITING, reason="")


def _is_complete(group: Sequence[Alert], now: datetime) -> bool:
    begun = [max(alert.created_at, alert.due_at) for alert in group]
    return now - max(begun) >= QUIET or now - min(begun) >= LONGEST


def _deliver(channel: Channel, group: Sequence[Alert]) -> None:
    now, group = timezone.now(), wording.worst_first(group)
    delivery = Delivery.objects.create(
        channel=channel,
        title=wording.title(group),
        text=wording.text(group),
        payload=wording.payload(group, began_in(channel, group)),
        timely_until=max(alert.due_at for alert in group) + TIMELY,
        tried_until=now + TRIED_FOR,
    )
    for chunk in chunks([alert.pk for alert in group]):
        Alert.objects.filter(pk__in=chunk).update(status=AlertStatus.TOLD, delivery=delivery)


def began_in(channel: Channel, alerts: Iterable[Alert], going: Collection[int] = ()) -> list[dict[str, Any]]:
    """Which messages told of the beginning of what ends or goes on, as a payload has it (see `wording.payload`).

    Websites with an id in `going` are not counted any more.
    """
    later = {alert.incident_id for alert in alerts if alert.kind in (AlertKind.ENDED, AlertKind.REMINDER)}
    if not later:
        return []
    begun = channel.alerts.filter(kind=AlertKind.BEGAN, delivery__isnull=False)
    keys: dict[int, Any] = {}
    for chunk in chunks(list(later)):
        keys.update(begun.filter(incident__in=chunk).values_list("delivery", "delivery__key"))
    open_ones: set[int] = set()
    for chunk in chunks(list(keys)):
        lasting = begun.filter(delivery__in=chunk, incident__ended_at=None).values_list("delivery", "website")
        open_ones.update(delivery for delivery, website_id in lasting if website_id not in going)
    return [{"delivery": str(keys[pk]), "is_over": pk not in open_ones} for pk in sorted(keys)]
