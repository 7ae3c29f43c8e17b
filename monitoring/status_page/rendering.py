"""The status page as HTML."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitoring import statistics
from monitoring.charts import strips
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.statistics import Counts
from monitoring.status_page import contents, display
from monitoring.status_page.conditions import Condition
from monitoring.status_page.contents import Contents, Listed
from monitoring.status_page.incidents import TOLD_MAX, Past, Told
from monitoring.status_page.planned import Planned
from monitoring.uptime_text import newest
from monitoring.watch_periods import Span
from websites.plain_text import readable

TEMPLATE = "monitoring/status.html"
# With more websites, only days with outages have a tooltip: each takes some 200 bytes.
ALL_LABELLED_MAX = 50
# Days with failed checks that the bar's name tells.
DAYS_NAMED = 10
# Of a window that is open again and again.
TIMES_TOLD = 3


def page() -> bytes | None:
    """The page as it is now; None where it is off."""
    found = contents.read(timezone.now())
    # Without the request: nothing on it is about who asks.
    return None if found is None else render_to_string(TEMPLATE, _context(found)).encode()


def _context(found: Contents) -> dict[str, Any]:
    websites = found.websites
    days = statistics.days([website.website_id for website in websites], found.days, found.at)
    labels_all = len(websites) <= ALL_LABELLED_MAX
    rows = {
        website.website_id: _row(website, days[website.website_id], found.at, labels_all=labels_all)
        for website in websites
    }
    groups = [(group.name, [rows[website.website_id] for website in group.websites]) for group in found.groups]
    maintenance = [_maintenance(one, websites, found.at) for one in found.maintenance]
    return {
        "title": found.title,
        "introduction": found.introduction,
        "headline": found.headline,
        "at": found.at,
        "at_in_words": display.moment(found.at),
        "groups": groups,
        "days": found.days,
        "lasting": [_told(told) for told in found.lasting[:TOLD_MAX]],
        "more_lasting": max(0, len(found.lasting) - TOLD_MAX),
        "past": _past(found.past),
        "cut_at": TOLD_MAX if found.is_cut else None,
        "running": [one for one in maintenance if one["is_running"]],
        "planned": [one for one in maintenance if one["times"]],
    }


def _row(website: Listed, days: Sequence[Counts], now: datetime, *, labels_all: bool) -> dict[str, Any]:
    total = Counts()
    for counts in days:
        total.add_counts(counts)
    first = floor(now, DAY) - (len(days) - 1) * DAY
    labels = [
        display.day_label(first + n * DAY, counts) if labels_all or counts.down else "" for n, counts in enumerate(days)
    ]
    bad_days = [display.day(first + n * DAY) for n, counts in enumerate(days) if counts.down]
    with_outages = f"{len(bad_days) or 'no'} {'day' if len(bad_days) == 1 else 'days'} with failed checks"
    if bad_days:
        with_outages += f": {newest(bad_days, DAYS_NAMED)}"
    title = f"The last {len(days)} days of {website.name}: {display.uptime(total)}, {with_outages}"
    return {
        "website": website,
        "badge": _badge(website.condition, website.condition.word),
        "bar": strips.bar(days, labels, title),
        "uptime": display.uptime(total),
        "coverage": display.coverage(total),
    }


def _told(told: Told) -> dict[str, Any]:
    return {
        "told": told,
        "badge": _badge(Condition.DOWN if told.is_outage else Condition.DEGRADED, told.kind),
        "began": display.moment(told.began),
        "when": display.moment(told.began) if told.ended is None else display.between(Span(told.began, told.ended)),
    }


def _past(days: Sequence[Past]) -> list[dict[str, Any]]:
    """By day; days without incidents that follow each other are one."""
    found = []
    for has_some, some in groupby(days, lambda past: bool(past.told)):
        run = list(some)
        if has_some:
            found += [{"days": display.day(past.day), "incidents": [_told(told) for told in past.told]} for past in run]
        else:
            found.append({"days": display.days(run[-1].day, run[0].day), "incidents": []})
    return found


def _maintenance(one: Planned, websites: Sequence[Listed], now: datetime) -> dict[str, Any]:
    names = [website.name for website in websites if website.website_id in one.website_ids]
    running = next((span for span in one.times if span.since <= now < span.until), None)
    to_come = [span for span in one.times if span.since > now]
    return {
        "badge": _badge(Condition.MAINTENANCE, Condition.MAINTENANCE.word),
        "note": readable(one.window.public_note),
        "names": names,
        "are_all": len(names) == len(websites) > 1,
        "is_running": running is not None,
        "running": running and _times(running, one),
        "times": [_times(span, one) for span in to_come[:TIMES_TOLD]],
        "more": max(0, len(to_come) - TIMES_TOLD),
    }


def _badge(look: Condition, word: str) -> SafeString:
    return format_html(
        '<span class="wm-state wm-{}"><span aria-hidden="true">{}</span> {}</span>', look.look, look.sign, word
    )


def _times(span: Span, one: Planned) -> dict[str, Any]:
    return {
        "span": span,
        "utc": display.between(span),
        "there": display.between_there(span, one.window.time_zone),
    }
