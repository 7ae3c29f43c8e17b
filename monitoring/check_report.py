"""A check made by hand, as text for a terminal and as JSON for a script."""

import json
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitoring.models import CheckError, State
from monitoring.probe.types import ProbeResult
from monitoring.states import judge
from websites.plain_text import inert

PHASES = (("DNS", "dns"), ("connect", "connect"), ("TLS", "tls"), ("first byte", "first_byte"))
STYLES = {State.UP: "bold green", State.DOWN: "bold red", State.UNKNOWN: "bold yellow"}
SECONDS_A_DAY = 86_400


def state(result: ProbeResult) -> State:
    """What this one check argues for."""
    exchange = result.exchange
    return judge(exchange.http_status, exchange.error or "", wants_body=exchange.request.pattern is not None)


def as_json(result: ProbeResult, website_id: int | None) -> str:
    """The API's field names; times in seconds. Everything that is not ASCII is escaped, and so inert."""
    exchange = result.exchange
    document = {
        "website_id": website_id,
        "website_url": exchange.request.url,
        "state": state(result).value,
        "entry_timestamp": datetime.fromtimestamp(exchange.started_at, UTC).isoformat().replace("+00:00", "Z"),
        "http_status": exchange.http_status,
        "response_time": exchange.response_time,
        **{f"{name}_time": getattr(exchange.phases, name) for _, name in PHASES},
        "remote_ip": exchange.remote_ip,
        "error": exchange.error or "",
        "error_detail": exchange.error_detail,
        "regex_response": result.matches,
        "certificate": certificate(result),
    }
    return json.dumps(document, indent=2)


def certificate(result: ProbeResult) -> dict[str, Any] | None:
    """The server's own certificate: whose, by whom, until when (UTC) and how many whole days are left."""
    if not result.exchange.certificates:
        return None
    fields = result.exchange.certificates[0]
    expires = _expiry(fields.get("Expire date", ""))
    return {
        "subject": fields.get("Subject", ""),
        "issuer": fields.get("Issuer", ""),
        "valid_until": None if expires is None else datetime.fromtimestamp(expires, UTC).isoformat(),
        "days_left": None if expires is None else int((expires - time.time()) // SECONDS_A_DAY),
    }


def show(console: Console, result: ProbeResult, website_id: int | None) -> None:
    """Print the check; a stranger's text neither drives the terminal nor is read as rich's markup."""
    for part in _parts(result, website_id):
        console.print(part, soft_wrap=isinstance(part, Text))


def _parts(result: ProbeResult, website_id: int | None) -> Iterator[RenderableType]:
    exchange = result.exchange
    yield Text(inert(exchange.request.url) + (f" (website {website_id})" if website_id is not None else ""))
    yield _headline(result)
    if exchange.error is not None:
        detail = f": {inert(exchange.error_detail)}" if exchange.error_detail else ""
        yield Text(f"Error: {CheckError(exchange.error).label} ({exchange.error}){detail}", style="red")
    if exchange.response_time is not None or exchange.phases.dns is not None:
        yield _phases(result)
    if (shown := certificate(result)) is not None:
        yield _table("Certificate", ((name.replace("_", " "), str(value)) for name, value in shown.items()))
    if result.matches is not None:
        yield _matches(result)


def _headline(result: ProbeResult) -> Text:
    exchange, verdict = result.exchange, state(result)
    headline = Text.assemble((verdict.upper(), STYLES[verdict]))
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


def _expiry(text: str) -> int | None:
    """Unix time of OpenSSL's `Nov 23 17:40:18 2026 GMT`; None for what is no such time."""
    try:
        return ssl.cert_time_to_seconds(text.strip())
    except ValueError:
        return None
