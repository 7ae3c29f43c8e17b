import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from monitoring.models import CheckError, MonitoringData, State, WebsiteState
from monitoring.tests.admin_pages import DATA, WEBSITES, act, change_url, check, filled, page, staff_client, website
from websites.models import Website

pytestmark = pytest.mark.django_db


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
    # Of the older check, not of any time that is told.
    assert ">500<" not in content


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
    fields = filled(website_url="HTTPS://Example.org", monitoring_interval="5", regex="(a+)+$")
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
    good = filled(website_url="https://example.org/", monitoring_interval="5")
    response = admin_client.post(reverse("admin:websites_website_add"), good | fields)

    assert response.status_code == 200
    form = response.context["adminform"].form
    assert set(form.errors) == {field}
    assert message in form.errors[field][0]
    assert Website.objects.count() == PeriodicTask.objects.filter(name__startswith="website-").count() == 1


def test_the_form_refuses_a_bad_change_and_keeps_what_there_is(admin_client: Client) -> None:
    one = website(0, regex="ok")
    fields = filled(website_url="nonsense", monitoring_interval="4", regex="(")
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
def test_roles_see_websites_and_only_some_change_them(role: str, may_change: bool) -> None:
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
