"""Channels and maintenance windows whose websites go: without any, they would be for all there are."""

from collections.abc import Sequence
from typing import Any

from monitoring.models import Channel, MaintenanceWindow
from monitoring.models.scope import Scope, with_chosen
from monitoring.schedule import chunks
from websites import locks


def on_websites_deleting(website_ids: Sequence[int], **_: Any) -> None:
    """Before websites are deleted: switch off what is for nothing but them, and keep in mind that it is for none."""
    # From here on, nobody comes to be for one of these websites, and no other goes.
    locks.one_at_a_time()
    for model in (Channel, MaintenanceWindow):
        for scope in _emptied(model, set(website_ids)):
            scope.is_active, scope.websites_gone = False, True
            scope.save(update_fields=["is_active", "websites_gone"])


def _emptied(model: type[Channel | MaintenanceWindow], going: set[int]) -> list[Any]:
    """Those that are for websites chosen one by one, all of which go; held, as workers read and others change them."""
    through: Any = model.websites.through._default_manager
    owner = f"{model._meta.model_name}_id"
    named = {
        pk for some in chunks(sorted(going)) for pk in through.filter(website__in=some).values_list(owner, flat=True)
    }
    held = locks.hold_to_change(model, named)
    scopes: list[Scope] = with_chosen(model._default_manager.filter(pk__in=held).filter(tags=""))
    return [scope for scope in scopes if scope.chosen <= going]
