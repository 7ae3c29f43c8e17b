"""What becomes of channels and maintenance windows whose websites are deleted."""

import pytest

from monitoring import maintenance
from monitoring.models import Channel, MaintenanceWindow
from monitoring.tests.channels import add_channel
from monitoring.tests.checks_made import NOON, watched_website
from monitoring.watch_periods import Span
from websites.models import Website

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("tags", "chosen", "deleted", "is_active"),
    [
        ("", [1], [1], False),
        ("", [1, 2], [1, 2], False),
        ("", [1, 2], [1], True),
        ("", [], [1], True),
        (",shop,", [1], [1], True),
        ("", [1], [2], True),
    ],
)
@pytest.mark.parametrize("in_bulk", [False, True])
def test_what_was_for_deleted_websites_alone_is_for_nobody(
    tags: str, chosen: list[int], deleted: list[int], is_active: bool, in_bulk: bool
) -> None:
    websites = {number: watched_website(number) for number in (1, 2, 3)}
    channel = add_channel(tags=tags)
    window = MaintenanceWindow.objects.create(
        name="move", first_day=NOON.date(), start_time=NOON.time(), minutes=60, tags=tags
    )
    for scope in (channel, window):
        scope.websites.set(websites[number] for number in chosen)
    if in_bulk:
        Website.objects.filter(pk__in=[websites[number].pk for number in deleted]).delete()
    else:
        for number in deleted:
            websites[number].delete()
    assert Channel.objects.get().is_active is MaintenanceWindow.objects.get().is_active is is_active
    is_for_all = not (tags or chosen)
    assert bool(maintenance.spans([websites[3].pk], Span(NOON, NOON.replace(hour=13)))) is is_for_all
