"""How the admin shows states, answers, durations, moments and matches.

Everything here returns text that is safe as HTML; what a stranger sent is made inert first.
"""

import json
from datetime import UTC, datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import now

from monitoring.models import CheckError, MonitoringData, Outcome, State
from websites.plain_text import inert

NOTHING = "-"
# A state is told by its word and its sign; the colour only helps.
SIGNS = {State.UP: "▲", State.DOWN: "▼", State.UNKNOWN: "?", State.PAUSED: "❙❙"}
SHORT_TEXT = 80


def state(value: str) -> SafeString:
    known = State(value)
    return format_html(
        '<span class="wm-state wm-{}"><span aria-hidden="true">{}</span> {}</span>',
        known.value,
        SIGNS[known],
        known.label,
    )


def why_unknown(check: MonitoringData | None, since: datetime | None) -> str:
    """Why nothing is known of a website since then, as its latest check has it; in a sentence, without a full stop."""
    if check is None:
        return "not checked yet"
    if check.outcome == Outcome.DOWN:
        return "the latest check failed, which is not confirmed yet"
    detail = inert(check.error_detail).rstrip(".")
    if not check.error or check.error == CheckError.INTERNAL:
        return f"not counted: {detail[:1].lower()}{detail[1:]}" if detail else "not counted"
    lasts = f" since {utc(since)}" if since else ""
    error = dict(CheckError.choices).get(check.error, check.error)
    return f"not counted: the monitor itself seems to be cut off{lasts} ({error})"


def answer(check: MonitoringData | None) -> SafeString | str:
    """The HTTP status, the error in words, or both where an answer came but is of no use."""
    if check is None:
        return NOTHING
    status = str(check.http_status) if check.http_status else ""
    if not check.error:
        if check.outcome != Outcome.DOWN:
            return status or NOTHING
        return format_html('<span class="wm-error" title="{}">{}</span>', inert(check.error_detail), status)
    error = dict(CheckError.choices).get(check.error, check.error)
    text = ", ".join(filter(None, (status, str(error))))
    return format_html('<span class="wm-error" title="{}">{}</span>', inert(check.error_detail), inert(text))


def duration(seconds: float | None) -> str:
    """`0.4 ms`, `123 ms` or `1.25 s`."""
    if seconds is None:
        return NOTHING
    milliseconds = round(seconds * 1000, 1)
    if milliseconds >= 1_000:
        return f"{seconds:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def moment(when: datetime | None) -> SafeString | str:
    """How long ago, and under it the moment in UTC."""
    if when is None:
        return NOTHING
    return format_html(
        '<time datetime="{}"><span class="wm-nowrap">{}</span><br><span class="wm-nowrap small quiet">{}</span></time>',
        when.astimezone(UTC).isoformat(),
        ago((now() - when).total_seconds()),
        utc(when),
    )


def utc(when: datetime | None) -> str:
    return NOTHING if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def exact_utc(when: datetime | None) -> str:
    """To the millisecond."""
    return NOTHING if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03} UTC"


def ago(seconds: float) -> str:
    """`12 s ago`, `5 min ago`, `3 h ago` or `9 days ago`."""
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s ago"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 172_800 else f"{seconds / 86_400:.0f} days ago"


def short(text: str) -> SafeString | str:
    """The text, cut where a list has no room for it; its beginning stays readable, the whole is its tooltip."""
    text = inert(text)
    cut = Truncator(text).chars(SHORT_TEXT)
    return text if cut == text else format_html('<span title="{}">{}</span>', text[:2000], cut)


def matches_in_brief(check: MonitoringData) -> SafeString | str:
    """The matches in one short line; a dash where no regex was run, words where nothing matched."""
    found = _matches(check)
    if found is None:
        return NOTHING
    if not found:
        return "no match"
    return short(" · ".join(found))


def matches_in_full(check: MonitoringData) -> SafeString | str:
    found = _matches(check)
    if not found:
        return NOTHING if found is None else "no match"
    items = format_html_join("", "<li><code><bdi>{}</bdi></code></li>", ((inert(text),) for text in found))
    return format_html('<ol class="wm-matches">{}</ol>', items)


def _matches(check: MonitoringData) -> list[str] | None:
    """Each match as one text, its groups apart by commas; None where no regex was run."""
    if check.regex_response is None:
        return None
    try:
        found = json.loads(check.regex_response)
    except ValueError:
        # Written by hand: shown as it is.
        return [check.regex_response]
    if not isinstance(found, list):
        return [check.regex_response]
    return [", ".join(map(str, match)) if isinstance(match, list) else str(match) for match in found]
