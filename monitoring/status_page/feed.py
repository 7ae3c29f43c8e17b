"""The status page as an Atom feed (RFC 4287): what began, what ended, and what maintenance there will be."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape

from monitoring.rollup_tables import DAY
from monitoring.status_page import contents, display
from monitoring.status_page.contents import Contents
from monitoring.status_page.incidents import DAYS_TOLD, UNWATCHED, Told
from monitoring.status_page.planned import Planned
from monitoring.watch_periods import Span
from websites.plain_text import readable

# What stands for where the monitor is reached, until somebody asks for the feed under one of its names.
HERE = "http://here.invalid/"
ENTRIES_MAX = 50
# Names that a title has room for.
NAMED = 3


class Entry(NamedTuple):
    # What it is about, of which its id is made: it must be the same for ever, and tell nothing.
    about: str
    title: str
    text: str
    link: str
    at: datetime


class StatusFeed(Atom1Feed):
    def latest_post_date(self) -> datetime:
        """Of a feed without entries, when the page was changed: not now, or it would be another with each request."""
        newest: datetime = super().latest_post_date() if self.items else self.feed["changed_at"]
        return newest


def feed() -> bytes | None:
    """The feed as it is now, with `HERE` in place of the monitor's address; None where the page is off."""
    found = contents.read(timezone.now())
    return None if found is None else _written(found).encode()


def _written(found: Contents) -> str:
    writer = StatusFeed(
        title=found.title,
        link=f"{HERE}status",
        description=None,
        language="en",
        author_name=found.title,
        feed_url=f"{HERE}status/feed",
        feed_guid=_tag("feed"),
        changed_at=found.changed_at,
    )
    for entry in sorted(_entries(found), key=lambda entry: entry.at, reverse=True)[:ENTRIES_MAX]:
        writer.add_item(
            title=entry.title,
            link=f"{HERE}status#{entry.link}",
            # It is read as HTML.
            description=escape(entry.text),
            unique_id=_tag(entry.about),
            pubdate=entry.at,
            updateddate=entry.at,
        )
    return writer.writeString("utf-8")


def _entries(found: Contents) -> Iterator[Entry]:
    for told in (*found.lasting, *(told for past in found.past for told in past.told)):
        yield _began(told)
        if told.ended is not None:
            yield _ended(told, told.ended)
    names = {website.website_id: website.name for website in found.websites}
    for one in found.maintenance:
        affected = [names[website_id] for website_id in names if website_id in one.website_ids]
        yield from (_planned(one, span, affected) for span in one.times if span.until > found.at)


def _began(told: Told) -> Entry:
    during = " It began during maintenance." if told.in_maintenance else ""
    return Entry(
        f"incident {told.key} began",
        f"{told.kind}: {told.name}",
        f"Since {display.moment(told.began)}.{during}",
        "incidents" if told.ended is None else "history",
        told.noticed,
    )


def _ended(told: Told, ended: datetime) -> Entry:
    return Entry(
        f"incident {told.key} ended",
        f"{told.end if told.end == UNWATCHED else f'{told.end}: {told.kind}'}: {told.name}",
        f"It lasted {told.lasted}: {display.between(Span(told.began, ended))}.",
        "history",
        told.end_noticed or ended,
    )


def _planned(one: Planned, span: Span, names: list[str]) -> Entry:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    there = display.between_there(span, one.window.time_zone)
    parts = [f"{display.between(span)}.", there and f"That is {there}.", readable(one.window.public_note)]
    return Entry(
        f"maintenance {one.window.pk} {span.since.isoformat()}",
        f"Maintenance: {', '.join(names[:NAMED])}{more}",
        " ".join(filter(None, [*parts, f"Affected: {', '.join(names)}."])),
        "maintenance",
        # When it came into sight; it must not change.
        max(one.window.created_at, span.since - DAYS_TOLD * DAY),
    )


def _tag(about: str) -> str:
    """A tag URI (RFC 4151) that stays the same under every name of the monitor, and is of this monitor only."""
    return (
        f"tag:webmonitor,2026:{salted_hmac('monitoring.status_page.feed', about, algorithm='sha256').hexdigest()[:32]}"
    )
