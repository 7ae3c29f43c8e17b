"""Alerts that are to be told as one: what begins within a minute and shares a cause."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from monitoring.current import certificate_of
from monitoring.models import Alert, AlertKind, CheckError
from monitoring.witnesses import domain_of, place_of

WITHIN = timedelta(minutes=1)
# More websites than this with the same kind of error have a cause in common, whatever it is.
MANY = 5
# What a network that is away looks like.
UNREACHED = (CheckError.CONNECT, CheckError.TIMEOUT)
# Of what websites may share, what has a name that says something; the nearest first.
NAMED = ("host", "address", "network", "domain")


def groups(alerts: Sequence[Alert], told: Mapping[int, int]) -> list[list[Alert]]:
    """Alerts of one channel, each in one group, the earliest first.

    Of one kind alone, two are in one group where they are at most a minute apart and share a host, a remote address, a
    certificate that does not pass, a network or a domain of which nothing is heard, the delivery that told of their
    beginning, or, where they are more than `MANY`, the kind of error. `told` has that delivery by the alert's id.
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


def causes(alert: Alert) -> Iterator[tuple[Any, ...]]:
    """What two alerts of one kind may share that makes them one matter, however few they are."""
    kind, incident, host = _kind(alert), alert.incident, urlsplit(alert.website.website_url).hostname
    yield "host", kind, host
    if incident is None:
        return
    if incident.remote_ip:
        yield "address", kind, incident.remote_ip
    if incident.remote_ip and incident.error in UNREACHED and not incident.http_status:
        yield "network", kind, place_of(incident.remote_ip).network
    if incident.error == CheckError.DNS and host:
        yield "domain", kind, domain_of(host)
    if incident.error == CheckError.TLS and (certificate := certificate_of(alert.website)) is not None:
        yield "certificate", kind, certificate.subject, certificate.issuer, certificate.not_after


def shared(alerts: Sequence[Alert]) -> tuple[str, str] | None:
    """What the websites of all these alerts have in common, as `(NAMED[n], its name)`: the first that there is."""
    if len({alert.website_id for alert in alerts}) < 2:
        return None
    common = set.intersection(*({(name, value) for name, _, value, *_ in causes(alert)} for alert in alerts))
    return next((one for name in NAMED for one in common if one[0] == name and one[1]), None)


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
