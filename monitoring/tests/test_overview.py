import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring import admin_display as display
from monitoring import rollups
from monitoring.models import (
    Heartbeat,
    HourlyRollup,
    IncidentKind,
    RollupProgress,
    State,
    WebsiteState,
)
from monitoring.overview import listing
from monitoring.overview.health import LATEST_CHECKS, health
from monitoring.overview.views import INCIDENTS_SHOWN
from monitoring.rollup_tables import HOUR
from monitoring.tests.admin_pages import check, staff_client, website
from monitoring.tests.outages import HOSTILE, HOSTILE_SHOWN, ended_incident, incident
from monitoring.tests.status_pages import running_maintenance
from websites.models import Website
from websites.tests.people import person, token_for, with_token

pytestmark = pytest.mark.django_db

# Session, user, permissions (2), processes (2), counts, websites, latest checks (2), maintenance, incidents and their
# websites, the status page; of what is kept: tags; of health: missed, latest, progress, hour; to draw: progress, days,
# hours, ten minutes, maintenance, checks, watch periods.
QUERIES = 28 if settings.IS_SQLITE else 29
# What is read again when all that is kept for some seconds is still good.
QUERIES_WHEN_KEPT = 15


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def in_state(state: str, number: int, age: float = 60, **fields: Any) -> Website:
    """A website that came into a state so many seconds ago."""
    known: dict[str, Any] = {name: fields.pop(name) for name in ("is_slow", "value") if name in fields}
    found = website(number, is_active=state != State.PAUSED, **fields)
    since = timezone.now() - timedelta(seconds=age)
    WebsiteState.objects.update_or_create(website=found, defaults={"state": state, "since": since, **known})
    return found


def shown(client: Client, **query: Any) -> str:
    response = client.get("/", query)
    assert response.status_code == 200
    return response.content.decode()


def listed(client: Client, **query: Any) -> list[int]:
    """Ids of the websites, in the order of their rows."""
    return [int(pk) for pk in re.findall(r'<tr role="row" id="website-(\d+)"', shown(client, **query))]


def tiles(page: str) -> dict[str, int]:
    pattern = r'id="tile-(\w+)">\s*<span class="wm-tile-count">(\d+)<'
    return {name: int(count) for name, count in re.findall(pattern, page)}


@pytest.fixture
def viewer() -> Client:
    return staff_client("viewer")


def test_strangers_are_led_to_the_login_and_back(client: Client) -> None:
    response = client.get("/?state=down")
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/%3Fstate%3Ddown")


def test_who_may_not_see_websites_is_told_whom_to_ask(client: Client) -> None:
    website()
    client.force_login(person(None, staff=True))
    response = client.get("/")
    assert response.status_code == 403
    page = response.content.decode()
    assert "Your account may not see websites." in page
    assert "example.org" not in page


def test_who_may_see_websites_alone_sees_neither_checks_nor_values_nor_incidents(client: Client) -> None:
    one = in_state("down", 1, value="price-42")
    check(one, outcome="down")
    incident(one)
    user = person(None, staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_website"))
    client.force_login(user)
    check(in_state("unknown", 2), outcome="unknown", error="internal", error_detail="Secret words.")
    page = shown(client)
    assert "www1.example.org" in page
    assert "ecret words" not in page
    assert "wm-why" not in page
    assert not re.search(r"<svg|price-42|Open incidents|Lateness|123 ms", page)


def test_a_viewer_is_offered_no_button_that_leads_nowhere(viewer: Client) -> None:
    assert "Add website" not in shown(viewer)
    assert "Add website" in shown(staff_client("editor"))


def test_websites_are_listed_worst_first(viewer: Client) -> None:
    paused = in_state("paused", 1)
    up_long = in_state("up", 2, age=900)
    recovered = in_state("up", 3, age=5)
    slow = in_state("up", 4, age=5000, is_slow=True)
    value = in_state("up", 5, age=6000)
    incident(value, kind=IncidentKind.VALUE, error="", error_detail="The value 3 is above 2.")
    ended_incident(up_long, kind=IncidentKind.VALUE)
    unknown = in_state("unknown", 6)
    never_checked = website(7)
    down_long, down = in_state("down", 8, age=500), in_state("down", 9, age=5)
    order = [down, down_long, unknown, never_checked, slow, value, recovered, up_long, paused]
    assert listed(viewer) == [one.pk for one in order]


def test_a_website_under_maintenance_is_marked(viewer: Client) -> None:
    window = running_maintenance(in_state("down", 1))
    in_state("up", 2)
    page = shown(viewer)
    assert page.count("</span> maintenance</span>") == 1
    assert f'title="Until {display.utc(window.window.ends(timezone.now()))}: ' in page


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (None, "not checked yet"),
        ({"outcome": "down", "http_status": 503}, "the latest check failed, which is not confirmed yet"),
        (
            {"outcome": "unknown", "error": "timeout", "error_detail": "No complete answer within 4 seconds."},
            "not counted: the monitor itself seems to be cut off since {since} (timeout)",
        ),
        (
            {
                "outcome": "unknown",
                "error": "internal",
                "error_detail": "The monitor could not: <b>too many</b> files.",
            },
            "not counted: the monitor could not: &lt;b&gt;too many&lt;/b&gt; files",
        ),
        (
            {"outcome": "unknown", "error_detail": "The regex could not be run."},
            "not counted: the regex could not be run",
        ),
    ],
)
def test_an_unknown_website_says_why(viewer: Client, fields: dict[str, Any] | None, why: str) -> None:
    one = in_state(State.UNKNOWN, 1)
    if fields is not None:
        check(one, **fields)
    since = display.utc(one.current_state.since)
    assert f'wm-small">{why.format(since=since)}</span>' in shown(viewer)


def test_a_known_website_needs_no_excuse(viewer: Client) -> None:
    check(in_state(State.DOWN, 1), outcome="down", http_status=503)
    check(in_state(State.UP, 2))
    check(in_state(State.PAUSED, 3))
    assert "wm-why" not in shown(viewer)


def test_each_state_is_counted_and_leads_to_its_websites(viewer: Client) -> None:
    for number, state in enumerate(["up", "up", "up", "down", "down", "paused", "unknown"]):
        in_state(state, number)
    website(100)
    page = shown(viewer)
    assert tiles(page) == {"all": 8, "down": 2, "unknown": 2, "up": 3, "paused": 1}
    for state in State.values:
        assert f'href="?state={state}"' in page
        assert len(listed(viewer, state=state)) == tiles(page)[state]


def test_a_row_tells_state_uptime_response_time_and_value(viewer: Client) -> None:
    one = in_state("up", 1, tags=",prod,shop,", value="42")
    for age in (1, 61, 121):
        check(one, age, outcome="up")
    page = shown(viewer)
    row = page[page.index(f'id="website-{one.pk}"') :]
    assert 'href="/sites/' + str(one.pk) in row
    assert "▲</span> up" in row
    counted = {"</span>100 %<": 3, "123 ms</span>": 1, ">42</bdi>": 1, 'href="?tag=shop"': 1}
    assert {text: row.count(text) for text in counted} == counted
    assert row.count('role="img"') == 2


@pytest.mark.parametrize(
    ("url", "shown_as"),
    [
        ("https://example.org/", ">example.org</bdi>"),
        ("https://example.org/a?b=1", '>example.org<span class="wm-muted">/a?b=1</span></bdi>'),
        ("http://example.org:8080/", '<span class="wm-muted">http://</span>example.org:8080</bdi>'),
    ],
)
def test_the_host_stands_out_of_a_url(viewer: Client, url: str, shown_as: str) -> None:
    website(website_url=url)
    assert shown_as in shown(viewer)


QUERIES_OF_PEOPLE = [
    {},
    {"search": "www1"},
    {"search": "WWW example"},
    {"search": "www1,example"},
    {"search": '"www1 example"'},
    {"search": "100%"},
    {"tag": "Shop"},
    {"tag": "shop", "search": "www3"},
    {"state": "down"},
    {"state": "unknown", "tag": "shop"},
    {"state": "paused", "search": "org"},
    {"tag": "nobody-has-it"},
]


@pytest.mark.parametrize("query", QUERIES_OF_PEOPLE)
def test_filters_mean_what_they_mean_in_the_api(viewer: Client, query: dict[str, str]) -> None:
    for number, state in enumerate(["up", "down", "unknown", "paused", "down", "up"]):
        in_state(state, number, tags=",shop,prod," if number % 2 else "")
    api = with_token(token_for(person("editor")))
    expected = {one["website_id"] for one in api.get("/websites", query).json()["results"]}
    assert set(listed(viewer, **query)) == expected


def test_filters_go_along_from_page_to_page(viewer: Client) -> None:
    Website.objects.bulk_create(
        Website(website_url=f"https://www.example.org/{number}", monitoring_interval=60, tags=",a b,")
        for number in range(120)
    )
    first, second, last = (listed(viewer, tag="a b", page=page) for page in (1, 2, 3))
    assert [len(first), len(second), len(last)] == [50, 50, 20]
    assert len({*first, *second, *last}) == 120
    page = html.unescape(shown(viewer, tag="a b", search="www", page=2))
    assert 'rel="next" href="?search=www&tag=a+b&page=3"' in page
    assert 'rel="prev" href="?search=www&tag=a+b"' in page
    assert 'href="?search=www&tag=a+b&state=unknown"' in page
    assert "Page 2 of 3" in page


def test_a_page_behind_the_last_one_is_the_last_one(viewer: Client) -> None:
    one = website()
    assert listed(viewer, page=99_999_999_999_999) == [one.pk]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("state=bogus", 'state: There is no state "bogus". There are up, down, unknown, paused.'),
        ("state=%1b%5b31m%e2%80%ae", r'state: There is no state "\x1b[31m\u202e".'),
        ("page=0", "page: A page is a number from 1 on."),
        ("page=-1", "page: A page is a number from 1 on."),
        ("page=two", "page: A page is a number from 1 on."),
        ("page=1.5", "page: A page is a number from 1 on."),
        ("page=٣", "page: A page is a number from 1 on."),
        ("page=" + "9" * 5000, "page: A page is a number from 1 on."),
        ("tag=a,b", "tag: A tag has no commas."),
        ("tag=" + "x" * 51, "tag: A tag has at most 50 characters."),
        ("tag=a%00", "tag: Null characters are not allowed."),
        ("search=a%00", "search: Null characters are not allowed."),
        ("search=" + "x" * 2049, "search: Ensure this value has at most"),
        pytest.param("search=" + "a+" * 1024, "search: These are 1024 words: search for at most 50, or", id="words"),
        ("stat=down", 'stat: There is no such parameter. Did you mean "state"?'),
        ("<b>=1", "<b>: There is no such parameter."),
    ],
)
@pytest.mark.parametrize("fragment", ["", "&fragment"])
def test_what_cannot_be_shown_is_answered_with_a_sentence(
    viewer: Client, query: str, sentence: str, fragment: str
) -> None:
    website()
    response = viewer.get(f"/?{query}{fragment}")
    assert response.status_code == 400
    page = response.content.decode()
    assert sentence in html.unescape(page)
    assert "Show all websites" in page
    assert "<b>" not in page
    assert not {"\x1b", "\u202e"} & set(page)


@pytest.mark.parametrize(
    "query",
    [
        "search=%ff%fe",
        "search=%ed%a0%80",
        "tag=%20",
        "search=%27%22",
        "page=",
        "state=",
        pytest.param("search=" + "a+" * 50, id="words"),
    ],
)
def test_odd_queries_are_no_faults(viewer: Client, query: str) -> None:
    assert viewer.get(f"/?{query}").status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_only_read(viewer: Client, method: str) -> None:
    assert getattr(viewer, method)("/").status_code == 405


def test_what_strangers_wrote_is_inert(viewer: Client) -> None:
    url = f"https://example.org/{HOSTILE}"
    Website.objects.bulk_create([Website(website_url=url, monitoring_interval=60)])
    one = Website.objects.get()
    now = timezone.now()
    WebsiteState.objects.update_or_create(
        website=one, defaults={"state": State.DOWN, "since": now, "value": f"value{HOSTILE}"}
    )
    incident(one, error="", http_status=200, error_detail=f"detail{HOSTILE}")
    page = shown(viewer)
    for text in ("example.org/", "value", "detail"):
        assert f"{text}{HOSTILE_SHOWN}" in page.replace('example.org<span class="wm-muted">/', "example.org/")
    assert "<script>alert" not in page
    assert not {"\x1b", "\u202e"} & set(page)


def test_open_incidents_are_shown_newest_first_up_to_a_number(viewer: Client) -> None:
    for number in range(INCIDENTS_SHOWN + 2):
        incident(website(number), seconds=number)
    ended_incident(website(50), seconds=900)
    page = shown(viewer)
    section = page[page.index("Open incidents") : page.index("</section>")]
    hosts = re.findall(r"https://(www\d+)\.example\.org/</bdi>", section)
    assert hosts == [f"www{number}" for number in reversed(range(2, INCIDENTS_SHOWN + 2))]
    assert section.count("timeout") == INCIDENTS_SHOWN
    assert "All open incidents" in section


def test_without_open_incidents_nothing_is_said_of_any(viewer: Client) -> None:
    ended_incident(website())
    assert "Open incidents" not in shown(viewer)


def test_without_websites_it_says_how_to_begin(viewer: Client) -> None:
    assert "Nothing is watched yet." in shown(viewer)
    assert "Add a website" not in shown(viewer)
    page = shown(staff_client("editor"))
    assert page.count('href="/admin/websites/website/add/"') == 2


def test_who_is_no_staff_adds_with_the_form_of_the_api(client: Client) -> None:
    client.force_login(person("editor"))
    page = shown(client)
    assert page.count('href="/websites">Add website') == 2
    assert 'href="/admin/' not in page


def test_where_nothing_is_found_the_way_back_is_shown(viewer: Client) -> None:
    website()
    page = shown(viewer, search="nowhere")
    assert "No website is found." in page
    assert "Nothing is watched yet." not in page


def test_the_fragment_is_what_changes_of_the_page(viewer: Client) -> None:
    in_state("down", 1)
    page, fragment = shown(viewer), shown(viewer, fragment="")
    assert "<html" not in fragment
    assert '<tr role="row"' in fragment
    assert re.sub(r"\d", "", fragment).strip() in re.sub(r"\d", "", page)
    assert "(1 down) Overview" in page
    assert "fragment" not in fragment


def test_it_takes_as_many_queries_for_many_websites_as_for_few(viewer: Client) -> None:
    rollups.progress()
    for count in (2, 60):
        for number in range(count):
            one = in_state("down" if number % 3 else "up", number + 100 * count, tags=f",tag-{number},", value="1")
            check(one, outcome="up", regex_response='["1"]')
            incident(one)
        cache.clear()
        for queries in (QUERIES, QUERIES_WHEN_KEPT):
            with CaptureQueriesContext(connection) as captured:
                shown(viewer)
            assert len(captured) == queries, "\n".join(query["sql"][:150] for query in captured)


def test_what_is_drawn_is_kept_but_never_past_a_change_of_the_state(viewer: Client) -> None:
    one = in_state("up", 1)
    check(one, 30, outcome="up")
    assert "100 %" in shown(viewer)
    check(one, 5, outcome="down")
    assert "50.00 %" not in shown(viewer)
    WebsiteState.objects.filter(website=one).update(state=State.DOWN, since=timezone.now())
    assert "50.00 % up" in shown(viewer)


@pytest.mark.parametrize(("count", "seen"), [(5, ["49", "50"]), (7, ["69", "70"]), (9, [])])
def test_an_uptime_of_which_too_little_was_observed_says_so(viewer: Client, count: int, seen: list[str]) -> None:
    one = in_state("up", 1)
    one.watch_periods.update(since=timezone.now() - timedelta(minutes=10))
    rollups.progress()
    RollupProgress.objects.update(
        hours_until=rollups.floor(timezone.now(), HOUR) - HOUR, recent_until=rollups.floor(timezone.now(), HOUR) - HOUR
    )
    for age in range(1, 60 * count, 60):
        check(one, age, outcome="up")
    # One or two may be under way.
    assert {*re.findall(r"(\d+) % seen", shown(viewer))} <= {*seen}
    assert ("% seen" in shown(viewer)) == bool(seen)


def test_health_tells_lateness_missed_checks_and_coverage() -> None:
    one = website()
    now = timezone.now()
    for number in range(100):
        made = check(one, number)
        late = 3.0 if number == 50 else number / 1000
        type(made).objects.filter(pk=made.pk).update(scheduled_at=made.entry_timestamp - timedelta(seconds=late))
    # Neither between the slots, nor long ago.
    check(one, 1, scheduled_at=None)
    check(one, 7200, scheduled_at=now - timedelta(hours=5))
    for number, missed in enumerate((3, 4)):
        Heartbeat.objects.create(component="worker", instance=f"host:{number}", seen_at=now, missed=missed)
    hour = rollups.floor(now, HOUR)
    RollupProgress.objects.update_or_create(
        pk=1, defaults={"checks_since": hour - HOUR, "hours_until": hour, "recent_until": hour, "days_until": hour}
    )
    rollup(one, hour - HOUR, expected=60, up=50, down=4, unknown=2)
    rollup(one, hour - 2 * HOUR, expected=60, up=1)
    found = health()
    assert found.lateness == pytest.approx(0.099)
    assert found.missed == 7
    assert found.hour == (hour - HOUR, hour)
    assert found.counts.coverage == pytest.approx(54 / 60)


def rollup(one: Website, started_at: Any, **counts: Any) -> None:
    early = {f"early_{outcome}": 0 for outcome in ("up", "down", "unknown")}
    HourlyRollup.objects.create(website=one, started_at=started_at, **{"down": 0, "unknown": 0, **early, **counts})


def test_without_checks_health_is_unknown_and_no_fault(viewer: Client) -> None:
    found = health()
    assert (found.lateness, found.missed, found.hour, found.counts.coverage) == (None, 0, None, None)
    assert "Lateness p99" in shown(viewer)


def test_health_looks_at_a_bounded_number_of_checks() -> None:
    one = website()
    old = check(one, 60)
    type(old).objects.filter(pk=old.pk).update(scheduled_at=old.entry_timestamp - timedelta(seconds=50))
    now = timezone.now()
    type(old).objects.bulk_create(
        type(old)(website=one, http_status=200, entry_timestamp=now, scheduled_at=now) for _ in range(LATEST_CHECKS)
    )
    assert health().lateness == 0


def test_tags_to_choose_from_are_those_that_there_are() -> None:
    for number, tags in enumerate([",b,a,", "", ",a,"]):
        website(number, tags=tags)
    assert listing.all_tags() == ["a", "b"]
