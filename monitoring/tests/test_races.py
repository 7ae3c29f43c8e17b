"""Two connections at once: one deletes or changes what the other reads and then writes (see `websites.locks`)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from rest_framework.test import APIClient

from monitoring import rollups, schedule
from monitoring.models import (
    Alert,
    Certificate,
    Channel,
    DailyRollup,
    HourlyRollup,
    Incident,
    MaintenanceWindow,
    MonitoringData,
    RecentRollup,
    ShownWebsite,
    WebsiteState,
)
from monitoring.rollup_tables import DAY, HOUR
from monitoring.tests import checks_made
from monitoring.tests.admin_pages import change_url, filled, staff_client
from monitoring.tests.channels import add_channel
from monitoring.tests.elsewhere import Elsewhere, postgresql_only, write_until
from monitoring.tests.outages import incident
from monitoring.tests.scripted_checks import Desk, check, series
from websites.models import Website
from websites.signals import websites_deleted
from websites.tests.people import send, signed_in
from websites.tests.websites import add

pytestmark = [pytest.mark.django_db(transaction=True), postgresql_only]

WINDOW = {"name": "move", "first_day": "2031-03-01", "start_time": "02:30", "minutes": 90}
CHANNEL = {"name": "ops", "kind": "webhook", "target": "http://127.0.0.1:9/"}


@pytest.fixture
def admin() -> APIClient:
    return signed_in("admin")


@pytest.fixture
def website() -> Website:
    return add("http://127.0.0.1/a")


def scopes(*websites: Website, **fields: Any) -> list[Channel | MaintenanceWindow]:
    """A channel and a window for these websites."""
    channel, window = add_channel(**fields), MaintenanceWindow.objects.create(**WINDOW, **fields)
    for chosen in (channel.websites, window.websites):
        chosen.set(websites)
    return [channel, window]


def everything() -> list[Channel | MaintenanceWindow]:
    return [*Channel.objects.all(), *MaintenanceWindow.objects.all()]


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("in_bulk", [True, False])
def test_two_deletes_at_once_leave_nothing_for_all_websites(admin: APIClient, is_active: bool, in_bulk: bool) -> None:
    first, second, third = (add(f"http://127.0.0.1/{number}") for number in range(3))
    scopes(first, second, is_active=is_active)
    with transaction.atomic():
        Website.objects.filter(pk=first.pk).delete() if in_bulk else first.delete()
        other = Elsewhere(lambda: admin.delete(f"/websites/{second.pk}"))
    assert other.answer().status_code == 204
    for scope in everything():
        assert (scope.is_active, scope.websites_gone, scope.covers(third)) == (False, True, False)


def of_worker(website: Website) -> list[Any]:
    """What a worker may have written of it."""
    models = (MonitoringData, WebsiteState, Incident, Alert, Certificate)
    return [row for model in models for row in model._default_manager.filter(website=website.pk)]


def test_a_website_is_deleted_while_a_worker_writes_of_it(
    admin: APIClient, website: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_channel()
    answer = write_until(monkeypatch, series(website, "udd"), lambda: admin.delete(f"/websites/{website.pk}"))
    assert answer.status_code == 204
    assert of_worker(website) == []


@pytest.mark.parametrize("letters", ["u", "dd"])
def test_what_a_worker_writes_of_a_website_that_is_being_deleted_fails_neither(
    admin: APIClient, website: Website, letters: str
) -> None:
    """In the moment in which all that was there has gone, and the website itself with it, but not yet for others."""
    kept, desk, others = add("http://127.0.0.1/kept"), Desk(), []
    add_channel()

    def write(**_: Any) -> None:
        checks = [*series(kept, letters), *series(website, letters)]
        others.append(Elsewhere(lambda: desk.write(checks)))

    websites_deleted.connect(write)
    try:
        assert admin.delete(f"/websites/{website.pk}").status_code == 204
    finally:
        websites_deleted.disconnect(write)
    others[0].answer()
    assert of_worker(website) == []
    assert MonitoringData.objects.filter(website=kept).count() == len(letters)
    assert WebsiteState.objects.get().website_id == kept.pk


def test_the_first_news_of_a_website_that_is_being_deleted_costs_no_check(website: Website) -> None:
    kept, desk = add("http://127.0.0.1/kept"), Desk()
    with transaction.atomic():
        website.delete()
        other = Elsewhere(lambda: desk.write([check(website, 0), check(kept, 0)]))
    other.answer()
    assert list(WebsiteState.objects.values_list("website", flat=True)) == [kept.pk]


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("post /channels", lambda pk: CHANNEL | {"websites": [pk]}),
        ("patch /channels/{channel}", lambda pk: {"websites": [pk]}),
        ("post /maintenance-windows", lambda pk: WINDOW | {"name": "other", "websites": [pk]}),
        ("put /maintenance-windows/{window}", lambda pk: {"websites": [pk]}),
        ("put /status-page", lambda pk: {"groups": [{"name": "", "websites": [{"website_id": pk, "name": "a"}]}]}),
    ],
)
@pytest.mark.parametrize("deleted_first", [True, False])
def test_what_names_a_website_that_is_deleted_just_now(
    admin: APIClient, website: Website, request_line: str, body: Callable[[int], Any], deleted_first: bool
) -> None:
    channel, window = scopes()
    pk = website.pk
    method, address = request_line.format(channel=channel.pk, window=window.pk).split()
    if deleted_first:
        with transaction.atomic():
            website.delete()
            other = Elsewhere(lambda: send(admin, method, address, body(pk)))
        answer = other.answer()
        assert answer.status_code == 400
        assert f"There is no website with the id {pk}." in str(answer.json())
        assert all(scope.is_active for scope in everything())
        return
    with transaction.atomic():
        assert send(admin, method, address, body(pk)).status_code in (200, 201)
        other = Elsewhere(lambda: signed_in("editor").delete(f"/websites/{pk}"))
    assert other.answer().status_code == 204
    assert not ShownWebsite.objects.exists()
    assert all(scope.is_active != scope.websites_gone for scope in everything())
    assert any(scope.websites_gone for scope in everything()) != (address == "/status-page")


@pytest.mark.parametrize("name", ["monitoring_channel", "monitoring_shownwebsite"])
def test_a_form_that_names_a_website_that_is_deleted_just_now_says_so(website: Website, name: str) -> None:
    client, pk = staff_client("admin"), website.pk
    of_channel = CHANNEL | {"wants_down": "on", "delay": "0", "time_zone": "UTC", "is_active": "on", "websites": [pk]}
    fields = of_channel if name == "monitoring_channel" else {"website": pk, "name": "Shop", "position": 0}
    with transaction.atomic():
        website.delete()
        other = Elsewhere(lambda: client.post(reverse(f"admin:{name}_add"), fields))
    answer = other.answer()
    assert answer.status_code == 200
    assert "Select a valid choice" in answer.content.decode()
    assert not Channel.objects.exists()
    assert not ShownWebsite.objects.exists()


def test_a_website_that_is_deleted_while_its_form_is_sent_is_not_made_again(website: Website) -> None:
    client, url = staff_client("admin"), change_url(website)
    fields = filled(website_url=website.website_url, monitoring_interval="60")
    with transaction.atomic():
        website.delete()
        other = Elsewhere(lambda: client.post(url, fields))
    assert other.answer().status_code == 302
    assert not Website.objects.exists()
    assert not PeriodicTask.objects.filter(task=schedule.TASK).exists()


def test_a_website_that_is_deleted_while_it_is_changed_is_told_to_be_gone(admin: APIClient, website: Website) -> None:
    pk = website.pk
    with transaction.atomic():
        website.delete()
        other = Elsewhere(lambda: send(admin, "patch", f"/websites/{pk}", {"monitoring_interval": 5}))
    assert other.answer().status_code == 404


@pytest.mark.parametrize("path", ["/websites/{website}/check", "/incidents/{incident}/acknowledge"])
def test_what_is_to_be_done_with_a_website_that_is_deleted_just_now(
    admin: APIClient, website: Website, path: str
) -> None:
    address = path.format(website=website.pk, incident=incident(website).pk)
    with transaction.atomic():
        website.delete()
        other = Elsewhere(lambda: admin.post(address))
    assert other.answer().status_code == 404


def test_what_is_summed_up_of_a_website_that_is_deleted_just_now_does_not_stay() -> None:
    hour = rollups.floor(timezone.now(), HOUR)
    website = checks_made.watched_website(since=hour - 2 * DAY)
    checks_made.begin_rollups(hour - DAY)
    checks_made.check(website, hour - 3 * HOUR).save()
    with transaction.atomic():
        website.delete()
        other = Elsewhere(rollups.roll_up)
    other.answer()
    assert not any(rollup._default_manager.exists() for rollup in (HourlyRollup, DailyRollup, RecentRollup))
