"""A replay as text for a terminal and as JSON for a script."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitoring.models import Incident, IncidentKind
from monitoring.notifications.wording import reason, span
from monitoring.replay import ReplayedIncident, Telling
from monitoring.replay_comparison import EVENTS, KINDS, Difference, Override, Summary, Tally
from monitoring.retention import ALERT_DAYS
from monitoring.wall_clock import iso
from websites.plain_text import inert

EACH_ITS_OWN = "each website's own"
POLICY = {
    "failures_before_down": "failures before down",
    "successes_before_up": "successes before up",
    "slow_threshold": "slow threshold (s)",
    "slow_checks": "slow checks",
}


def as_json(summary: Summary, override: Override, telling: Telling) -> str:
    """All of it; times in seconds, moments in UTC. Everything that is not ASCII is escaped, and so inert."""
    document = {
        "since": iso(summary.window.since),
        "until": iso(summary.window.until),
        "policy": override._asdict() | telling._asdict(),
        "websites": summary.websites,
        "checks": summary.checks,
        "oldest_check": iso(summary.oldest),
        "incidents_left_out": summary.left_out,
        "happened": _tally(summary.happened),
        "replayed": _tally(summary.replayed),
        "differences": [_difference(one) for one in summary.differences],
        "limits": list(limits(summary)),
    }
    return json.dumps(document, indent=2)


def limits(summary: Summary) -> Iterator[str]:
    """What a replay cannot know, in sentences."""
    yield (
        "Failures are confirmed between the slots, by as many checks as the policy of then asked for: with more "
        "failures demanded there would have been more, and outages would have been noticed sooner than here."
    )
    yield (
        f"Checks that are older than RETENTION_DAYS ({settings.RETENTION_DAYS}) are gone, and alerts that are older "
        f"than {ALERT_DAYS} days."
    )
    yield (
        "The state of a website is unknown before its oldest check here. Incidents that had begun by then are left "
        f"out on both sides; there are {summary.left_out:,}."
    )
    yield "What is not given is each website's policy of today, which need not be that of then."
    yield "Checks are judged here in the order in which they were made, as if each had been stored at once."
    yield (
        "Alerts are those of one channel that is told of everything, without quiet hours and maintenance; of what "
        "happened, those of all channels, each told to several of them counted once. Reminders, values and "
        "certificates are on neither side."
    )


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "incidents": {kind.value: tally.incidents[kind.value] for kind in KINDS},
        "seconds": {kind.value: round(tally.seconds[kind.value], 6) for kind in KINDS},
        "alerts": {kind.value: tally.alerts[kind.value] for kind in EVENTS},
        "only_here": tally.only,
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "website_id": one.website.pk,
        "website_url": one.website.website_url,
        "only_happened": [_incident(incident) for incident in one.happened],
        "only_replayed": [_incident(incident) for incident in one.replayed],
    }


def _incident(incident: ReplayedIncident) -> dict[str, Any]:
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in incident._asdict().items()}


def show(console: Console, summary: Summary, override: Override, telling: Telling) -> None:
    """Print it; a stranger's text neither drives the terminal nor is read as rich's markup."""
    for part in _parts(summary, override, telling):
        console.print(part)
        console.print()


def _parts(summary: Summary, override: Override, telling: Telling) -> Iterator[RenderableType]:
    yield _head(summary, override, telling)
    yield _totals(summary)
    shown = 0
    for one in summary.differences:
        shown += len(one.happened) + len(one.replayed)
        yield _incidents(one, summary)
    hidden = summary.happened.only + summary.replayed.only - shown
    if hidden:
        yield Text(f"... and {hidden:,} more: --limit and --json show them.")
    yield Group(Text("What this cannot know"), *(Text(f"  - {text}") for text in limits(summary)))


def _head(summary: Summary, override: Override, telling: Telling) -> RenderableType:
    since, until = summary.window
    rows = [
        ("asked for", f"{_utc(since)} to {_utc(until)}"),
        ("websites", f"{summary.websites:,}"),
        ("checks", f"{summary.checks:,}"),
        ("oldest check", "none" if summary.oldest is None else _utc(summary.oldest)),
        *(
            (POLICY[name], EACH_ITS_OWN if value is None else f"{value:g}")
            for name, value in override._asdict().items()
        ),
        ("delay", span(telling.delay)),
        ("flapping", _flapping(telling)),
    ]
    table = _table("Replayed", [("", "left"), ("", "left")], show_header=False)
    for row in rows:
        _add(table, *row)
    return table


def _flapping(telling: Telling) -> str:
    if not telling.flapping_outages:
        return "never"
    return f"{telling.flapping_outages} outages in {span(telling.flapping_window)}"


def _totals(summary: Summary) -> RenderableType:
    table = _table("Beside what happened", [("", "left"), ("happened", "right"), ("replayed", "right")])
    sides = summary.happened, summary.replayed
    for kind in KINDS:
        _add(table, f"incidents: {kind.value}", *_counts(side.incidents[kind.value] for side in sides))
        _add(table, f"time {kind.value}", *(span(side.seconds[kind.value]) for side in sides))
    for event in EVENTS:
        _add(table, f"alerts: {event.value}", *_counts(side.alerts[event.value] for side in sides))
    _add(table, "alerts together", *_counts(side.alerts.total() for side in sides))
    _add(table, "incidents only here", *_counts(side.only for side in sides))
    return table


def _incidents(one: Difference, summary: Summary) -> RenderableType:
    title = f"{inert(one.website.website_url)} (website {one.website.pk})"
    columns = [("only", "left"), ("kind", "left"), ("began (UTC)", "left"), ("ended (UTC)", "left")]
    table = _table(title, [*columns, ("lasted", "right"), ("cause", "left")])
    for side, incidents in (("happened", one.happened), ("replayed", one.replayed)):
        for incident in incidents:
            ended_at = incident.ended_at
            seconds = ((ended_at or summary.window.until) - incident.started_at).total_seconds()
            ended = "not yet" if ended_at is None else _moment(ended_at)
            _add(table, side, incident.kind, _moment(incident.started_at), ended, span(seconds), _cause(incident))
    return table


def _cause(incident: ReplayedIncident) -> str:
    if incident.kind != IncidentKind.DOWN:
        return inert(incident.error_detail)
    return reason(Incident(**incident._asdict()))


def _table(title: str, columns: Sequence[tuple[str, Any]], *, show_header: bool = True) -> Table:
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="",
        box=None,
        padding=(0, 2, 0, 0),
        show_header=show_header,
        header_style="",
    )
    for name, justify in columns:
        table.add_column(name, justify=justify, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    # As `Text`: rich reads markup in a plain string.
    table.add_row(*map(Text, cells))


def _counts(numbers: Iterable[int]) -> Iterator[str]:
    return (f"{number:,}" for number in numbers)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _utc(moment: datetime) -> str:
    return f"{_moment(moment)} UTC"
