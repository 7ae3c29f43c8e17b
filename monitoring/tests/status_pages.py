"""Status pages as tests put them there."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from monitoring.models import MaintenanceWindow, Outcome, ShownWebsite, State, StatusPage, WebsiteState
from monitoring.tests.admin_pages import check, website
from websites.models import Website


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Nothing is kept from one test to the next."""
    cache.clear()
    yield
    cache.clear()


def status_page(**fields: Any) -> StatusPage:
    """The page, switched on."""
    page, _ = StatusPage.objects.update_or_create(pk=1, defaults={"is_public": True, "title": "Our status", **fields})
    return page


def shown(number: int = 0, name: str | None = None, state: State = State.UP, **fields: Any) -> ShownWebsite:
    """A website on the page that is in a state, and was checked just now."""
    of = website(number)
    return show(of, name or f"System {number}", state, **fields)


def show(of: Website, name: str, state: State = State.UP, checked: float | None = 5, **fields: Any) -> ShownWebsite:
    """Checked so many seconds ago, or never."""
    WebsiteState.objects.update_or_create(website=of, defaults={"state": state, "since": timezone.now()})
    if checked is not None:
        check(of, checked, outcome=Outcome.DOWN if state == State.DOWN else Outcome.UP)
    return ShownWebsite.objects.create(website=of, name=name, **fields)


def maintenance(begins: datetime, minutes: int = 60, *websites: Website, **fields: Any) -> MaintenanceWindow:
    """A window that begins at a moment, for these websites; for all where there are none."""
    values = {"name": f"private {begins}", "first_day": begins.date(), "start_time": begins.time(), "minutes": minutes}
    window = MaintenanceWindow.objects.create(**values, **fields)
    window.websites.set(websites)
    window.refresh_from_db()
    return window


def running_maintenance(*websites: Website, **fields: Any) -> MaintenanceWindow:
    return maintenance(timezone.now() - timedelta(minutes=20), 60, *websites, **fields)


def seen(path: str = "/status") -> str:
    """What a stranger is shown."""
    response = Client().get(path)
    assert response.status_code == 200
    return response.content.decode()
