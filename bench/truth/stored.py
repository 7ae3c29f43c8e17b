"""Reads what a run stored, and fills in what it watches."""

import secrets
import time
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from bench.truth import places
from bench.truth.alerts import GRACE, Event, Told
from bench.truth.history import Site, Span
from bench.truth.judge import Seen
from bench.truth.sites import PATTERN

# Seconds for every website to be seen up.
PATIENCE = 60.0
POLL = 1.0


def fill(sites: Sequence[Site], interval: int, *, wired: bool) -> list[int]:
    """Add the websites; returns their ids, in the order of the sites."""
    from websites.models import Website

    websites = Website.objects.bulk_create(
        Website(
            website_url=places.place(number, len(sites), wired=wired).url,
            monitoring_interval=interval,
            regex=PATTERN,
            regex_must_match=site.must_match,
            slow_threshold=site.slow_threshold,
        )
        for number, site in enumerate(sites)
    )
    return [website.pk for website in websites]


def add_channel(port: int) -> str:
    """A webhook for everything; returns its secret."""
    from monitoring.models import Channel, ChannelKind
    from websites.encryption import encrypt

    secret = secrets.token_urlsafe(32)
    Channel.objects.create(
        name="receiver",
        kind=ChannelKind.WEBHOOK,
        target=encrypt(f"http://127.0.0.1:{port}/alerts"),
        secret=encrypt(secret),
    )
    return secret


def wait_until_up(count: int) -> None:
    """Raises `RuntimeError` where not all websites are seen up in time."""
    from monitoring.models import State, WebsiteState

    deadline = time.monotonic() + PATIENCE
    while (up := WebsiteState.objects.filter(state=State.UP).count()) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {up} of {count} websites were seen up within {PATIENCE:g} s")
        time.sleep(POLL)


def wait_until_told(patience: float) -> None:
    """Wait until nothing is on its way to the receiver, at most for so many seconds."""
    deadline = time.monotonic() + patience
    while _are_on_their_way() and time.monotonic() < deadline:
        time.sleep(POLL)


def _are_on_their_way() -> bool:
    from monitoring.models import Alert, AlertStatus, Delivery

    due = Alert.objects.filter(status=AlertStatus.WAITING, due_at__lte=datetime.now(UTC))
    return due.exists() or Delivery.objects.filter(status=Delivery.Status.PENDING).exists()


def incidents(kind: str, website_ids: Sequence[int]) -> list[Seen]:
    """All incidents of a kind; a site is the place of its website among the ids."""
    from monitoring.models import Incident

    numbers = {pk: number for number, pk in enumerate(website_ids)}
    return [
        Seen(
            incident.pk,
            numbers[incident.website_id],
            _seconds(incident.started_after),
            incident.started_before.timestamp(),
            incident.opened_at.timestamp(),
            _seconds(incident.ended_after),
            _seconds(incident.ended_before),
        )
        for incident in Incident.objects.filter(kind=kind).order_by("pk")
    ]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def ends() -> dict[int, bool]:
    """For each incident whether it is over."""
    from monitoring.models import Incident

    return {pk: ended_at is not None for pk, ended_at in Incident.objects.order_by("pk").values_list("pk", "ended_at")}


def alerts(website_ids: Sequence[int]) -> list[Told]:
    """What was to be told of incidents."""
    from monitoring.models import Alert, AlertStatus, Delivery
    from monitoring.notifications.outbox import ENDED_UNTOLD

    numbers, now = {pk: number for number, pk in enumerate(website_ids)}, datetime.now(UTC)
    long_ago = now - timedelta(seconds=GRACE)
    told: list[Told] = []
    for alert in Alert.objects.filter(incident__isnull=False).select_related("delivery").order_by("pk"):
        delivery = alert.delivery
        is_waiting = alert.status == AlertStatus.WAITING
        is_tried = is_waiting and long_ago < alert.due_at <= now
        if delivery is not None:
            is_tried = delivery.status == Delivery.Status.PENDING and delivery.due_at > long_ago
        is_over = alert.status == AlertStatus.DROPPED and alert.reason == ENDED_UNTOLD
        told.append(
            Told(
                Event(alert.incident_id or 0, alert.kind),
                numbers[alert.website_id],
                is_tried=is_tried,
                is_held=(is_waiting and alert.due_at > now) or is_over,
            )
        )
    return told


def first_check_after(moment: float) -> float:
    """When the first check was made after that moment (Unix times); that moment without any."""
    from monitoring.models import MonitoringData

    later = MonitoringData.objects.filter(entry_timestamp__gt=datetime.fromtimestamp(moment, UTC))
    first = later.order_by("entry_timestamp").values_list("entry_timestamp", flat=True).first()
    return moment if first is None else first.timestamp()


def outcomes(span: Span, website_ids: Collection[int]) -> dict[str, int]:
    """What checks of these websites were taken for, by outcome and error, of those made in this span (Unix times)."""
    from monitoring.models import MonitoringData

    between = (datetime.fromtimestamp(span.start, UTC), datetime.fromtimestamp(span.end, UTC))
    rows = MonitoringData.objects.filter(entry_timestamp__range=between, website_id__in=website_ids)
    pairs = Counter(
        f"{outcome} ({error})" if error else outcome for outcome, error in rows.values_list("outcome", "error")
    )
    return dict(pairs.most_common())


def checks() -> int:
    from monitoring.models import MonitoringData

    return MonitoringData.objects.count()


def attempts() -> int:
    """To send something."""
    from monitoring.models import DeliveryAttempt

    return DeliveryAttempt.objects.count()
