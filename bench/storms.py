"""Storms: most websites stop answering well at once, while others answer as ever. What they are, and what must hold."""

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.scenarios import PATTERN, Scenario
from bench.target import PORT
from monitoring.overload import Reason

# Of the websites that answer throughout: seconds of lateness (p99), and the share of their slots that is stored.
LATENESS, STORED = 0.5, 0.99
# Seconds beyond the interval until an outage of theirs is an incident, for half of them and at most: after an answer,
# the second check is made two seconds after the first at the earliest. And until it is told: alerts wait three seconds
# for company, and are looked for every two.
OPENED, OPENED_AT_MOST, TOLD = 2.0, 4.0, 2.0 + 8.0
# Seconds by which a silent website may be given up beside its deadline.
DEADLINE_TOLERANCE = 0.5
# How long (seconds) slots are missed before somebody must be told, and the share that may be missed untold.
UNTOLD, UNTOLD_SHARE = 90.0, 0.1
# Kilobytes for each website of the largest message, which is built whole.
KB_TOLD = 10.0


@dataclass(frozen=True)
class Storm(Scenario):
    """`websites` are all, every `interval` seconds where the storm is; `quick` of them are outside it."""

    # How many are outside, or which share.
    outside: int = 30
    outside_share: float = 0.0
    quick_interval: int = 5
    # The target's path of those in the storm.
    kind: str = "hush"
    own_timeout: float | None = None
    # Megabytes that the worker may grow by; and kilobytes for each silent check that is under way.
    most_growth: float | None = None
    kb_a_check: float | None = None
    # Whether those in the storm are to be told of, as one message a channel, and their return as well.
    is_outage: bool = False

    @property
    def timeout(self) -> float:
        return self.own_timeout or super().timeout

    @property
    def quick(self) -> int:
        return round(self.websites * self.outside_share) or self.outside

    @property
    def going_down(self) -> int:
        """How many of the quick ones go down in the course."""
        return min(10, self.quick // 3)


STORMS = {
    "storm": Storm("6,000 silent beside 30 that answer", 6_030, 10, seconds=120.0, kb_a_check=15.0),
    "storm-long": Storm(
        "5,000 silent for a minute each beside 30 that answer", 5_030, 60, 180.0, own_timeout=60.0, kb_a_check=15.0
    ),
    "half": Storm("half of all fall silent and come back", 10_000, 5, 120.0, outside_share=0.5, is_outage=True),
    "drip": Storm(
        "300 that send 1 MiB within 7 s beside 30 that answer", 330, 10, 120.0, kind="drip", most_growth=150.0
    ),
}


def websites(storm: Storm) -> list[dict[str, Any]]:
    """The fields of each: first those that answer throughout, of them first those that go down."""
    half = len(storm.hosts) // 2
    found = []
    for n in range(storm.websites):
        is_quick = n < storm.quick
        # Other hosts than in the storm: what goes down on the same one is told together.
        hosts = storm.hosts[:half] if is_quick else storm.hosts[half:]
        kind = ("fail" if n < storm.going_down else "page") if is_quick else storm.kind
        found.append(
            {
                "website_url": f"http://{hosts[n % len(hosts)]}:{PORT}/{kind}/{n}",
                "monitoring_interval": storm.quick_interval if is_quick else storm.interval,
                "timeout": None if is_quick else storm.own_timeout,
                "regex": PATTERN,
            }
        )
    return found


@dataclass
class Seen:
    """What a storm did: counts, seconds and megabytes."""

    # Slots of those that answer, their lateness by percentile, and the errors of those that do not go down.
    expected: int = 0
    stored: int = 0
    lateness: dict[str, float] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    # Of each of them that went down: seconds until the incident, and until each channel was told.
    opened: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    # Slots in the storm, and what their checks showed; those that were excused as the monitor's own fault.
    storm_expected: int = 0
    storm_errors: dict[str, int] = field(default_factory=dict)
    excused: int = 0
    # Seconds until silent ones were given up, and how many waited at once.
    waited: dict[str, float] = field(default_factory=dict)
    under_way: int = 0
    memory_before: float = 0.0
    memory_peak: float = 0.0
    # Messages, by channel, each with its number of websites.
    began: list[list[int]] = field(default_factory=list)
    ended: list[list[int]] = field(default_factory=list)
    overload_told: list[int] = field(default_factory=list)
    missed_by_reason: dict[str, int] = field(default_factory=dict)
    readyz: str = ""
    log: list[str] = field(default_factory=list)


def broken(seen: Seen, storm: Storm, seconds: float) -> list[str]:
    """The bounds that do not hold, in words."""
    p99, growth = seen.lateness.get("p99", 0.0), seen.memory_peak - seen.memory_before
    most_growth = storm.most_growth
    if storm.kb_a_check is not None:
        told = max((count for counts in seen.began for count in counts), default=0)
        most_growth = (storm.kb_a_check * seen.under_way + KB_TOLD * told) / 1000
    bounds = [
        ("s of lateness p99 of websites that answer", p99, LATENESS),
        ("s until half of their outages were incidents", _middle(seen.opened), storm.quick_interval + OPENED),
        (
            "s until an outage of theirs was an incident",
            max(seen.opened, default=0.0),
            storm.quick_interval + OPENED_AT_MOST,
        ),
        ("s until half of their outages were told", _middle(seen.told), storm.quick_interval + TOLD),
        ("MB more in the worker", growth, most_growth),
    ]
    sentences = [
        f"{value:.1f} {what}, more than {bound:g}"
        for what, value, bound in bounds
        if bound is not None and value > bound
    ]
    if seen.stored < STORED * seen.expected:
        sentences.append(f"{seen.stored} of {seen.expected} slots of websites that answer are stored")
    if failed := sum(count for error, count in seen.errors.items() if error != "none"):
        sentences.append(f"{failed} checks of websites that answer have an error")
    if (down := len(seen.opened)) < storm.going_down:
        sentences.append(f"{down} of {storm.going_down} outages of websites that answer were noticed")
    if len(seen.told) < storm.going_down * len(seen.began):
        sentences.append(f"{len(seen.told)} of {storm.going_down * len(seen.began)} such outages were told")
    return sentences + _broken_storm(seen, storm, seconds) + _broken_outage(seen, storm)


def _broken_storm(seen: Seen, storm: Storm, seconds: float) -> list[str]:
    sentences = []
    right = "timeout" if storm.kind == "hush" else "none"
    # Those that there was no room for, and that are counted as missed for that.
    starved = seen.missed_by_reason.get(Reason.NO_ROOM_FOR_BODIES, 0)
    others = {error: count for error, count in seen.storm_errors.items() if error != right}
    if others.get("internal", 0) <= min(starved, UNTOLD_SHARE * seen.storm_expected):
        others.pop("internal", None)
    if others:
        sentences.append(f"checks in the storm did not end as they should: {others}")
    if not seen.storm_errors.get(right):
        sentences.append("no check in the storm ended as it should")
    sentences += [
        f"a silent website was given up after {seen.waited[which]} s instead of {storm.timeout:g}"
        for which in ("least", "most")
        if which in seen.waited and abs(seen.waited[which] - storm.timeout) > DEADLINE_TOLERANCE
    ]
    missed = seen.storm_expected - sum(seen.storm_errors.values())
    if seconds >= UNTOLD and missed > UNTOLD_SHARE * seen.storm_expected and 0 in seen.overload_told:
        sentences.append(f"{missed} slots were missed, and a channel was not told of it")
    if any(count > 1 for count in seen.overload_told):
        sentences.append("a channel was told more than once of one overload")
    return sentences + seen.log


def _broken_outage(seen: Seen, storm: Storm) -> list[str]:
    if not storm.is_outage:
        return []
    silent = storm.websites - storm.quick
    sentences = [
        f"{words} of {silent} websites was told as {messages}, instead of one message a channel"
        for words, messages in (("the outage", seen.began), ("the return", seen.ended))
        if any(channel != [silent] for channel in messages)
    ]
    if seen.excused:
        sentences.append(f"{seen.excused} checks of silent websites were excused as the monitor's own fault")
    return sentences


def lines(seen: Seen, storm: Storm) -> list[tuple[str, str]]:
    """What is printed."""
    made = sum(seen.storm_errors.values())
    return [
        ("slots of websites that answer expected / stored", f"{seen.expected} / {seen.stored}"),
        ("their lateness", _listed(seen.lateness)),
        ("their errors", _listed(seen.errors)),
        ("their outages, from the moment to the incident", _listed(_half_and_most(seen.opened))),
        ("their outages, from the moment to the message", _listed(_half_and_most(seen.told))),
        ("slots in the storm expected / made", f"{seen.storm_expected} / {made}"),
        ("what they showed", _listed(seen.storm_errors)),
        ("excused as the monitor's own fault", str(seen.excused)),
        ("silent at once", str(seen.under_way)),
        ("silent ones were given up after", _listed(seen.waited)),
        ("worker's memory (PSS) before / at most", f"{seen.memory_before:.0f} / {seen.memory_peak:.0f} MB"),
        ("messages, by channel: down", str(seen.began)),
        ("messages, by channel: up again", str(seen.ended)),
        ("messages, by channel: overloaded", str(seen.overload_told)),
        ("missed, by reason", _listed(seen.missed_by_reason)),
        ("/readyz in the storm", seen.readyz),
    ]


def _middle(seconds: list[float]) -> float:
    return statistics.median(seconds) if seconds else 0.0


def _half_and_most(seconds: list[float]) -> dict[str, float]:
    return {"half": round(_middle(seconds), 2), "most": max(seconds, default=0.0)}


def _listed(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in figures.items()) or "-"


def as_json(name: str, storm: Storm, seconds: float, seen: Seen) -> dict[str, Any]:
    return {
        "scenario": name,
        "websites": storm.websites,
        "interval": storm.interval,
        "seconds": seconds,
        "seen": asdict(seen),
        "broken": broken(seen, storm, seconds),
    }
