"""A check made by hand, as text for a terminal and as JSON for a script."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitoring.models import CheckError, Outcome
from monitoring.probe.types import Certificate, ProbeResult
from monitoring.states import Rules, judge
from websites.plain_text import inert

PHASES = (("DNS", "dns"), ("connect", "connect"), ("TLS", "tls"), ("first byte", "first_byte"))
STYLES = {Outcome.UP: "bold green", Outcome.DOWN: "bold red", Outcome.UNKNOWN: "bold yellow"}
NAMES_SHOWN = 10
SECONDS_A_DAY = 86_400


def as_json(result: ProbeResult, rules: Rules, website_id: int | None) -> str:
    """The API's field names; times in seconds. Everything that is not ASCII is escaped, and so inert."""
    exchange = result.exchange
    outcome, words = judge(result, rules)
    document = {
        "website_id": website_id,
        "website_url": exchange.request.url,
        "outcome": outcome.value,
        "entry_timestamp": _utc(exchange.started_at),
        "http_status": exchange.http_status,
        "response_time": exchange.response_time,
        **{f"{name}_time": getattr(exchange.phases, name) for _, name in PHASES},
        "remote_ip": exchange.remote_ip,
        "error": exchange.error or "",
        "error_detail": words,
        "regex_response": result.matches,
        "certificate": exchange.certificate and certificate(exchange.certificate),
    }
    return json.dumps(document, indent=2)


def certificate(seen: Certificate) -> dict[str, Any]:
    """As the API has it: whose, by whom, for what, from when until when (UTC), and how many whole days are left."""
    return {
        "host": seen.host,
        "subject": seen.subject,
        "issuer": seen.issuer,
        "names": list(seen.names),
        "not_before": _utc(seen.not_before),
        "not_after": _utc(seen.not_after),
        "days_left": int((seen.not_after - time.time()) // SECONDS_A_DAY),
    }


def show(console: Console, result: ProbeResult, rules: Rules, website_id: int | None) -> None:
    """Print the check; a stranger's text neither drives the terminal nor is read as rich's markup."""
    for part in _parts(result, rules, website_id):
        console.print(part, soft_wrap=isinstance(part, Text))


def _parts(result: ProbeResult, rules: Rules, website_id: int | None) -> Iterator[RenderableType]:
    exchange = result.exchange
    outcome, words = judge(result, rules)
    yield Text(inert(exchange.request.url) + (f" (website {website_id})" if website_id is not None else ""))
    yield _headline(result, outcome)
    if exchange.error is not None:
        yield Text(f"Error: {CheckError(exchange.error).label} ({exchange.error}): {inert(words)}", style="red")
    elif words:
        yield Text(inert(words), style="red" if outcome == Outcome.DOWN else "yellow")
    if exchange.response_time is not None or exchange.phases.dns is not None:
        yield _phases(result)
    if exchange.certificate is not None:
        yield _certificate(exchange.certificate)
    if result.matches is not None:
        yield _matches(result)


def _headline(result: ProbeResult, outcome: Outcome) -> Text:
    exchange = result.exchange
    headline = Text.assemble((outcome.upper(), STYLES[outcome]))
    if exchange.http_status:
        headline.append(f"  HTTP {exchange.http_status}")
    if exchange.response_time is not None:
        headline.append(f" in {_milliseconds(exchange.response_time)}")
    if exchange.remote_ip:
        headline.append(f" from {inert(exchange.remote_ip)}")
    return headline


def _phases(result: ProbeResult) -> RenderableType:
    exchange = result.exchange
    rows = [(title, _milliseconds(getattr(exchange.phases, name))) for title, name in PHASES]
    return _table("Phases", [*rows, ("whole exchange", _milliseconds(exchange.response_time))], justify="right")


def _certificate(seen: Certificate) -> RenderableType:
    fields = certificate(seen)
    names = [*seen.names[:NAMES_SHOWN], *(["..."] if len(seen.names) > NAMES_SHOWN else [])]
    rows = fields | {"names": ", ".join(names)}
    return _table("Certificate", ((name.replace("_", " "), str(value)) for name, value in rows.items()))


def _matches(result: ProbeResult) -> RenderableType:
    matches = result.matches or []
    if not matches:
        return Text("Matches: none")
    shown = (", ".join(match) if isinstance(match, list) else match for match in matches)
    return Group(Text("Matches"), *(Text(f"  {number}. {inert(text)}") for number, text in enumerate(shown, 1)))


def _table(title: str, rows: Any, *, justify: Any = "left") -> Table:
    table = Table(title=title, title_justify="left", title_style="", box=None, padding=(0, 1, 0, 2), show_header=False)
    table.add_column()
    table.add_column(justify=justify, overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(inert(value)))
    return table


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
