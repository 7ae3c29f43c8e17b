"""Deliveries are sent, until they arrive or a day has passed; each attempt is written down.

Who sends one claims it for `CLAIM`: a process that ends between sending and writing that down leaves it to another one,
which sends it once more with the same key.
"""

import contextlib
import functools
import random
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from monitoring import maintenance, stopping
from monitoring.models import Channel, Delivery, DeliveryAttempt
from monitoring.notifications import gathering, senders, trouble_notices, wording
from monitoring.notifications.messages import Message, Receipt
from monitoring.schedule import chunks
from websites import locks
from websites.encryption import UnreadableSecretError, decrypt

# Longer than any attempt takes.
CLAIM = timedelta(seconds=30)
# Seconds until the second attempt, doubled with each further one up to the longest, and changed at random by a fifth.
FIRST_DELAY = 10.0
LONGEST_DELAY = 1_800.0
JITTER = 0.2
# Channels served at once, how many of them may be such whose last attempt took `SLOW` seconds or longer, and deliveries
# that a channel gets in one turn, if it is none of these.
AT_ONCE, SLOW_AT_ONCE = 32, 24
SLOW = 5.0
A_TURN = 20
# Seconds that a pass waits for the turns of its channels. What takes longer goes on beside the next passes, so that a
# slow receiver is nobody else's.
PATIENCE = 1.0
# Seconds for which a thread of the process may go on while others wait, as long as messages are made. The engine's
# gives way each time it looks at the network; beside a message about thousands of websites, which takes a second, it
# would wait for Python's own 5 ms each time.
SWITCH_INTERVAL = 0.0002
# So many failures in a row end the turn of a channel: then it is the receiver, and not one message.
FAILURES_IN_A_ROW = 2
# Where a receiver takes something again, what waits for it does so no longer than after its first failure, as long as
# it has not failed more often than this.
HASTENED = 6

_running = threading.Lock()
# By channel; whoever has `_running` reads and writes them.
_turns: dict[int, Future[None]] = {}
# Channels whose last attempt was slow, and its end (monotonic).
_slow: dict[int, float] = {}


def work() -> None:
    """Make deliveries of what is due, and send those that are; where that takes long, it goes on afterwards.

    Passes where this process is at it already.
    """
    if not _running.acquire(blocking=False):
        return
    try:
        with _giving_way():
            now = timezone.now()
            gathering.remind(now)
            gathering.gather(now)
            trouble_notices.tell(now)
            _send_all()
    finally:
        _running.release()


@contextlib.contextmanager
def _giving_way() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _send_all() -> None:
    _end_turns()
    due = set(_due(timezone.now()).order_by().values_list("channel", flat=True).distinct())
    for channel_id in _first_to_last(due - _turns.keys()):
        _turns[channel_id] = _pool().submit(_serve, channel_id)
    wait(_turns.values(), PATIENCE)
    _end_turns()


def _first_to_last(channel_ids: Iterable[int]) -> list[int]:
    """Those that are quick, or new; then as many slow ones as there is room for, the longest waiting first."""
    quick = [channel_id for channel_id in channel_ids if channel_id not in _slow]
    slow = sorted(set(channel_ids) & _slow.keys(), key=lambda channel_id: _slow[channel_id])
    room = SLOW_AT_ONCE - len(_turns.keys() & _slow.keys())
    return sorted(quick) + slow[: max(room, 0)]


def _end_turns() -> None:
    """Forget the turns that are over. Raises what one of them ended with."""
    for channel_id in [channel_id for channel_id, turn in _turns.items() if turn.done()]:
        _turns.pop(channel_id).result()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliveries")


def _serve(channel_id: int) -> None:
    """Send what is due of one channel, in the order it came about, until the receiver seems to be away."""
    failures = 0
    try:
        for _ in range(A_TURN):
            delivery = None if stopping.is_asked() else _claim(channel_id)
            if delivery is None:
                return
            begun = time.monotonic()
            failures = 0 if attempt(delivery) else failures + 1
            _note_pace(channel_id, begun)
            if failures == FAILURES_IN_A_ROW or channel_id in _slow:
                return
    finally:
        connections.close_all()


def _note_pace(channel_id: int, begun: float) -> None:
    now = time.monotonic()
    if now - begun >= SLOW:
        _slow[channel_id] = now
    else:
        _slow.pop(channel_id, None)


def _due(now: datetime) -> QuerySet[Delivery]:
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    wanted = Q(channel__is_active=True, follows=None) | Q(follows__status=Delivery.Status.SENT)
    return Delivery.objects.filter(free, wanted, status=Delivery.Status.PENDING, due_at__lte=now)


def _claim(channel_id: int) -> Delivery | None:
    with transaction.atomic():
        now = timezone.now()
        # A channel is served by one at a time, so that an end never overtakes its beginning.
        channel = Channel.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=channel_id).first()
        if channel is None:
            return None
        quiet_until = maintenance.quiet_until(channel, now)
        if quiet_until is not None:
            _due(now).filter(channel=channel_id).update(due_at=quiet_until)
            return None
        if Delivery.objects.filter(channel=channel_id, claimed_until__gte=now, status=Delivery.Status.PENDING).exists():
            return None
        delivery = _due(now).filter(channel=channel_id).select_related("channel").order_by("created_at", "pk").first()
        if delivery is not None:
            delivery.claimed_until = now + CLAIM
            delivery.save(update_fields=["claimed_until"])
        return delivery


def attempt(delivery: Delivery) -> bool:
    """Send a claimed delivery once, and write down how that went; whether it arrived."""
    begun_at, begun = timezone.now(), time.monotonic()
    receipt = _send(delivery, begun_at)
    seconds = time.monotonic() - begun
    with transaction.atomic():
        if not Delivery.objects.select_for_update(no_key=True).filter(pk=delivery.pk).exists():
            # Deleted with its channel meanwhile.
            return receipt.is_delivered
        DeliveryAttempt.objects.create(
            delivery=delivery,
            begun_at=begun_at,
            seconds=seconds,
            is_delivered=receipt.is_delivered,
            detail=receipt.detail,
        )
        delivery.attempts += 1
        delivery.claimed_until = None
        _decide(delivery, receipt)
        delivery.save(update_fields=["attempts", "claimed_until", "status", "sent_at", "due_at", "not_before"])
        if receipt.is_delivered:
            _hasten(delivery.channel_id)
        if delivery.status == Delivery.Status.FAILED:
            Delivery.objects.filter(follows=delivery).update(status=Delivery.Status.FAILED)
    return receipt.is_delivered


def _decide(delivery: Delivery, receipt: Receipt) -> None:
    now = timezone.now()
    if receipt.is_delivered:
        delivery.status, delivery.sent_at = Delivery.Status.SENT, now
        return
    if now >= delivery.tried_until:
        delivery.status = Delivery.Status.FAILED
        return
    due_at = now + timedelta(seconds=max(receipt.retry_after or 0.0, _delay(delivery.attempts)))
    # However long the receiver asks for, it is tried once more at the end.
    delivery.due_at = min(due_at, delivery.tried_until)
    delivery.not_before = now + timedelta(seconds=receipt.retry_after) if receipt.retry_after else None


def _hasten(channel_id: int) -> None:
    """Have what failed while the receiver was away tried soon."""
    soon = timezone.now() + timedelta(seconds=FIRST_DELAY)
    waiting = Delivery.objects.filter(channel=channel_id, status=Delivery.Status.PENDING, due_at__gt=soon)
    waiting = waiting.filter(Q(not_before=None) | Q(not_before__lte=soon), attempts__lte=HASTENED)
    waiting.update(due_at=soon)


def _delay(attempts: int) -> float:
    """Seconds until the next attempt."""
    delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempts - 1, 20))
    return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def _send(delivery: Delivery, now: datetime) -> Receipt:
    channel = delivery.channel
    late = (now - delivery.timely_until).total_seconds()
    text, payload = delivery.text, delivery.payload
    if late > 0:
        late += gathering.TIMELY.total_seconds()
        text = f"{wording.lateness(late)}\n{text}"
    payload = payload | {"delivery": str(delivery.key), "late_by": round(max(late, 0.0), 3)}
    message = Message(key=str(delivery.key), title=delivery.title, text=text, payload=payload)
    try:
        target, secret = decrypt(channel.target), decrypt(channel.secret) if channel.secret else ""
    except UnreadableSecretError as error:
        return Receipt(is_delivered=False, detail=f"The channel's address cannot be read: {error}.")
    return senders.send(channel.kind, target, secret, message)


def send_test(channel: Channel) -> Delivery:
    """Send a message that says that it is a test, and return what became of it.

    Raises `Channel.DoesNotExist` where the channel was deleted meanwhile.
    """
    now = timezone.now()
    with transaction.atomic():
        Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
        delivery = Delivery.objects.create(
            channel=channel,
            title="Test: this channel works",
            text=f"webmonitor sends to the channel {channel.name}.",
            payload={"event": "test", "subject": "Test", "count": 0, "websites": []},
            timely_until=now + gathering.TIMELY,
            tried_until=now,
            claimed_until=now + CLAIM,
        )
    attempt(delivery)
    return delivery


def replay(deliveries: Iterable[Delivery]) -> int:
    """Have deliveries that failed tried again, at once and for a day more, and then their ends told; how many."""
    now = timezone.now()
    with transaction.atomic():
        deliveries = list(deliveries)
        # Whoever deletes one of them wants its alerts before its deliveries.
        locks.hold(Channel, {delivery.channel_id for delivery in deliveries})
        failed = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries], status=Delivery.Status.FAILED)
        pks = list(failed.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        for chunk in chunks(pks):
            gathering.revive_ends(chunk)
            lost = Q(pk__in=chunk) | Q(follows__in=chunk, status=Delivery.Status.FAILED)
            Delivery.objects.filter(lost).update(
                status=Delivery.Status.PENDING, due_at=now, tried_until=now + gathering.TRIED_FOR
            )
    return len(pks)
