"""Alerts that are to be told as one: what begins within a minute and shares a cause."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from monitoring.current import certificate_of
from monitoring.models import Alert, AlertKind, CheckError

WITHIN = timedelta(minutes=1)
# More websites than this with the same kind of error have a cause in common, whatever it is.
MANY = 5


def groups(alerts: Sequence[Alert], told: Mapping[int, int]) -> list[list[Alert]]:
    """Alerts of one channel, each in one group, the earliest first.

    Of one kind alone, two are in one group where they are at most a minute apart and share a host, a remote address, a
    certificate that does not pass, the delivery that told of their beginning, or, where they are more than `MANY`, the
    kind of error. `told` has that delivery by the alert's id.
    """
    alike: dict[Hashable, list[Alert]] = defaultdict(list)
    for alert in alerts:
        for key in (*causes(alert), *_other_keys(alert, told.get(alert.pk))):
            alike[key].append(alert)
    roots = {alert.pk: alert.pk for alert in alerts}

    def root(pk: int) -> int:
        while roots[pk] != pk:
            roots[pk] = pk = roots[roots[pk]]
        return pk

    for key, members in alike.items():
        for near in _runs(members):
            if isinstance(key, tuple) and key[0] == "error" and len(near) <= MANY:
                continue
            for member in near[1:]:
                roots[root(member.pk)] = root(near[0].pk)
    found: dict[int, list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=lambda alert: (_moment(alert), alert.pk)):
        found[root(alert.pk)].append(alert)
    return list(found.values())


def causes(alert: Alert) -> Iterator[Hashable]:
    """What two alerts of one kind may share that makes them one matter, however few they are."""
    kind, incident = _kind(alert), alert.incident
    yield "host", kind, urlsplit(alert.website.website_url).hostname
    if incident is None:
        return
    if incident.remote_ip:
        yield "address", kind, incident.remote_ip
    if incident.error == CheckError.TLS and (certificate := certificate_of(alert.website)) is not None:
        yield "certificate", kind, certificate.subject, certificate.issuer, certificate.not_after


def _other_keys(alert: Alert, told: int | None) -> Iterator[Hashable]:
    kind, incident = _kind(alert), alert.incident
    yield ("error", kind) if incident is None else ("error", kind, incident.error, incident.http_status)
    if told is not None:
        yield "told", kind, told


def _kind(alert: Alert) -> Hashable:
    incident = alert.incident
    return (alert.kind, incident.kind, incident.end_reason) if incident else (alert.kind,)


def _moment(alert: Alert) -> datetime:
    incident = alert.incident
    if incident is None:
        return alert.created_at
    return incident.ended_at if alert.kind == AlertKind.ENDED and incident.ended_at else incident.started_at


def _runs(alerts: Sequence[Alert]) -> Iterator[list[Alert]]:
    """Cut where a minute has passed since the first."""
    near: list[Alert] = []
    for alert in sorted(alerts, key=_moment):
        if near and _moment(alert) - _moment(near[0]) > WITHIN:
            yield near
            near = []
        near.append(alert)
    if near:
        yield near
