"""The admin, as people with different rights see it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from knox.models import AuthToken

from monitoring.models import CheckError, MonitoringData, State, WebsiteState
from monitoring.monitoring_data_admin import first_id_since
from websites.models import Website
from websites.tests.people import person

pytestmark = pytest.mark.django_db

WEBSITES = reverse("admin:websites_website_changelist")
DATA = reverse("admin:monitoring_monitoringdata_changelist")
TASKS = reverse("admin:django_celery_beat_periodictask_changelist")
INTERVALS = reverse("admin:django_celery_beat_intervalschedule_changelist")
HOSTILE = "<script>alert(1)</script>{{ 7*7 }}\x1b[31m\u202egnp.exe"
INERT = escape("<script>alert(1)</script>{{ 7*7 }}\\x1b[31m\\u202egnp.exe")


def website(number: int = 0, **fields: Any) -> Website:
    values = {"website_url": f"https://www{number}.example.org/", "monitoring_interval": 60, **fields}
    return Website.objects.create(**values)


def check(of: Website, age: float = 0, **fields: Any) -> MonitoringData:
    """A row of a check made `age` seconds ago."""
    when = timezone.now() - timedelta(seconds=age)
    values = {"http_status": 200, "response_time": 0.123, "entry_timestamp": when, "scheduled_at": when, **fields}
    return MonitoringData.objects.create(website=of, **values)


def change_url(thing: Any) -> str:
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def page(client: Client, url: str, **query: Any) -> str:
    response = client.get(url, query, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, url: str, action: str, *things: Any, **fields: Any) -> str:
    chosen = {"action": action, "_selected_action": [thing.pk for thing in things], **fields}
    response = client.post(url, chosen, follow=True)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def staff_client() -> Any:
    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(person(role, staff=True))
        return client

    return sign_in


# --- Websites -----------------------------------------------------------------------------


def test_the_list_shows_state_answer_response_time_and_when(admin_client: Client) -> None:
    up = website(1)
    check(up, 60, http_status=500)
    check(up, 0, http_status=204)
    WebsiteState.objects.create(website=up, state=State.UP, since=timezone.now())
    down = website(2)
    check(down, 0, http_status=0, response_time=None, error=CheckError.REFUSED)
    WebsiteState.objects.create(website=down, state=State.DOWN, since=timezone.now())
    website(3)
    website(4, is_active=False)

    content = page(admin_client, WEBSITES)
    for shown in ("wm-up", "wm-down", "wm-unknown", "wm-paused", "204", "123 ms", "connection refused", "UTC"):
        assert shown in content
    assert "500" not in content


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"state": "up"}, {1}),
        ({"state": "down"}, {2}),
        ({"state": "unknown"}, {3}),
        ({"state": "paused"}, {4}),
        ({"is_active__exact": "0"}, {4}),
        ({"interval": "5-14"}, {3}),
        ({"interval": "60-119"}, {1, 2, 4}),
        ({"q": "WWW2"}, {2}),
        ({"state": "nonsense"}, {1, 2, 3, 4}),
    ],
)
def test_the_list_is_filtered_and_searched(admin_client: Client, query: dict[str, str], numbers: set[int]) -> None:
    for number, fields in ((1, {}), (2, {}), (3, {"monitoring_interval": 5}), (4, {"is_active": False})):
        one = website(number, **fields)
        if number != 3:
            state = State.DOWN if number == 2 else State.UP
            WebsiteState.objects.create(website=one, state=state, since=timezone.now())

    content = page(admin_client, WEBSITES, **query)
    assert {number for number in range(1, 5) if f'href="https://www{number}.example.org/"' in content} == numbers


def test_the_list_asks_the_database_no_more_for_many_websites_than_for_few(admin_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(admin_client, WEBSITES)
        return len(captured)

    check(website(0))
    few = queries()
    for number in range(1, 30):
        check(website(number))
    assert queries() == few


def test_saving_the_form_makes_the_periodic_task(admin_client: Client) -> None:
    fields = {"website_url": "HTTPS://Example.org", "monitoring_interval": "5", "regex": "(a+)+$", "is_active": "on"}
    page_after = admin_client.post(reverse("admin:websites_website_add"), fields)

    assert page_after.status_code == 302
    made = Website.objects.get()
    assert (made.website_url, made.regex) == ("https://example.org/", "(a+)+$")
    assert PeriodicTask.objects.get(name=f"website-{made.pk}").interval.every == 5


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"monitoring_interval": "4"}, "monitoring_interval", "greater than or equal to 5"),
        ({"monitoring_interval": "301"}, "monitoring_interval", "less than or equal to 300"),
        ({"monitoring_interval": "-1"}, "monitoring_interval", "greater than or equal to 5"),
        ({"monitoring_interval": "abc"}, "monitoring_interval", "Enter a whole number."),
        ({"monitoring_interval": "5.5"}, "monitoring_interval", "Enter a whole number."),
        ({"monitoring_interval": ""}, "monitoring_interval", "This field is required."),
        ({"regex": "("}, "regex", "Not a valid RE2 pattern: missing ): ("),
        ({"regex": r"(a)\1"}, "regex", r"Not a valid RE2 pattern: invalid escape sequence: \1"),
        ({"regex": "x" * 10_000}, "regex", "at most 500 characters"),
        ({"regex": "a\0b"}, "regex", "Null characters are not allowed."),
        ({"website_url": ""}, "website_url", "This field is required."),
        ({"website_url": "x" * 3000}, "website_url", "at most 2048 characters"),
        ({"website_url": "example.org"}, "website_url", "must begin with http:// or https://"),
        ({"website_url": "javascript:alert(1)"}, "website_url", "must begin with http:// or https://"),
        ({"website_url": "http://WWW0.example.org:80"}, "website_url", "A website with this URL exists already."),
    ],
)
def test_a_bad_field_is_answered_beside_it_and_nothing_is_saved(
    admin_client: Client, fields: dict[str, str], field: str, message: str
) -> None:
    website(0, website_url="http://www0.example.org/")
    good = {"website_url": "https://example.org/", "monitoring_interval": "5", "regex": "", "is_active": "on"}
    response = admin_client.post(reverse("admin:websites_website_add"), good | fields)

    assert response.status_code == 200
    form = response.context["adminform"].form
    assert set(form.errors) == {field}
    assert message in form.errors[field][0]
    assert Website.objects.count() == PeriodicTask.objects.filter(name__startswith="website-").count() == 1


def test_the_form_refuses_a_bad_change_and_keeps_what_there_is(admin_client: Client) -> None:
    one = website(0, regex="ok")
    fields = {"website_url": "nonsense", "monitoring_interval": "4", "regex": "(", "is_active": "on"}
    response = admin_client.post(change_url(one), fields)

    assert set(response.context["adminform"].form.errors) == {"website_url", "monitoring_interval", "regex"}
    one.refresh_from_db()
    assert (one.website_url, one.monitoring_interval, one.regex) == ("https://www0.example.org/", 60, "ok")


def test_a_websites_page_shows_its_latest_checks_and_where_the_rest_is(admin_client: Client) -> None:
    one = website(0)
    for age in range(25):
        check(one, age, http_status=300 + age)
    check(website(1), 0, http_status=599)

    content = page(admin_client, change_url(one))
    shown = [status for status in range(300, 600) if f"<td>{status}</td>" in content]
    assert shown == list(range(300, 320))
    assert f'href="{DATA}?website={one.pk}"' in content
    assert change_url(PeriodicTask.objects.get(name=f"website-{one.pk}")) in content
    assert f'<a href="{one.website_url}" target="_blank" rel="noopener noreferrer">' in content


def test_only_http_addresses_become_links_out(admin_client: Client) -> None:
    one = website(0)
    # As raw SQL could leave it.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE websites_website SET website_url = 'javascript:alert(1)'")

    for content in (page(admin_client, WEBSITES), page(admin_client, change_url(one))):
        assert 'href="javascript:' not in content


def test_hostile_text_is_inert_everywhere(admin_client: Client) -> None:
    one = website(0, website_url="https://example.org/?q=<script>alert(1)</script>", regex="\u202egnp.exe")
    row = check(one, 0, error=CheckError.TLS, error_detail=HOSTILE, regex_response=json.dumps([HOSTILE]))
    pair = check(one, 1, regex_response=json.dumps([["a", HOSTILE]]))
    check(one, 2, regex_response=HOSTILE)

    pages = [WEBSITES, change_url(one), DATA, change_url(row), change_url(pair)]
    for url in pages:
        content = page(admin_client, url)
        assert "<script>alert" not in content
        assert "\x1b" not in content
    for url in pages[2:]:
        content = page(admin_client, url)
        assert INERT in content
        assert "\u202e" not in content
    assert "spelled out: \\u202egnp.exe" in page(admin_client, change_url(one))


def test_check_now_marks_active_websites_as_due_and_names_the_paused(admin_client: Client) -> None:
    active, other, paused = website(0), website(1), website(2, is_active=False)
    PeriodicTask.objects.update(last_run_at=timezone.now())

    content = act(admin_client, WEBSITES, "check_now", active, paused)
    due = PeriodicTask.objects.filter(last_run_at=None).values_list("name", flat=True)
    assert f"website-{active.pk}" in due
    assert f"website-{other.pk}" not in due
    assert "1 website will be checked at once." in content
    assert "1 website passed over" in content


def test_pause_and_resume_reach_the_periodic_tasks(admin_client: Client) -> None:
    one, two, other = website(0), website(1), website(2)

    def enabled() -> set[str]:
        return set(
            PeriodicTask.objects.filter(enabled=True, name__startswith="website-").values_list("name", flat=True)
        )

    assert "2 websites paused." in act(admin_client, WEBSITES, "pause", one, two)
    assert enabled() == {f"website-{other.pk}"}
    assert "1 website resumed." in act(admin_client, WEBSITES, "resume", one, other)
    assert enabled() == {f"website-{other.pk}", f"website-{one.pk}"}


def test_delete_selected_removes_checks_and_periodic_tasks(admin_client: Client) -> None:
    one, other = website(0), website(1)
    check(one)
    check(other)
    content = act(admin_client, WEBSITES, "delete_selected", one)
    assert "Monitoring data: all of theirs" in content
    assert Website.objects.count() == 2

    act(admin_client, WEBSITES, "delete_selected", one, post="yes")
    assert Website.objects.get() == other
    assert MonitoringData.objects.get().website == other
    assert [task.name for task in PeriodicTask.objects.filter(name__startswith="website-")] == [f"website-{other.pk}"]


def test_one_website_is_deleted_with_everything_seen_of_it(admin_client: Client) -> None:
    one = website(0)
    check(one)
    url = reverse("admin:websites_website_delete", args=[one.pk])
    assert "Cannot delete" not in page(admin_client, url)

    admin_client.post(url, {"post": "yes"})
    assert not Website.objects.exists()
    assert not MonitoringData.objects.exists()
    assert not PeriodicTask.objects.filter(name__startswith="website-").exists()


def test_the_delete_confirmation_reads_no_checks_and_names_few_websites(admin_client: Client) -> None:
    websites = Website.objects.bulk_create(
        [Website(website_url=f"https://www{n}.example.org/", monitoring_interval=60) for n in range(1200)]
    )
    check(websites[0])
    with CaptureQueriesContext(connection) as captured:
        content = act(admin_client, WEBSITES, "delete_selected", websites[0], select_across="1")

    assert "and 1100 more" in content
    # But for the newest check of each website of the page behind.
    assert not [query for query in captured if '"monitoring_monitoringdata"."website_id" IN' in query["sql"]]
    # The confirmation itself fits into a form, whatever the number of websites.
    assert content.count("_selected_action") == 1
    act(admin_client, WEBSITES, "delete_selected", websites[0], select_across="1", post="yes")
    assert not Website.objects.exists()
    assert not PeriodicTask.objects.filter(name__startswith="website-").exists()


@pytest.mark.parametrize(("role", "may_change"), [("viewer", False), ("editor", True), ("admin", True)])
def test_roles_see_websites_and_only_some_change_them(staff_client: Any, role: str, may_change: bool) -> None:
    one = website(0)
    check(one)
    client = staff_client(role)
    content = page(client, change_url(one))
    assert "Latest checks" in content
    assert ('name="_save"' in content) is may_change

    act(client, WEBSITES, "pause", one)
    one.refresh_from_db()
    assert one.is_active is not may_change
    deletion = client.post(reverse("admin:websites_website_delete", args=[one.pk]), {"post": "yes"})
    assert deletion.status_code == (302 if may_change else 403)
    assert Website.objects.exists() is not may_change


# --- Monitoring data ------------------------------------------------------------------------


def test_monitoring_data_is_read_only_even_for_superusers(admin_client: Client) -> None:
    row = check(website(0))
    assert admin_client.get(reverse("admin:monitoring_monitoringdata_add")).status_code == 403
    assert admin_client.get(reverse("admin:monitoring_monitoringdata_delete", args=[row.pk])).status_code == 403
    assert admin_client.post(change_url(row), {"http_status": 1}).status_code == 403
    content = page(admin_client, change_url(row))
    assert 'name="_save"' not in content
    assert "UTC" in content
    row.refresh_from_db()
    assert row.http_status == 200


def walk(client: Client, first: str) -> tuple[list[list[int]], list[list[int]]]:
    """Every page's row ids, from the first to the last and back again."""

    def pages(url: str, onward: str) -> list[list[int]]:
        found: list[list[int]] = []
        while url:
            changes = client.get(url).context["cl"]
            found.append([row.pk for row in changes.result_list])
            following = getattr(changes, onward)
            url = following and DATA + following
            last[0] = changes.newer_url and DATA + changes.newer_url
        return found

    last: list[Any] = [None]
    forth = pages(first, "older_url")
    back = pages(last[0], "newer_url") if last[0] else []
    return forth, back


@pytest.mark.parametrize("of_one_website", [False, True])
def test_pages_hold_every_row_once_newest_first_in_both_directions(admin_client: Client, of_one_website: bool) -> None:
    one, other = website(0), website(1)
    now = timezone.now()
    # Several rows share a moment, so that only the id tells them apart.
    moments = [now - timedelta(seconds=number // 3) for number in range(130, 0, -1)]
    for owner in (one, other):
        MonitoringData.objects.bulk_create(
            MonitoringData(website=owner, http_status=200, entry_timestamp=when, scheduled_at=when) for when in moments
        )
    wanted = MonitoringData.objects.order_by("-pk")
    if of_one_website:
        wanted = wanted.filter(website=one)
    ids = list(wanted.values_list("pk", flat=True))

    forth, back = walk(admin_client, f"{DATA}?website={one.pk}" if of_one_website else DATA)
    assert forth == [ids[start : start + 50] for start in range(0, len(ids), 50)]
    assert back == forth[-2::-1]


def test_monitoring_data_is_paged_without_counting(admin_client: Client) -> None:
    one = website(0)
    for age in range(60):
        check(one, age)
    older = admin_client.get(DATA).context["cl"].older_url
    with CaptureQueriesContext(connection) as captured:
        page(admin_client, DATA)
        page(admin_client, DATA + older)

    asked = [query["sql"] for query in captured if "monitoring_monitoringdata" in query["sql"]]
    assert len(asked) == 2
    assert not [sql for sql in asked if "COUNT(" in sql or "OFFSET" in sql]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("website={one}", {1, 2, 3}),
        ("q={one}", {1, 2, 3}),
        ("q=HTTPS://www0.example.org", {1, 2, 3}),
        ("q=www0", set()),
        ("q=%00", {1, 2, 3, 4}),
        ("q=99999999999999999999", set()),
        ("error=any", {2}),
        ("error=none", {1, 3, 4}),
        ("error=tls", {2}),
        ("error=dns", set()),
        ("since=15m", {1, 4}),
        ("since=1h", {1, 2, 4}),
        ("since=24h&website={one}", {1, 2, 3}),
        ("since=15m&error=tls", set()),
        ("website=nonsense", set()),
        ("older=nonsense", {1, 2, 3, 4}),
        ("newer=1.2.3", {1, 2, 3, 4}),
        ("older=-9999999999999999999999.5", {1, 2, 3, 4}),
    ],
)
def test_monitoring_data_is_filtered(admin_client: Client, query: str, ids: set[int]) -> None:
    one = website(0)
    rows = {
        3: check(one, 20_000),
        2: check(one, 3000, error=CheckError.TLS),
        1: check(one, 0),
        4: check(website(1), 0),
    }
    response = admin_client.get(f"{DATA}?{query.format(one=one.pk)}", follow=True)

    assert response.status_code == 200
    found = {row.pk for row in response.context["cl"].result_list}
    assert found == {rows[number].pk for number in ids}


@pytest.mark.parametrize("ages", [[], [5], [500, 400, 300, 200, 100], [500] * 3 + [100] * 4])
def test_the_first_id_since_a_moment_is_found(ages: list[int]) -> None:
    one = website(0)
    rows = [check(one, age) for age in ages]
    MonitoringData.objects.filter(pk__in=[row.pk for row in rows[1:2]]).delete()
    for age in (1, 150, 250, 350, 1000):
        found = first_id_since(timezone.now() - timedelta(seconds=age))
        remaining = MonitoringData.objects.filter(entry_timestamp__gte=timezone.now() - timedelta(seconds=age))
        assert set(remaining) == set(MonitoringData.objects.filter(pk__gte=found))


# --- Periodic tasks and schedules ---------------------------------------------------------------


def other_task(**fields: Any) -> PeriodicTask:
    hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    return PeriodicTask.objects.create(name="report", task="some.report", **{"interval": hourly, **fields})


def test_an_owned_task_is_read_only_and_leads_to_its_website(admin_client: Client) -> None:
    one = website(0)
    task = PeriodicTask.objects.get(name=f"website-{one.pk}")
    content = page(admin_client, change_url(task))

    assert 'name="_save"' not in content
    assert "This task belongs to a website" in content
    assert change_url(one) in content
    assert change_url(one) in page(admin_client, TASKS)
    assert admin_client.post(change_url(task), {"name": "x"}).status_code == 403
    assert admin_client.post(reverse("admin:django_celery_beat_periodictask_delete", args=[task.pk])).status_code == 403


@pytest.mark.parametrize("action", ["enable_tasks", "disable_tasks", "toggle_tasks"])
def test_bulk_actions_pass_over_owned_tasks(admin_client: Client, action: str) -> None:
    one = website(0, is_active=action != "enable_tasks")
    owned = PeriodicTask.objects.get(name=f"website-{one.pk}")
    other = other_task(enabled=action != "enable_tasks")
    was_enabled = owned.enabled
    content = act(admin_client, TASKS, action, owned, other)

    owned.refresh_from_db()
    other.refresh_from_db()
    assert owned.enabled is was_enabled
    assert other.enabled is (action == "enable_tasks")
    assert "1 passed over" in content


def test_delete_selected_never_takes_an_owned_task(admin_client: Client) -> None:
    one = website(0)
    owned, other = PeriodicTask.objects.get(name=f"website-{one.pk}"), other_task()

    assert "This task belongs to a website" in act(admin_client, TASKS, "delete_selected", owned, other, post="yes")
    assert PeriodicTask.objects.filter(pk__in=(owned.pk, other.pk)).count() == 2
    act(admin_client, TASKS, "delete_selected", other, post="yes")
    assert not PeriodicTask.objects.filter(pk=other.pk).exists()


def test_other_tasks_are_edited_as_ever(admin_client: Client) -> None:
    task = other_task()
    content = page(admin_client, change_url(task))
    assert 'name="_save"' in content
    fields = {
        "name": "renamed",
        "task": task.task,
        "interval": task.interval_id,
        "args": "[]",
        "kwargs": "{}",
        "headers": "{}",
    }
    assert admin_client.post(change_url(task), fields).status_code == 302
    task.refresh_from_db()
    assert task.name == "renamed"


def test_nothing_in_the_admin_runs_a_task(admin_client: Client) -> None:
    other_task()
    assert "run_tasks" not in page(admin_client, TASKS)


def test_viewers_of_tasks_cannot_switch_them(admin_user: User) -> None:
    admin_user.is_superuser = False
    admin_user.save()
    admin_user.user_permissions.set(Permission.objects.filter(codename="view_periodictask"))
    client = Client()
    client.force_login(admin_user)
    task = other_task()
    act(client, TASKS, "disable_tasks", task)
    task.refresh_from_db()
    assert task.enabled
    assert 'name="_save"' not in page(client, change_url(task))


def test_a_schedule_that_websites_use_can_neither_be_changed_nor_deleted(admin_client: Client) -> None:
    website(0)
    used = IntervalSchedule.objects.get(every=60, period=IntervalSchedule.SECONDS)
    content = page(admin_client, change_url(used))
    assert "Websites are checked on this schedule" in content
    assert 'name="_save"' not in content
    assert "deletelink" not in content

    assert "Websites are checked on this schedule" in act(admin_client, INTERVALS, "delete_selected", used, post="yes")
    assert (
        admin_client.post(reverse("admin:django_celery_beat_intervalschedule_delete", args=[used.pk])).status_code
        == 403
    )
    assert PeriodicTask.objects.filter(interval=used).exists()


def test_a_schedule_that_no_website_uses_is_changed_and_deleted_as_ever(admin_client: Client) -> None:
    free = IntervalSchedule.objects.create(every=7, period=IntervalSchedule.DAYS)
    assert 'name="_save"' in page(admin_client, change_url(free))
    act(admin_client, INTERVALS, "delete_selected", free, post="yes")
    assert not IntervalSchedule.objects.filter(pk=free.pk).exists()
    crontab = CrontabSchedule.objects.create()
    assert 'name="_save"' in page(admin_client, change_url(crontab))


# --- The rest -----------------------------------------------------------------------------------


def test_tokens_can_be_taken_away_but_not_made_or_read(admin_client: Client, admin_user: User) -> None:
    token, secret = AuthToken.objects.create(admin_user)
    tokens = reverse("admin:knox_authtoken_changelist")
    content = page(admin_client, tokens)
    assert token.token_key in content
    assert secret not in content
    assert admin_client.get(reverse("admin:knox_authtoken_add")).status_code == 403
    act(admin_client, tokens, "delete_selected", token, post="yes")
    assert not AuthToken.objects.exists()


def test_every_page_in_the_index_opens(admin_client: Client) -> None:
    check(website(0))
    index = admin_client.get(reverse("admin:index"))
    assert "<title>Websites, checks and people | webmonitor</title>" in index.content.decode()
    names = [app["app_label"] for app in index.context["app_list"]]
    assert names[:3] == ["websites", "monitoring", "django_celery_beat"]
    for app in index.context["app_list"]:
        for model in app["models"]:
            page(admin_client, model["admin_url"])
            if model["add_url"]:
                page(admin_client, model["add_url"])
