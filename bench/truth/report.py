"""The figures of a run, what is required of them, and the tables."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.report import percentiles
from bench.truth.alerts import Arrival, Event, Fate
from bench.truth.history import Kind, Span
from bench.truth.judge import Match, Outage, is_long

# Seconds that the median delay may be above the interval.
DELAY_OVER = 2.0
LINES_SHOWN = 20


@dataclass
class Figures:
    """Of one kind of outage. Delays in seconds by percentile: until noticed, and until the receiver knew."""

    outages: int = 0
    long: int = 0
    found: int = 0
    missed: int = 0
    incidents: int = 0
    contained: int = 0
    delay: dict[str, float] = field(default_factory=dict)
    told_after: dict[str, float] = field(default_factory=dict)


@dataclass
class Result:
    """What a run showed; moments in Unix time."""

    websites: int
    interval: int
    seconds: float
    seed: int
    kinds: dict[str, Figures] = field(default_factory=dict)
    # Websites without any outage or slow spell.
    healthy: int = 0
    # Of all outages, slow spells left out.
    median_delay: float = 0.0
    false: int = 0
    missed: int = 0
    uncontained: int = 0
    alerts: dict[str, int] = field(default_factory=dict)
    repeated_keys: int = 0
    told_twice: int = 0
    overtaken: int = 0
    receiver: dict[str, int] = field(default_factory=dict)
    checks: int = 0
    # What checks of websites that were well were taken for while the monitor was cut off; nothing where it was not.
    cut: dict[str, int] = field(default_factory=dict)
    # The same of those that have names, while the resolver was away.
    unresolved: dict[str, int] = field(default_factory=dict)
    # How many incidents many websites had together, and in how many messages they were told, by kind.
    together: dict[str, dict[str, int]] = field(default_factory=dict)
    # When faults on the monitor's side began and ended.
    faults: dict[str, Span] = field(default_factory=dict)
    # Sentences: each thing that should not be, and the log's errors.
    evidence: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    truth: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return self.alerts.get(Fate.LOST, 0)


@dataclass(frozen=True)
class Limits:
    """From how many seconds on an outage must be found, when nobody could look, and when each incident was told."""

    least: float
    blind: Sequence[Span]
    told: Mapping[int, float]


def figures(
    kind: str, outages: Sequence[Outage], matches: Sequence[Match], missed: Iterable[Outage], limits: Limits
) -> Figures:
    """Of one kind: each incident counts with the first outage that it is about."""
    own = [one for one in matches if not one.is_false and one.outages[0].kind == kind]
    told = [limits.told[one.seen.pk] - one.outages[0].start for one in own if one.seen.pk in limits.told]
    found = {outage for one in matches for outage in one.outages}
    return Figures(
        outages=sum(outage.kind == kind for outage in outages),
        long=sum(outage.kind == kind and is_long(outage, limits.least, limits.blind) for outage in outages),
        found=sum(outage.kind == kind for outage in found),
        missed=sum(outage.kind == kind for outage in missed),
        incidents=len(own),
        contained=sum(one.is_contained for one in own),
        delay=percentiles([one.delay for one in own]),
        told_after=percentiles(told),
    )


def told_at(arrivals: Iterable[Arrival], name: str) -> dict[int, float]:
    """When the receiver first knew of this event, by incident."""
    found: dict[int, float] = {}
    for arrival in arrivals:
        if arrival.event.name == name:
            found.setdefault(arrival.event.incident, arrival.at)
    return found


def median_delay(matches: Iterable[Match]) -> float:
    delays = [one.delay for one in matches if not one.is_false]
    return round(statistics.median(delays), 3) if delays else 0.0


def broken(result: Result) -> list[str]:
    """The required figures that do not hold, in words."""
    longest = result.interval + DELAY_OVER
    judged = {
        f"{result.false} incidents without an outage": result.false,
        f"{result.missed} outages that were long enough were missed": result.missed,
        f"the bounds of {result.uncontained} incidents do not contain the true times": result.uncontained,
        f"{result.lost} alerts were lost": result.lost,
        f"{result.told_twice} things were told under several keys": result.told_twice,
        f"{result.overtaken} ends arrived before their beginnings": result.overtaken,
        f"{result.receiver.get('bad signatures', 0)} messages were signed badly": result.receiver.get("bad signatures"),
        f"the median delay is {result.median_delay:.1f} s, more than {longest:g}": result.median_delay > longest,
        "no outage was found": not any(one.found for one in result.kinds.values()),
    }
    return [sentence for sentence, is_broken in judged.items() if is_broken]


def evidence(
    matches: Iterable[Match], missed: Iterable[Outage], fates: dict[Event, Fate], beginning: float
) -> list[str]:
    """A sentence for each thing that should not be; moments in seconds from the beginning."""

    def at(moment: float | None) -> str:
        return "nothing" if moment is None else f"{moment - beginning:.3f}"

    sentences: list[str] = []
    for seen, outages in matches:
        bounds = (
            f"{at(seen.started_after)}..{at(seen.started_before)} to {at(seen.ended_after)}..{at(seen.ended_before)}"
        )
        what = f"incident {seen.pk} of website {seen.site}, {bounds}, noticed at {at(seen.opened_at)}"
        if not outages:
            sentences.append(f"false: {what}")
        elif not Match(seen, outages).is_contained:
            first, last = outages[0], outages[-1]
            sentences.append(f"not contained: {what}: {first.kind} {at(first.start)} to {at(last.end)}")
    sentences += [
        f"missed: {outage.kind} of website {outage.site}, {at(outage.start)} to {at(outage.end)}" for outage in missed
    ]
    return sentences + [
        f"lost: {event.name} of incident {event.incident}" for event, fate in fates.items() if fate is Fate.LOST
    ]


def as_json(result: Result) -> dict[str, Any]:
    return asdict(result) | {"lost": result.lost, "broken": broken(result)}


def show(result: Result) -> None:
    console = Console()
    title = f"{result.websites} websites every {result.interval} s, {result.seconds:g} s, seed {result.seed}"
    console.print(title, highlight=False)
    console.print(_by_kind(result))
    for what, value in _totals(result):
        console.print(f"{what}: {value}", markup=False, highlight=False)
    for line in (result.evidence + [f"log: {line}" for line in result.log])[:LINES_SHOWN]:
        console.print(line, markup=False, highlight=False)
    for sentence in broken(result):
        console.print(f"BROKEN: {sentence}", markup=False)


def _by_kind(result: Result) -> Table:
    table = Table()
    table.add_column("kind")
    for column in ("times / long / found / missed", "contained", "noticed after (s)", "told after (s)"):
        table.add_column(column, justify="right")
    for kind in Kind:
        one = result.kinds[kind]
        counts = f"{one.outages} / {one.long} / {one.found} / {one.missed}"
        contained = f"{one.contained} of {one.incidents}"
        table.add_row(kind.value, counts, contained, _spread(one.delay, 1), _spread(one.told_after, 0))
    return table


def _spread(values: dict[str, float], digits: int) -> str:
    return " / ".join(f"{values[name]:.{digits}f}" for name in ("p50", "p95", "max")) if values else ""


def _totals(result: Result) -> list[tuple[str, str]]:
    faults = (f"{name} {span.start:.1f} to {span.end:.1f} s" for name, span in result.faults.items())
    return [
        (
            "long is",
            f"more than {2 * result.interval} s, of slow ones {4 * result.interval} s; delays are p50 / p95 / max",
        ),
        ("checks / websites that were well throughout", f"{result.checks} / {result.healthy}"),
        ("false / missed / not contained", f"{result.false} / {result.missed} / {result.uncontained}"),
        ("median delay", f"{result.median_delay:.2f} s"),
        ("alerts", _counts(result.alerts)),
        ("deliveries accepted again with the same key", str(result.repeated_keys)),
        ("told under several keys / ends before beginnings", f"{result.told_twice} / {result.overtaken}"),
        ("attempts to send", _counts(result.receiver)),
        ("faults on the monitor's side", ", ".join(faults)),
        ("checks of websites that were well, while cut off", _counts(result.cut) or "it could not be cut off"),
        ("checks of names, while the resolver was away", _counts(result.unresolved) or "it was not"),
        *((f"told together: {kind}", _counts(counts)) for kind, counts in result.together.items()),
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
