"""Checks of websites that are deleted: by far most of their rows, and the only ones that nobody needs to lock for.

They go before anything else of their website is locked, as that takes seconds where they are many, in which a worker
with news of the website would wait, and the checks of all others with it. A check that says nothing new, and that a
worker writes in the very moment in which its website goes, stays behind where nobody sees it, and goes with its day.
"""

from collections.abc import Sequence
from typing import Any

from monitoring.models import MonitoringData
from monitoring.schedule import chunks

# So many ids back, what came meanwhile is looked for: more than workers write while transactions last.
RECENT = 100_000


def on_websites_deleting(website_ids: Sequence[int], **_: Any) -> None:
    _delete(website_ids)


def on_websites_deleted(website_ids: Sequence[int], **_: Any) -> None:
    """Take along what has come meanwhile."""
    newest = MonitoringData.objects.order_by("pk").values_list("pk", flat=True).last()
    if newest is not None:
        _delete(website_ids, pk__gt=newest - RECENT)


def _delete(website_ids: Sequence[int], **which: Any) -> None:
    for some in chunks(website_ids):
        rows = MonitoringData.objects.filter(website__in=some, **which)
        rows._raw_delete(rows.db)
