"""What strangers see at /status."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitoring.acknowledgements import acknowledge
from monitoring.models import (
    DailyRollup,
    MaintenanceKind,
    RollupProgress,
    ShownWebsite,
    State,
    StatusGroup,
    StatusPage,
)
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.status_page import contents, display
from monitoring.status_page.incidents import TOLD_MAX
from monitoring.tests.admin_pages import check, website
from monitoring.tests.outages import NOON, ended_incident, incident
from monitoring.tests.status_pages import (
    forgetful,
    maintenance,
    running_maintenance,
    seen,
    show,
    shown,
    status_page,
)
from monitoring.watch_periods import Span
from websites import http_auth
from websites.models import Website

__all__ = ["forgetful"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgetful")]

PATHS = ["/status", "/status/", "/status/feed", "/status/feed/"]


def headline(content: str) -> str:
    found = re.search(r'wm-overall-words">([^<]*)<', content)
    assert found is not None
    return found[1]


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("has_page", [False, True])
def test_it_is_not_there_until_it_is_switched_on(path: str, has_page: bool) -> None:
    if has_page:
        status_page(is_public=False)
    for method in ("GET", "HEAD", "POST"):
        response = Client().generic(method, path)
        assert response.status_code == 404
    assert Client().get(path).json() == {"detail": "There is nothing at this address."}


@pytest.mark.parametrize("path", PATHS)
def test_it_needs_no_sign_in_once_it_is_on_and_is_only_read(path: str) -> None:
    status_page()
    response = Client().get(path)
    assert response.status_code == 200
    assert response.cookies == {}
    assert "Cookie" not in response["Vary"] if "Vary" in response else True
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response = Client().generic(method, path)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def test_websites_stand_in_their_groups_and_order_under_their_names() -> None:
    status_page(introduction="First.\r\n\r\nSecond <b>.")
    shop, tools = StatusGroup.objects.create(name="Shop", position=2), StatusGroup.objects.create(name="Tools")
    shown(0, "Checkout", group=shop, position=2)
    shown(1, "Front", group=shop, position=1)
    shown(2, "Wiki", group=tools)
    shown(3, "Mail")
    website(4)
    content = seen()
    words = ["<p>First.</p>", "<p>Second &lt;b&gt;.</p>", "Mail", ">Tools<", "Wiki", ">Shop<", "Front", "Checkout"]
    places = [content.index(word) for word in words]
    assert places == sorted(places)
    assert "www4" not in content


def test_a_url_is_shown_only_where_that_is_switched_on() -> None:
    status_page()
    shown(0, "Hidden")
    shown(1, "Open", show_url=True)
    content = seen()
    assert 'href="https://www1.example.org/"' in content
    assert "www0" not in content


def everything_private() -> list[str]:
    """A page with a website that has a secret wherever there is room; returns what nobody may see."""
    user = User.objects.create_user("priv-acknowledger")
    of = Website.objects.create(
        website_url="https://priv-host.example.org/priv-path?priv-query",
        monitoring_interval=297,
        tags=",priv-tag,",
        regex="priv-regex",
        regex_must_match=True,
        method="POST",
        request_headers="X-Key: priv-header",
        request_body="priv-body",
        http_auth=http_auth.seal("Basic priv-user:priv-password"),
        accepted_statuses="200-298",
        slow_threshold=0.987654,
        slow_checks=4,
        value_min=123456.5,
        value_max=654321.5,
    )
    show(of, "Shop", State.DOWN)
    of.current_state.value = "priv-value"
    of.current_state.save()
    private: dict[str, Any] = {
        "error_detail": "priv-detail",
        "remote_ip": "192.0.2.77",
        "http_status": 523,
        "note": "priv-note",
    }
    began = ago(minutes=90)
    times: dict[str, Any] = {"started_at": began, "started_before": began, "opened_at": began, "started_after": None}
    one = incident(of, pk=770_001, **private | times)
    acknowledge(one.pk, user, "priv-acknowledgement")
    incident(of, pk=770_002, kind="slow", **private | times)
    ended: dict[str, Any] = {"ended_at": ago(minutes=9), "ended_before": ago(minutes=9), "closed_at": ago(minutes=9)}
    incident(of, pk=770_003, kind="value", acknowledged_by=user, end_reason="recovered", **private | times | ended)
    other = website(8)
    running_maintenance(of, other, pk=770_004, public_note="We move.", tags=",priv-window-tag,")
    maintenance(timezone.now() + timedelta(days=1), 30, of, pk=770_005)
    of.monitoring_data.update(error_detail="priv-check", remote_ip="192.0.2.78", regex_response='["priv-match"]')
    return ["priv", "www8", "192.0.2", "523", "timeout", "297", "200-298", "0.987654", "123456", "654321", "77000"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_private_is_shown(path: str) -> None:
    status_page()
    private = everything_private()
    content = seen(path)
    for told in ("Shop", "Outage", "Slow responses", "Unexpected content", "We move."):
        assert told in content
    # Digests, moments and numbers of drawings may look like anything.
    content = re.sub(r'tag:[^<]*| d="[^"]*"|T\d\d:\d\d:[^<"]*', "", content)
    assert [text for text in private if text in content] == []
    # Nor does anything lead to where one has to sign in.
    public = ("/static/", "#content", "/status", "http://testserver/status")
    assert [link for link in re.findall(r'href="([^"]*)"', content) if not link.startswith(public)] == []


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        (State.UP, {}, "All systems operational"),
        (State.DOWN, {}, "Major outage"),
        (State.UNKNOWN, {}, "Status unknown"),
        (State.UP, {"checked": None}, "Status unknown"),
        (State.UP, {"checked": 3 * 60 + 20}, "All systems operational"),
        (State.UP, {"checked": 3 * 60 + 90}, "Status unknown"),
    ],
)
def test_the_headline_is_true(state: State, fields: dict[str, Any], words: str) -> None:
    status_page()
    shown(0, state=state, **fields)
    assert headline(seen()) == words


def test_a_website_whose_state_nobody_knows_is_not_called_operational() -> None:
    status_page()
    ShownWebsite.objects.create(website=website(0), name="New")
    assert headline(seen()) == "Status unknown"


def test_paused_degraded_and_maintained_websites_are_told_as_that() -> None:
    status_page()
    shown(0)
    Website.objects.filter(pk=shown(1).website_id).update(is_active=False)
    assert headline(seen()) == "All monitored systems operational"
    cache.clear()
    incident(shown(2).website, kind="slow", started_at=ago(minutes=5))
    running_maintenance(shown(3, state=State.DOWN).website)
    content = seen()
    assert headline(content) == "Some systems are degraded"
    assert "1 degraded, 1 under maintenance, 1 operational, 1 not monitored" in content


def test_incidents_are_told_by_the_day_on_which_they_ended() -> None:
    status_page()
    one, other = shown(0, "Shop").website, shown(1, "Mail", State.DOWN).website
    incident(other, started_at=ago(hours=2))
    midnight = floor(timezone.now(), DAY)
    for days, kind, reason in (
        *((1, "down", "recovered"), (3, "slow", "paused"), (13, "down", "recovered")),
        (14, "value", "recovered"),
    ):
        end = midnight - days * DAY + timedelta(hours=12)
        ended_incident(one, started_at=end - timedelta(minutes=5), ended_at=end, kind=kind, end_reason=reason)
    ended_incident(website(2), started_at=ago(hours=3), ended_at=ago(hours=2))
    content = seen()
    assert "2 h so far" in content
    assert content.count("Resolved after 5 min") == 2
    assert content.count("No longer monitored after 5 min") == 1
    assert "Unexpected content" not in content
    yesterday = display.day(midnight - DAY)
    assert f"{yesterday}, 11:55 to 12:00 UTC" in content
    assert content.count("No incidents.") == 3


def test_of_very_many_incidents_the_latest_are_told() -> None:
    status_page()
    flapping = shown(0).website
    for number in range(TOLD_MAX + 1):
        ended_incident(flapping, started_at=ago(seconds=number + 60), ended_at=ago(seconds=number))
    content = seen()
    assert content.count("Resolved after 1 min") == TOLD_MAX
    assert f"the latest {TOLD_MAX} are shown" in content


def test_of_very_many_that_last_none_is_called_operational() -> None:
    status_page()
    for number in range(TOLD_MAX + 3):
        incident(shown(number).website, kind="slow", started_at=ago(minutes=number + 1))
    content = seen()
    assert headline(content) == "Degraded service"
    assert f"{TOLD_MAX + 3} degraded" in content
    assert content.count("so far") == TOLD_MAX
    assert "and 3 more, of the systems below" in content


def test_what_a_clock_that_was_ahead_has_seen_is_not_believed() -> None:
    status_page()
    shown(0, checked=-3_600)
    assert headline(seen()) == "Status unknown"


def test_checks_that_say_nothing_of_the_website_confirm_no_state() -> None:
    status_page()
    check(shown(0, checked=1_500).website, 5, outcome="unknown")
    assert headline(seen()) == "Status unknown"


def test_an_incident_within_maintenance_says_so() -> None:
    status_page()
    one = shown(0, state=State.DOWN).website
    running_maintenance(one)
    incident(one, started_at=ago(minutes=10))
    ended_incident(one, started_at=ago(minutes=50), ended_at=ago(minutes=40), kind="slow")
    content = seen()
    assert "10 min so far, during maintenance" in content
    assert content.count("during maintenance") == 1


def test_maintenance_shows_its_note_its_websites_and_times_in_utc_and_its_own_zone() -> None:
    status_page()
    one = shown(0, "Shop").website
    shown(1, "Mail")
    begins = (timezone.now() + timedelta(days=3)).replace(hour=22, minute=30, second=0, microsecond=0)
    local = begins.astimezone(UTC).replace(tzinfo=None)
    window = maintenance(local, 120, one, time_zone="Asia/Tokyo", public_note="We move <b>.")
    running_maintenance()
    maintenance(timezone.now() + timedelta(days=15))
    maintenance(timezone.now() + timedelta(days=1), is_active=False)
    maintenance(timezone.now() + timedelta(days=1), 60, website(3))
    content = seen()
    day, next_day = display.day(local), display.day(local + DAY)
    assert f"{day}, 13:30 to 15:30 UTC" in content
    assert f"({day}, 22:30 to {next_day}, 00:30 Asia/Tokyo)" in content
    assert "We move &lt;b&gt;." in content
    assert window.name not in content
    assert content.count("All systems</p>") == 1
    assert len(re.findall(r"</svg>", content)) == 2
    # One is running, one is planned; the others are too far away, not active, or of no website here.
    assert len(re.findall(r"wm-maintenance", content)) == 2 + 2


def test_a_daily_window_is_told_with_its_next_times() -> None:
    status_page()
    shown(0)
    maintenance(timezone.now() + timedelta(hours=1), 30, kind=MaintenanceKind.RULE, rule="FREQ=DAILY")
    content = seen()
    assert len(re.findall(r" to .*UTC</time>", content)) == 3
    assert "and 11 more times within two weeks" in content


def moment(month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "zone", "utc", "there"),
    [
        ((1, 31, 12, 0), (1, 31, 13, 0), "UTC", "31 Jan 2026, 12:00 to 13:00 UTC", ""),
        ((1, 31, 12, 0), (1, 31, 13, 0), "Europe/London", "31 Jan 2026, 12:00 to 13:00 UTC", ""),
        (
            *((1, 31, 23, 30), (2, 1, 0, 30), "Europe/Berlin"),
            *("31 Jan 2026, 23:30 to 1 Feb 2026, 00:30 UTC", "1 Feb 2026, 00:30 to 01:30 Europe/Berlin"),
        ),
        # Clocks go forward at 01:00 UTC, from 2 to 3 o'clock.
        (
            *((3, 29, 0, 30), (3, 29, 1, 30), "Europe/Berlin", "29 Mar 2026, 00:30 to 01:30 UTC"),
            "29 Mar 2026, 01:30 (UTC+01:00) to 03:30 (UTC+02:00) Europe/Berlin",
        ),
        # And back, from 3 to 2 o'clock: the end looks like the beginning.
        (
            *((10, 25, 0, 30), (10, 25, 1, 30), "Europe/Berlin", "25 Oct 2026, 00:30 to 01:30 UTC"),
            "25 Oct 2026, 02:30 (UTC+02:00) to 02:30 (UTC+01:00) Europe/Berlin",
        ),
    ],
)
def test_times_are_told_in_utc_and_as_clocks_show_them(since: Any, until: Any, zone: str, utc: str, there: str) -> None:
    span = Span(moment(*since), moment(*until))
    assert display.between(span) == utc
    assert display.between_there(span, zone) == there


def roll_up(of: Website, days_ago: int, up: int, down: int) -> None:
    """A day of 1,000 slots of which so many were checked."""
    today = floor(timezone.now(), DAY)
    RollupProgress.objects.update_or_create(
        pk=1,
        defaults={"checks_since": today - 30 * DAY, "hours_until": today, "recent_until": today, "days_until": today},
    )
    DailyRollup.objects.create(
        website=of, started_at=today - days_ago * DAY, expected=1_000, up=up, down=down, unknown=0
    )


def test_uptime_is_told_with_its_coverage_and_as_a_bar_of_days() -> None:
    status_page(days=30)
    one, other = shown(0, "Shop", checked=None).website, shown(1, "Mail", checked=None).website
    one.watch_periods.update(since=ago(seconds=1))
    other.watch_periods.update(since=ago(seconds=1))
    roll_up(one, 1, 997, 3)
    roll_up(one, 29, 500, 0)
    roll_up(one, 30, 0, 1_000)
    content = seen()
    assert "99.80 % uptime" in content
    assert "(74 % coverage)" in content
    yesterday = display.day(floor(timezone.now(), DAY) - DAY)
    assert f"<title>{yesterday}: 99.70 % uptime, 100 % coverage</title>" in content
    assert f"The last 30 days of Shop: 99.80 % uptime, 1 day with failed checks: {yesterday}" in content
    assert "The last 30 days of Mail: no data yet, no days with failed checks" in content
    assert "no data yet" in content


def test_what_its_own_people_write_is_read_as_they_wrote_it() -> None:
    introduction = "Besoin d\u2019aide\u202f? \u0646\u06cc\u0645\u200c\u0641 \U0001f469\u200d\U0001f4bb\u202e"
    status_page(introduction=introduction)
    running_maintenance(shown(0).website, public_note="Upgrading\xa0things")
    content = seen()
    assert "Besoin d\u2019aide ? \u0646\u06cc\u0645\u200c\u0641 \U0001f469\u200d\U0001f4bb\\u202e" in content
    assert "Upgrading things" in content
    assert "Upgrading things" in seen("/status/feed")


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe'\"&{{ 7*7 }}"
HOSTILE_SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\u202egnp.exe&#x27;&quot;&amp;{{ 7*7 }}"


def test_hostile_names_are_only_text() -> None:
    status_page(title=HOSTILE, introduction=HOSTILE)
    one = shown(0, HOSTILE, State.DOWN, group=StatusGroup.objects.create(name=HOSTILE)).website
    incident(one, started_at=ago(hours=1))
    ended_incident(one, started_at=ago(hours=4), ended_at=ago(hours=2))
    running_maintenance(one, public_note=HOSTILE)
    content = seen()
    assert content.count(HOSTILE_SHOWN) >= 9
    assert not {"\x1b", "\u202e"} & set(content)
    assert "<script" not in content


@pytest.mark.parametrize("days", [0, 6, 91, 32_000])
def test_a_number_of_days_written_past_the_checks_harms_nothing(days: int) -> None:
    status_page(days=days)
    shown(0)
    found = contents.read(timezone.now())
    assert found is not None
    assert 7 <= found.days <= 90
    seen()


def test_there_is_only_one_page_in_its_table() -> None:
    with pytest.raises(Exception, match="monitoring_status_page_only"):
        StatusPage.objects.create(pk=2)


def test_however_many_websites_and_windows_there_are_the_queries_are_as_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    status_page()
    groups = [StatusGroup.objects.create(name=str(number)) for number in range(5)]
    for number in range(20):
        one = shown(number, group=groups[number % 5]).website
        incident(one, started_at=NOON)
        ended_incident(one, kind="slow", started_at=ago(hours=5), ended_at=ago(hours=4))
    for number in range(10):
        maintenance(timezone.now() + timedelta(hours=number + 1), 30, Website.objects.all()[number])
    with django_assert_max_num_queries(20):
        seen()
    with django_assert_max_num_queries(0):
        seen()
