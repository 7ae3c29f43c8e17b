"""The page of one website, and the report on it in the admin."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from monitoring import admin_display as display
from monitoring import rollups
from monitoring.models import (
    Certificate,
    CheckError,
    DailyRollup,
    ExtractedValue,
    HourlyRollup,
    MaintenanceWindow,
    RollupProgress,
    State,
    StatusPage,
    WatchPeriod,
    WebsiteState,
)
from monitoring.rollup_tables import DAY, HOUR
from monitoring.rollups import floor
from monitoring.tests.admin_pages import change_url, check, page, staff_client, website
from monitoring.tests.outages import HOSTILE, HOSTILE_SHOWN, ended_incident, incident
from monitoring.tests.status_pages import running_maintenance
from monitoring.website_page import charts
from monitoring.website_page.ranges import RANGES
from websites.models import Website
from websites.tests.people import person

pytestmark = pytest.mark.django_db

KEYS = [found.key for found in RANGES]


def site_url(of: Website) -> str:
    return reverse("site", args=[of.pk])


def act_url(of: Website, action: str) -> str:
    return reverse(f"site-{action}", args=[of.pk])


def watched(number: int = 0, **fields: Any) -> Website:
    """A website that has been watched for years, whose checks are rolled up but for those of the last hour or two."""
    one = website(number, **fields)
    WatchPeriod.objects.filter(website=one).update(since=timezone.now() - 1000 * DAY)
    until = floor(timezone.now() - HOUR - rollups.GRACE, HOUR)
    known = {
        "checks_since": until - 30 * DAY,
        "hours_until": until,
        "recent_until": until,
        "days_until": floor(until, DAY),
    }
    RollupProgress.objects.get_or_create(pk=1, defaults=known)
    return one


def checked(of: Website, count: int = 60, **fields: Any) -> None:
    for age in range(count):
        check(of, 60 * age + 30, outcome="up", dns_time=0.01, connect_time=0.02, first_byte_time=0.06, **fields)


def staff_with(*codenames: str) -> Client:
    """A browser in which a member of staff is signed in who may do this much."""
    user = person(None, "someone", staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client


def figures(content: str) -> dict[str, str]:
    """What the tiles say, by their titles."""
    tiles = re.findall(r'<section class="wm-tile"><h2>(.*?)</h2>(.*?)</section>', content, re.DOTALL)
    return {title: " ".join(re.sub(r"<[^>]+>", " ", text).split()) for title, text in tiles}


# --- Who sees what ---------------------------------------------------------------------


@pytest.mark.parametrize(("role", "may_change"), [("viewer", False), ("editor", True), ("admin", True)])
def test_roles_see_the_page_and_only_some_may_act(role: str, may_change: bool) -> None:
    one = watched(0, tags=",shop,")
    checked(one)
    content = page(staff_client(role), site_url(one))
    for shown in ("https://www0.example.org/", "every 60 s", ">shop<", "Response time", "Latest checks"):
        assert shown in content
    for action in ("check", "pause"):
        assert (act_url(one, action) in content) is may_change
    assert (">Edit<" in content, ">Settings<" in content) == (may_change, not may_change)


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_who_is_no_staff_sees_as_much_without_links_into_the_admin(role: str) -> None:
    one = watched(0)
    checked(one)
    incident(one)
    ended_incident(one, 3600)
    content = page(signed_in_without_staff(role), site_url(one))
    for shown in ('id="report-figures"', 'id="latest-checks"', 'id="latest-incidents"', "wm-alarm"):
        assert shown in content
    assert 'href="/admin/' not in content
    assert f'href="/websites/{one.pk}"' in content
    assert 'href="/admin/' in page(staff_client(role), site_url(one))


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_who_is_no_staff_acts_with_the_same_permission(role: str) -> None:
    one = website()
    answer = signed_in_without_staff(role).post(act_url(one, "pause"))
    assert answer.status_code == (302 if role == "editor" else 403)
    one.refresh_from_db()
    assert one.is_active is (role == "viewer")


def test_strangers_are_led_to_the_login_and_back(client: Client) -> None:
    one = website()
    assert client.get(f"{site_url(one)}?range=7d")["Location"] == f"/admin/login/?next={site_url(one)}%3Frange%3D7d"
    assert client.post(act_url(one, "pause"))["Location"] == f"/admin/login/?next={act_url(one, 'pause')}"
    one.refresh_from_db()
    assert one.is_active


def signed_in_without_staff(role: str) -> Client:
    client = Client()
    client.force_login(person(role, f"{role}-without-staff"))
    return client


@pytest.mark.parametrize("is_public", [False, True])
def test_the_page_leads_to_the_status_page_where_it_is_on(admin_client: Client, is_public: bool) -> None:
    StatusPage.objects.create(is_public=is_public)
    for address in (site_url(website()), "/"):
        assert ('href="/status"' in page(admin_client, address)) is is_public


def test_staff_without_a_role_is_told_so_and_sees_nothing() -> None:
    one = website()
    client = staff_client_without_a_role()
    for response in (client.get(site_url(one)), client.post(act_url(one, "check"))):
        assert response.status_code == 403
        assert b"An administrator can give you a role" in response.content
        assert b"example.org" not in response.content


def staff_client_without_a_role() -> Client:
    client = Client()
    client.force_login(person(None, staff=True))
    return client


@pytest.mark.parametrize(
    ("also", "seen"),
    [
        ((), set()),
        (("view_monitoringdata",), {"figures", "checks"}),
        (("view_incident",), {"incidents"}),
        (("view_extractedvalue",), {"values"}),
        (("view_monitoringdata", "view_incident"), {"figures", "checks", "incidents", "outages"}),
    ],
)
def test_everybody_sees_as_much_as_in_the_admin(also: tuple[str, ...], seen: set[str]) -> None:
    one = watched(0, regex="x")
    checked(one)
    now = timezone.now()
    incident(one, started_at=now - HOUR, started_before=now - HOUR)
    ExtractedValue.objects.create(website=one, value="new", seen_at=now - HOUR)
    content = page(staff_with("view_website", *also), site_url(one))
    shown = {
        "figures": 'id="report-figures"',
        "checks": 'id="latest-checks"',
        "incidents": 'id="latest-incidents"',
        "values": 'id="latest-values"',
        "outages": 'class="wm-outage"',
    }
    assert {name for name, mark in shown.items() if mark in content} == seen


@pytest.mark.parametrize("path", ["/sites/7", "/sites/7/", "/sites/99999999999999999999", f"/sites/{'9' * 5000}"])
def test_an_unknown_website_is_a_page_that_says_so(admin_client: Client, path: str) -> None:
    response = admin_client.get(path)
    assert response.status_code == 404
    assert f"There is no website with the id {path.split('/')[2][:20]}" in response.content.decode()
    assert f'href="{reverse("home")}"' in response.content.decode()


def test_the_page_answers_with_and_without_a_slash(admin_client: Client) -> None:
    one = website()
    assert admin_client.get(f"/sites/{one.pk}").status_code == admin_client.get(f"/sites/{one.pk}/").status_code == 200


# --- What it shows ---------------------------------------------------------------------


def test_it_says_what_the_website_is_like_now(admin_client: Client) -> None:
    one = watched()
    since = timezone.now() - timedelta(hours=3)
    WebsiteState.objects.create(website=one, state=State.DOWN, since=since)
    content = page(admin_client, site_url(one))
    assert 'data-state="down"' in content
    assert f"since {since:%Y-%m-%d %H:%M:%S} UTC (3 h)" in content
    assert "<title>https://www0.example.org/ (down) | webmonitor</title>" in content


def test_the_figures_are_of_the_range(admin_client: Client) -> None:
    one = watched(0)
    checked(one, 59)
    check(one, 60 * 59 + 30, outcome="down", http_status=0, response_time=None, error=CheckError.TIMEOUT)
    check(one, 65 * 60, outcome="down", http_status=503, response_time=0.5)

    found = figures(page(admin_client, site_url(one), range="1h"))
    assert found["Uptime"] == "98.33 % coverage 100 %"
    assert found["Checks"] == "60 of 60 expected"
    assert found["Failed checks"] == "1 timeout 1"
    assert found["Response time"].startswith("123 ms median; p95 123 ms")
    assert figures(page(admin_client, site_url(one), range="6h"))["Failed checks"] == "2 unwanted answer 1, timeout 1"


@pytest.mark.parametrize("key", KEYS)
def test_each_range_is_drawn_and_marked_as_the_one_that_is(admin_client: Client, key: str) -> None:
    one = watched()
    checked(one, 10)
    content = page(admin_client, site_url(one), range=key)
    assert re.findall(r'href="\?range=(\w+)" aria-current', content) == [key]
    assert "wm-plot" in content


@pytest.mark.parametrize("asked", ["", "2h", "24", "1h ,", "<script>alert(1)</script>\u202e", "x" * 3000, "\0", "-1d"])
def test_a_range_that_is_none_is_answered_by_those_there_are(admin_client: Client, asked: str) -> None:
    one = watched()
    checked(one, 3)
    response = admin_client.get(site_url(one), {"range": asked})
    content = response.content.decode()
    assert response.status_code == 400
    assert "choose one of 1h, 6h, 24h, 7d, 30d, 90d and 1y." in content
    assert "<script>alert" not in content
    assert "\u202e" not in content
    # The rest is there, of the range that is shown without.
    assert re.findall(r'href="\?range=(\w+)" aria-current', content) == ["24h"]


def test_a_website_without_checks_says_so(admin_client: Client) -> None:
    content = page(admin_client, site_url(website()))
    assert content.count("This website has not been checked yet.") == 2
    assert "Nothing has been wrong with this website." in content
    assert figures(content)["Uptime"].startswith("-")


def test_a_paused_website_can_be_resumed_and_nothing_else(admin_client: Client) -> None:
    one = website(0, is_active=False)
    content = page(admin_client, site_url(one))
    assert act_url(one, "resume") in content
    assert act_url(one, "pause") not in content
    assert act_url(one, "check") not in content
    assert 'data-state="paused"' in content


def test_outages_and_maintenance_are_hatched(admin_client: Client) -> None:
    one = watched()
    checked(one)
    now = timezone.now()
    ended_incident(one, started_at=now - HOUR, ended_at=now - HOUR / 2)
    start = now - 3 * HOUR
    MaintenanceWindow.objects.create(name="x", first_day=start.date(), start_time=start.time(), minutes=60)
    content = page(admin_client, site_url(one), range="6h")
    assert content.count('class="wm-outage"') == 1
    assert content.count('class="wm-maintenance"') == 1
    # A dash in a year.
    assert 'class="wm-maintenance"' not in page(admin_client, site_url(one), range="1y")


def test_maintenance_that_lasts_is_told_and_hatched(admin_client: Client) -> None:
    one = watched()
    checked(one, 5)
    assert "Under maintenance" not in page(admin_client, site_url(one))
    window = running_maintenance(one)
    content = page(admin_client, site_url(one), range="1h")
    until = display.utc(window.window.ends(timezone.now()))
    assert f"<strong>Under maintenance</strong> until {until}:" in content
    # Nothing that was answered counts: the chart says why.
    assert 'class="wm-maintenance"' in content
    assert "Nothing was answered in this time; no outage; maintenance once." in content


def test_of_very_many_outages_the_newest_are_hatched(admin_client: Client) -> None:
    one = watched()
    checked(one, 5)
    now = timezone.now()
    for number in range(charts.OUTAGES_DRAWN + 1):
        ended = now - (number + 1) * timedelta(minutes=1)
        ended_incident(one, started_at=ended - timedelta(seconds=30), ended_at=ended)
        if number == charts.OUTAGES_DRAWN - 1:
            assert "are hatched" not in page(admin_client, site_url(one), range="6h")
    content = page(admin_client, site_url(one), range="6h")
    assert f"The newest {charts.OUTAGES_DRAWN} outages are hatched." in content
    assert content.count('class="wm-outage"') == charts.OUTAGES_DRAWN


def test_what_comes_and_goes_has_an_id_by_which_it_stays_the_same(admin_client: Client) -> None:
    one = watched(0, regex="x")
    checked(one, 2)
    found = incident(one)
    value = ExtractedValue.objects.create(website=one, value="about 12", seen_at=timezone.now())
    content = page(admin_client, site_url(one))
    for check_id in one.monitoring_data.values_list("pk", flat=True):
        assert content.count(f'id="check-{check_id}"') == 1
    for name in (f"incident-{found.pk}", f"open-incident-{found.pk}", f"value-{value.pk}"):
        assert content.count(f'id="{name}"') == 1


@pytest.mark.parametrize("also", [(), ("view_incident",)])
def test_who_may_see_the_website_alone_is_told_so(also: tuple[str, ...]) -> None:
    content = page(staff_with("view_website", *also), site_url(watched()))
    assert ("Your account may see neither checks nor incidents." in content) is (not also)


@pytest.mark.parametrize(("codenames", "words"), [((), "To the incident"), (("change_incident",), "Acknowledge")])
def test_what_is_wrong_leads_to_where_it_is_acknowledged(codenames: tuple[str, ...], words: str) -> None:
    one = watched()
    found = incident(one)
    client = staff_with("view_website", "view_incident", *codenames)
    link = f'<a href="{change_url(found)}">'
    assert f"{link}{words}</a></p>" in page(client, site_url(one))
    found.acknowledged_at = timezone.now()
    found.save()
    assert f"{link}To the incident</a></p>" in page(client, site_url(one))


def test_phases_are_the_mean_of_the_answers(admin_client: Client) -> None:
    one = watched()
    checked(one, 5)
    content = page(admin_client, site_url(one), range="1h")
    found = re.findall(r'wm-phase-name">(\w+)<.*?wm-phase-time">(.*?)<', content)
    # Without TLS, as there was none.
    assert found == [("DNS", "10 ms"), ("Connect", "20 ms"), ("Waiting", "60 ms"), ("Receiving", "33 ms")]


def test_numbers_are_drawn_and_other_values_are_listed(admin_client: Client) -> None:
    one = watched(0, regex="x", value_max=12.5)
    now = timezone.now()

    def value(text: str, hours: float) -> None:
        ExtractedValue.objects.create(website=one, value=text, seen_at=now - timedelta(hours=hours))

    for text, hours in (("9", 60), ("10", 5), ("", 4), ("12", 3)):
        value(text, hours)
    content = page(admin_client, site_url(one))
    assert 'aria-labelledby="values-title values-desc"' in content
    assert "From 9 to 12, now 12." in content
    assert "Alerts beyond 12.5" in content
    value("about 12", 2)
    content = page(admin_client, site_url(one))
    assert "values-title" not in content
    assert "about 12" in content
    # Of the last hour is only what it was all the time.
    value("13", 1.5)
    assert "values-title" in page(admin_client, site_url(one), range="1h")


def test_of_very_many_values_the_newest_are_drawn(admin_client: Client) -> None:
    one = watched(0, regex="x")
    now = timezone.now()
    ExtractedValue.objects.bulk_create(
        ExtractedValue(website=one, value=str(number), seen_at=now - timedelta(seconds=number)) for number in range(400)
    )
    content = page(admin_client, site_url(one))
    assert "The newest 300 changes are drawn." in content
    assert "From 0 to 299, now 0." in content


@pytest.mark.parametrize(("days", "text", "is_short"), [(60, "60 days left", False), (1, "1 day left", True)])
def test_the_certificate_says_how_long_it_lasts(admin_client: Client, days: int, text: str, is_short: bool) -> None:
    one, now = watched(), timezone.now()
    Certificate.objects.create(
        website=one,
        host="example.org",
        issuer="<b>Issuer</b>",
        names=["example.org"],
        not_before=now,
        not_after=now + timedelta(days=days, minutes=1),
        seen_at=now,
    )
    content = page(admin_client, site_url(one))
    assert text in content
    assert "&lt;b&gt;Issuer" in content
    assert ('class="wm-short"' in content) is is_short


def hour(of: Website, started_at: Any) -> dict[str, Any]:
    return {
        "website": of,
        "started_at": started_at,
        "expected": 60.0,
        "up": 60,
        "down": 0,
        "unknown": 0,
        "response_sum": 6.0,
        "response_min": 0.1,
        "response_max": 0.1,
        "histogram": '"72":60',
    }


def test_a_month_is_drawn_of_hours_and_a_year_of_days(admin_client: Client) -> None:
    one = watched()
    now = timezone.now()
    end, start = floor(now, HOUR), floor(now - 40 * DAY, DAY)
    RollupProgress.objects.update(checks_since=start, hours_until=end, recent_until=end, days_until=floor(now, DAY))
    early = {"early_up": 30, "early_down": 0, "early_unknown": 0}
    hours = [start + n * HOUR for n in range((end - start) // HOUR)]
    HourlyRollup.objects.bulk_create(HourlyRollup(**hour(one, at), **early) for at in hours)
    days = [start + n * DAY for n in range((end - start) // DAY)]
    DailyRollup.objects.bulk_create(DailyRollup(**hour(one, at)) for at in days)

    def answered(key: str) -> list[bool]:
        titles = re.findall(r"<title>(.*?)</title></rect>", page(admin_client, site_url(one), range=key), re.DOTALL)
        return ["median 100 ms" in title for title in titles]

    # All but the last piece, of which there are no checks yet.
    month = answered("30d")
    assert len(month) >= 240
    assert all(month[:-1])
    year = answered("1y")
    assert len(year) >= 180
    assert 20 <= sum(year) <= 22


# --- Strangers' text -------------------------------------------------------------------


def test_what_strangers_wrote_is_shown_inert(admin_client: Client) -> None:
    one = watched(0, regex="x", tags="<b>bold</b>")
    now = timezone.now()
    check(one, outcome="down", http_status=200, error_detail=HOSTILE, regex_response=f'["{HOSTILE[:25]}"]')
    incident(one, started_at=now - HOUR, error="", http_status=200, error_detail=HOSTILE)
    ExtractedValue.objects.create(website=one, value=HOSTILE, seen_at=now)
    of_admin = page(admin_client, change_url(one))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE websites_website SET website_url = %s", [f"https://example.org/{HOSTILE}"])
    own = page(admin_client, site_url(one))

    assert f"<bdi>https://example.org/{HOSTILE_SHOWN}</bdi>" in own
    for content in (own, of_admin):
        assert content.count(HOSTILE_SHOWN) >= 3
        for raw in ("<script>alert", "\x1b", "\u202e", "<b>bold"):
            assert raw not in content


def test_only_a_web_address_becomes_a_link_out(admin_client: Client) -> None:
    one = website()
    link = f'href="{one.website_url}" target="_blank" rel="noopener noreferrer"'
    assert link in page(admin_client, site_url(one))
    # As raw SQL could leave it.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE websites_website SET website_url = 'javascript:alert(1)'")
    content = page(admin_client, site_url(one))
    assert "javascript:alert(1)" in content
    assert 'href="javascript:' not in content


def test_the_page_has_no_styles_and_no_scripts_of_its_own(admin_client: Client) -> None:
    one = watched(0, regex="x")
    checked(one, 20)
    ExtractedValue.objects.create(website=one, value="1", seen_at=timezone.now() - HOUR)
    incident(one, started_at=timezone.now() - HOUR)
    content = page(admin_client, site_url(one))
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", content)


# --- What can be done ------------------------------------------------------------------


def due(of: Website) -> bool:
    return PeriodicTask.objects.get(name=f"website-{of.pk}").last_run_at is None


def test_check_now_marks_the_website_as_due_and_keeps_the_range(admin_client: Client) -> None:
    one = website()
    PeriodicTask.objects.update(last_run_at=timezone.now())
    response = admin_client.post(act_url(one, "check"), {"range": "7d"}, follow=True)
    assert response.redirect_chain == [(f"{site_url(one)}?range=7d", 302)]
    assert "It is checked at once." in response.content.decode()
    assert due(one)


def test_pause_and_resume_reach_the_website(admin_client: Client) -> None:
    one, other = website(0), website(1)
    for action, words, is_active in (
        ("pause", "Paused: it is not checked any more.", False),
        ("check", "A paused website is not checked. Resume it first.", False),
        ("resume", "Resumed: it is checked at once.", True),
    ):
        content = admin_client.post(act_url(one, action), follow=True).content.decode()
        assert words in content
        one.refresh_from_db()
        assert one.is_active is is_active
        assert PeriodicTask.objects.get(name=f"website-{one.pk}").enabled is is_active
    other.refresh_from_db()
    assert other.is_active


@pytest.mark.parametrize("asked", ["//evil.example/", "7d&x=1", "", "24h"])
def test_only_ranges_come_back_in_the_address(admin_client: Client, asked: str) -> None:
    one = website()
    assert admin_client.post(act_url(one, "check"), {"range": asked})["Location"] == site_url(one)


@pytest.mark.parametrize("action", ["check", "pause", "resume"])
def test_acting_takes_a_post_with_its_token_and_the_permission(action: str, admin_client: Client) -> None:
    one = website()
    PeriodicTask.objects.update(last_run_at=timezone.now())
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(person("editor", staff=True))
    assert forger.post(act_url(one, action)).status_code == 403
    assert staff_client("viewer").post(act_url(one, action)).status_code == 403
    # Whoever had to sign in first comes back without the form.
    assert admin_client.get(act_url(one, action))["Location"] == site_url(one)
    one.refresh_from_db()
    assert one.is_active
    assert not due(one)
    assert admin_client.post(f"/sites/{one.pk + 1}/{action}").status_code == 404


# --- How it is served ------------------------------------------------------------------


def test_the_page_refreshes_itself_with_its_live_part_alone(admin_client: Client) -> None:
    one = watched()
    checked(one, 5)
    whole, part = page(admin_client, site_url(one)), page(admin_client, site_url(one), fragment="")
    assert "<html" in whole
    assert "data-live " in whole
    assert "<html" not in part
    for shown in ("data-now=", "data-state=", "wm-plot", 'id="latest-checks"'):
        assert shown in part
    # What is refused would be refused again.
    assert "data-live " not in admin_client.get(site_url(one), {"range": "x"}).content.decode()


@pytest.fixture
def queries() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as captured:
        yield captured


@pytest.mark.parametrize("key", KEYS)
def test_the_page_asks_the_database_no_more_for_much_than_for_little(admin_client: Client, key: str) -> None:
    def asked(of: Website) -> int:
        admin_client.get(site_url(of))
        with CaptureQueriesContext(connection) as captured:
            page(admin_client, site_url(of), range=key)
        return len(captured)

    little, much = watched(0), watched(1, regex="x")
    check(little, 60, outcome="up")
    checked(much, 120)
    for number in range(30):
        ended_incident(much, started_at=timezone.now() - number * HOUR, ended_at=timezone.now() - number * HOUR)
        ExtractedValue.objects.create(website=much, value=str(number), seen_at=timezone.now() - number * HOUR)
    assert asked(much) <= 40
    # What was down needs to be known when it was watched, and how it was maintained.
    assert asked(much) <= asked(little) + 3


# --- In the admin ----------------------------------------------------------------------


def test_the_admin_has_the_same_report(admin_client: Client) -> None:
    one = watched(0, regex="x")
    checked(one, 30)
    ExtractedValue.objects.create(website=one, value="7", seen_at=timezone.now() - HOUR)
    own, of_admin = page(admin_client, site_url(one), range="6h"), page(admin_client, change_url(one), range="6h")
    assert figures(own) == figures(of_admin)
    for shown in ("wm-plot", "wm-phases", 'aria-labelledby="values-title', 'id="latest-checks"'):
        assert shown in of_admin
    assert re.findall(r'href="\?range=(\w+)#report" aria-current', of_admin) == ["6h"]
    assert f'href="{site_url(one)}"' in of_admin
    assert "choose one of" in page(admin_client, change_url(one), range="x")


def test_the_admins_form_keeps_its_own_errors_beside_the_report(admin_client: Client) -> None:
    one = watched()
    check(one, outcome="down", error=CheckError.TIMEOUT)
    assert "Please correct the error" not in page(admin_client, change_url(one))
    response = admin_client.post(change_url(one), {"website_url": "nonsense"})
    assert b"Please correct the error" in response.content
    assert b"wm-plot" in response.content or b"wm-nothing" in response.content


def test_adding_a_website_shows_no_report(admin_client: Client) -> None:
    assert 'class="wm-report"' not in page(admin_client, reverse("admin:websites_website_add"))
