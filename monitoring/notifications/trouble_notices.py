"""Channels are told once that the monitor itself is in trouble, and once that it is over.

All active channels are, whatever websites they are about: whoever relies on the monitor must know that it does not
see. Their delay and quiet hours hold, as for websites. What comes again within `CALM` is the same trouble, so its end
is told only after so long; what is over before it was told is not told at all.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from monitoring import maintenance, troubles
from monitoring.models import Channel, Delivery, Trouble, TroubleKind, TroubleNotice
from monitoring.notifications.gathering import TIMELY, TRIED_FOR
from monitoring.notifications.wording import span, utc
from monitoring.troubles import Current
from monitoring.wall_clock import iso
from websites import locks

# What is shorter is told to nobody: nobody could do anything about it. To be cut off is said only once it lasts.
LASTING = {TroubleKind.OVERLOADED: timedelta(seconds=30), TroubleKind.CUT_OFF: timedelta()}
CALM = timedelta(minutes=10)
BEGAN, ENDED = "trouble", "trouble_ended"


def tell(now: datetime) -> None:
    """Make deliveries of troubles that began and ended; a channel at a time, whoever else does the same meanwhile."""
    for current in troubles.current():
        if now - current.began_at >= LASTING[current.kind]:
            _tell_beginning(current, now)
    for kind in TroubleNotice.objects.order_by().values_list("kind", flat=True).distinct():
        seen_at = troubles.last_seen(TroubleKind(kind))
        if seen_at is None or now - seen_at > CALM:
            _tell_end(TroubleKind(kind), now)


def _tell_beginning(current: Current, now: datetime) -> None:
    channels = Channel.objects.filter(is_active=True)
    untold = channels.exclude(trouble_notices__kind=current.kind)
    for channel_id in list(untold.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            channel = channels.select_for_update(no_key=True).filter(pk=channel_id).first()
            # Whoever told it at the same time was waited for.
            if channel is None or channel.trouble_notices.filter(kind=current.kind).exists():
                continue
            if _is_due(channel, current, now):
                _note(channel, current, _deliver(channel, _began(current), now))


def _note(channel: Channel, current: Current, delivery: Delivery) -> None:
    TroubleNotice.objects.create(channel=channel, kind=current.kind, began_at=current.began_at, delivery=delivery)
    Trouble.objects.filter(kind=current.kind, ended_at=None, told_at=None).update(told_at=delivery.created_at)


def _is_due(channel: Channel, current: Current, now: datetime) -> bool:
    lasts = (now - current.began_at).total_seconds()
    return lasts >= channel.delay and maintenance.quiet_until(channel, now) is None


def _tell_end(kind: TroubleKind, now: datetime) -> None:
    """Whom the beginning has not reached yet waits for that; whom it never reaches is told nothing more."""
    ended_at = troubles.last_seen(kind) or now
    over = TroubleNotice.objects.filter(kind=kind).exclude(delivery__status=Delivery.Status.PENDING)
    for pk, channel_id in list(over.order_by("pk").values_list("pk", "channel")):
        with transaction.atomic():
            # Whoever deletes it wants its notices next.
            locks.hold(Channel, [channel_id])
            notices = TroubleNotice.objects.select_for_update(of=("self",), no_key=True)
            notice = notices.select_related("channel", "delivery").filter(pk=pk).first()
            if notice is None:
                continue
            channel = notice.channel
            if notice.delivery.status == Delivery.Status.SENT and channel.wants_up and channel.is_active:
                _deliver(channel, _ended(notice, ended_at), now)
            notice.delete()


def _began(current: Current) -> dict[str, Any]:
    kind = current.kind
    facts = {"words": current.words, "affected": current.affected, "ended_at": None}
    return {
        "title": f"The monitor is {kind.label}",
        "text": f"the monitor is {current.sentence}\nSince {utc(current.began_at)}. {current.advice}",
        "payload": _payload(BEGAN, f"The monitor is {kind.label}", kind, current.began_at, facts),
    }


def _ended(notice: TroubleNotice, ended_at: datetime) -> dict[str, Any]:
    kind = TroubleKind(notice.kind)
    subject = f"The monitor is no longer {kind.label}"
    return {
        "title": f"{subject}: after {span((ended_at - notice.began_at).total_seconds())}",
        "text": f"the monitor is no longer {kind.label}: from {utc(notice.began_at)} until {utc(ended_at)}",
        "payload": {
            **_payload(ENDED, subject, kind, notice.began_at, {"ended_at": iso(ended_at)}),
            "began_in": [{"delivery": str(notice.delivery.key), "is_over": True}],
        },
    }


def _payload(
    event: str, subject: str, kind: TroubleKind, began_at: datetime, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """JSON for programs; docs/alerts.md has its fields."""
    trouble = {"kind": kind.value, "began_at": iso(began_at), **facts}
    return {"event": event, "subject": subject, "count": 0, "websites": [], "trouble": trouble}


def _deliver(channel: Channel, message: dict[str, Any], now: datetime) -> Delivery:
    return Delivery.objects.create(
        channel=channel, timely_until=now + TIMELY, tried_until=timezone.now() + TRIED_FOR, **message
    )
