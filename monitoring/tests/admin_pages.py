"""The admin's pages, as tests open them and act on them."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.models import MonitoringData
from websites.models import Website
from websites.tests.people import person

WEBSITES = reverse("admin:websites_website_changelist")
DATA = reverse("admin:monitoring_monitoringdata_changelist")


def website(number: int = 0, **fields: Any) -> Website:
    values = {"website_url": f"https://www{number}.example.org/", "monitoring_interval": 60, **fields}
    return Website.objects.create(**values)


def filled(**fields: Any) -> dict[str, Any]:
    """What a browser sends of a form for a website where these fields were filled in and no others touched."""
    untouched = {
        "accepted_statuses": "200-399",
        "method": "GET",
        "ip_version": "any",
        "failures_before_down": "2",
        "successes_before_up": "1",
        "slow_checks": "3",
        "is_active": "on",
        "follow_redirects": "on",
        "verify_tls": "on",
    }
    return {**untouched, **fields}


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


def staff_client(role: str) -> Client:
    """A browser in which a new member of staff in this group is signed in."""
    client = Client()
    client.force_login(person(role, staff=True))
    return client
