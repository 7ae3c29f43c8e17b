"""From what happened, what was stored and what arrived to the figures."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from bench.scenarios import TIMEOUT_MAX, TIMEOUT_SHARE
from bench.truth import alerts, judge, report, stored
from bench.truth.alerts import Arrival, Event
from bench.truth.course import CUT_OFF, NETWORK_GONE, RESOLVER_AWAY, WORKER_KILLED
from bench.truth.history import TOGETHER, Kind, Site, Span
from bench.truth.judge import Match, Outage
from bench.truth.places import Group
from bench.truth.report import Limits, Result


class Played(NamedTuple):
    """What the others say: spells by website (kind, and Unix times), the receiver's report, and the faults."""

    spells: list[list[tuple[str, float, float]]]
    received: dict[str, Any]
    faults: dict[str, Span]


class Facts(NamedTuple):
    """Ids by site; moments in Unix time: when incidents were told, by id, and when nobody could look."""

    sites: Sequence[Site]
    website_ids: list[int]
    spells: Sequence[Outage]
    told: Mapping[int, float]
    blind: Sequence[Span]


def conclude(result: Result, sites: Sequence[Site], website_ids: list[int], beginning: float, played: Played) -> None:
    """Fill in the result. Raises `RuntimeError` where the history was not played to its end."""
    spells = _happened(sites, played)
    arrivals = _arrivals(played.received)
    facts = Facts(sites, website_ids, spells, report.told_at(arrivals, alerts.BEGAN), _blind(result, played.faults))
    matches, missed = _judge_incidents(result, facts)
    fates = alerts.fates(stored.ends(), stored.alerts(website_ids), arrivals, time.time())
    twice, overtaken = alerts.told_twice(arrivals), alerts.overtaken(arrivals)
    result.healthy = sum(not site.spells for site in sites)
    result.alerts = dict(Counter(fates.values()).most_common())
    result.repeated_keys = alerts.repeated_keys([taken["key"] for taken in played.received["accepted"]])
    result.told_twice, result.overtaken = len(twice), len(overtaken)
    counts = {"made": stored.attempts(), "accepted": len(played.received["accepted"])}
    result.receiver = counts | played.received["counts"]
    result.checks = stored.checks()
    everybody = set(range(len(sites)))
    named = {number for number, site in enumerate(sites) if site.group is Group.NAMED}
    result.cut = _meanwhile(played.faults.get(CUT_OFF), facts, everybody)
    result.unresolved = _meanwhile(played.faults.get(RESOLVER_AWAY), facts, named)
    result.together = {kind: _together(kind, matches, arrivals) for kind in TOGETHER}
    result.faults = {name: Span(span.start - beginning, span.end - beginning) for name, span in played.faults.items()}
    result.evidence = report.evidence(matches, missed, fates, beginning)
    result.evidence += [f"told twice: {event.name} of incident {event.incident}" for event in twice]
    result.evidence += [f"before its beginning: the end of incident {event.incident}" for event in overtaken]
    result.truth = [spell._asdict() | {"website_id": website_ids[spell.site]} for spell in spells]


def _judge_incidents(result: Result, facts: Facts) -> tuple[list[Match], list[Outage]]:
    """Returns every incident with what it is about, and the spells that should have one and do not."""
    down = [spell for spell in facts.spells if spell.kind != Kind.SLOW]
    slow = [spell for spell in facts.spells if spell.kind == Kind.SLOW and facts.sites[spell.site].slow_threshold]
    downs = judge.match(down, stored.incidents("down", facts.website_ids))
    slows = judge.match(slow, stored.incidents("slow", facts.website_ids))
    # Nobody asked for those.
    others = judge.match((), stored.incidents("value", facts.website_ids))
    limits = Limits(2.0 * result.interval, facts.blind, facts.told)
    # Three slow checks in a row, wherever the first one falls.
    slow_limits = Limits(4.0 * result.interval, facts.blind, facts.told)
    missed = judge.missed(down, downs, limits.least, facts.blind)
    missed_slow = judge.missed(slow, slows, slow_limits.least, facts.blind)
    result.kinds = {kind: report.figures(kind, down, downs, missed, limits) for kind in Kind if kind is not Kind.SLOW}
    result.kinds[Kind.SLOW] = report.figures(Kind.SLOW, slow, slows, missed_slow, slow_limits)
    matches = downs + slows + others
    result.median_delay = report.median_delay(downs)
    result.false = sum(one.is_false for one in matches)
    result.missed = len(missed) + len(missed_slow)
    result.uncontained = sum(not one.is_contained and not one.is_false for one in matches)
    return matches, missed + missed_slow


def _blind(result: Result, faults: Mapping[str, Span]) -> list[Span]:
    """When nobody could look: what a worker that is killed has in its hands is lost, until another one checks."""
    timeout = min(TIMEOUT_MAX, TIMEOUT_SHARE * result.interval)
    killed = faults[WORKER_KILLED].start
    return [Span(killed - timeout, stored.first_check_after(killed))]


def _arrivals(received: Mapping[str, Any]) -> list[Arrival]:
    """In the order in which they were accepted."""
    return [
        Arrival(Event(website["incident"]["id"], taken["payload"]["event"]), taken["at"], taken["key"])
        for taken in received["accepted"]
        for website in taken["payload"]["websites"]
        if "incident" in website
    ]


def _happened(sites: Sequence[Site], played: Played) -> list[Outage]:
    """Raises `RuntimeError` where that is not what was planned."""
    planned = [sum(spell.kind is not Kind.NETWORK for spell in site.spells) for site in sites]
    if [len(spells) for spells in played.spells] != planned:
        raise RuntimeError("the websites did not play their history to its end")
    spells = [Outage(number, *spell) for number, own in enumerate(played.spells) for spell in own]
    gone = played.faults.get(NETWORK_GONE)
    if gone is not None:
        spells += [Outage(number, Kind.NETWORK, *gone) for number, site in enumerate(sites) if _is_of_network(site)]
    return spells


def _is_of_network(site: Site) -> bool:
    return any(spell.kind is Kind.NETWORK for spell in site.spells)


def _meanwhile(span: Span | None, facts: Facts, sites: Set[int]) -> dict[str, int]:
    """What checks of those of these websites that were well were taken for."""
    if span is None:
        return {}
    ill = {spell.site for spell in facts.spells if spell.start < span.end and span.start < spell.end}
    return stored.outcomes(span, [pk for number, pk in enumerate(facts.website_ids) if number in sites - ill])


def _together(kind: Kind, matches: Sequence[Match], arrivals: Sequence[Arrival]) -> dict[str, int]:
    """Of what befell many websites at once: how many incidents, and in how many messages they were told."""
    incidents = {one.seen.pk for one in matches if any(outage.kind == kind for outage in one.outages)}
    told = [
        arrival for arrival in arrivals if arrival.event.name == alerts.BEGAN and arrival.event.incident in incidents
    ]
    return {"incidents": len(incidents), "messages": len({arrival.key for arrival in told})}
