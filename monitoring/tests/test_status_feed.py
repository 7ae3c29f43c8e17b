"""The feed of the status page."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from monitoring.models import State, StatusGroup
from monitoring.status_page.feed import ENTRIES_MAX
from monitoring.tests.outages import HOSTILE, ended_incident, incident
from monitoring.tests.status_pages import forgetful, maintenance, seen, shown, status_page

__all__ = ["forgetful"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgetful")]

ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/status/feed"


def read(content: str) -> ET.Element:
    """The feed; it has what RFC 4287 asks of one."""
    root = ET.fromstring(content)
    assert root.tag == f"{ATOM}feed"
    for one in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(one.findall(ATOM + name)) == 1
        assert text(one, "id").startswith("tag:webmonitor,2026:")
        assert text(one, "updated")[-1] == "Z" or "+" in text(one, "updated")
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    ids = [text(one, "id") for one in entries(root)]
    assert len(ids) == len(set(ids))
    return root


def entries(root: ET.Element) -> list[ET.Element]:
    return root.findall(f"{ATOM}entry")


def text(one: ET.Element, name: str) -> str:
    return one.findtext(ATOM + name) or ""


def write_history() -> None:
    now = timezone.now()
    status_page()
    one, other = shown(0, "Shop", State.DOWN).website, shown(1, "Mail").website
    hour = timedelta(hours=1)
    incident(one, started_at=now - hour, opened_at=now - hour)
    began, ended = now - 3 * hour, now - 2 * hour
    ended_incident(other, kind="slow", started_at=began, opened_at=began, ended_at=ended, closed_at=ended)
    maintenance(now + timedelta(days=2), 60, one, public_note="We move.")


def test_it_tells_what_began_what_ended_and_what_is_planned_newest_first() -> None:
    write_history()
    root = read(seen(FEED))
    assert text(root, "title") == "Our status"
    titles = [text(one, "title") for one in entries(root)]
    assert sorted(titles) == sorted(
        ["Maintenance: Shop", "Outage: Shop", "Resolved: Slow responses: Mail", "Slow responses: Mail"]
    )
    moments = [text(one, "updated") for one in entries(root)]
    assert moments == sorted(moments, reverse=True)
    assert [title for title in titles if "Maintenance" not in title] == [
        *("Outage: Shop", "Resolved: Slow responses: Mail", "Slow responses: Mail")
    ]
    assert "It lasted 1 h" in seen(FEED)
    assert "We move. Affected: Shop." in seen(FEED)


def test_ids_and_moments_stay_the_same_under_every_name_of_the_monitor() -> None:
    write_history()
    here = read(Client().get(FEED, headers={"Host": "localhost"}).content.decode())
    there = read(Client().get(FEED, headers={"Host": "127.0.0.1:8080"}, secure=True).content.decode())
    for name in ("id", "updated"):
        assert [text(one, name) for one in entries(here)] == [text(one, name) for one in entries(there)]
    links = {link.get("rel"): link.get("href") for link in there.findall(f"{ATOM}link")}
    assert links == {"alternate": "https://127.0.0.1:8080/status", "self": "https://127.0.0.1:8080/status/feed"}
    assert b"invalid" not in Client().get(FEED).content


def test_hostile_names_leave_it_well_formed() -> None:
    hostile = f"{HOSTILE}\x0b\ufffe]]>&amp;"
    status_page(title=hostile)
    one = shown(0, hostile, State.DOWN, group=StatusGroup.objects.create(name=hostile)).website
    incident(one, started_at=timezone.now())
    maintenance(timezone.now() + timedelta(days=1), 60, one, public_note=hostile)
    content = seen(FEED)
    root = read(content)
    assert not {"\x1b", "\u202e", "\x0b", "\ufffe"} & set(content)
    (title,) = {text(entry, "title") for entry in entries(root) if "Outage" in text(entry, "title")}
    assert title == "Outage: <script>alert(1)</script>\\x1b[31m\\u202egnp.exe\\x0b\\ufffe]]>&amp;"
    # A reader takes it for HTML, and finds text there.
    summary = next(text(entry, "summary") for entry in entries(root) if "Affected" in text(entry, "summary"))
    assert "&lt;script&gt;" in summary
    assert "<" not in summary


@pytest.mark.parametrize("begins", [-timedelta(minutes=20), timedelta(days=2)])
@pytest.mark.parametrize("lasts", [False, True])
def test_each_entry_leads_to_a_part_of_the_page(begins: timedelta, lasts: bool) -> None:
    status_page()
    one = shown(0, state=State.DOWN).website
    ago = timezone.now() - timedelta(hours=2)
    if lasts:
        incident(one, started_at=ago)
    else:
        ended_incident(one, started_at=ago, ended_at=timezone.now())
    maintenance(timezone.now() + begins, 60, one)
    links = {link.get("href") or "" for entry in entries(read(seen(FEED))) for link in entry.iter(f"{ATOM}link")}
    assert len(links) == 2
    page = seen()
    for link in links:
        assert page.count(f'id="{link.partition("#")[2]}"') == 1


def test_a_feed_without_entries_is_one_and_stays_the_same() -> None:
    status_page()
    first = Client().get(FEED)
    assert entries(read(first.content.decode())) == []
    cache.clear()
    assert Client().get(FEED).content == first.content


def test_it_has_the_newest_entries_only() -> None:
    status_page()
    one = shown(0).website
    for number in range(ENTRIES_MAX):
        now = timezone.now() - timedelta(minutes=number)
        ended_incident(one, started_at=now - timedelta(seconds=30), ended_at=now, opened_at=now, closed_at=now)
    assert len(entries(read(seen(FEED)))) == ENTRIES_MAX
