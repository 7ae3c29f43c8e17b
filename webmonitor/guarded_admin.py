"""What every page of the admin is held to, those of packages included."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse

from websites import locks

# Nobody is shown these, so nobody may guess at them either, letter by letter, with `?http_auth__startswith=`.
SECRET_FIELDS = {
    "websites.Website": ("http_auth", "request_headers", "request_body"),
    "monitoring.Channel": ("target", "secret"),
    "knox.AuthToken": ("digest",),
    "auth.User": ("password",),
}
_SECRET_NAMES = {name for names in SECRET_FIELDS.values() for name in names}


class Guarded:
    """What comes before an admin's own; one with `names_websites` writes down which websites something is about."""

    model: type[Model]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """By name: however many relations lead there, and under whichever of their names."""
        if not _SECRET_NAMES.isdisjoint(lookup.split(LOOKUP_SEP)):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What the form shows is what is there until it is saved; a row that is gone is not made again."""
        view: Any = super().changeform_view  # type: ignore[misc]
        if request.method != "POST":
            shown: HttpResponse = view(request, object_id, form_url, extra_context)
            return shown
        with transaction.atomic():
            if _names_websites(self):
                locks.one_at_a_time()
            if object_id is not None:
                _hold(self.model, unquote(object_id))
            answer: HttpResponse = view(request, object_id, form_url, extra_context)
        return answer

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        view: Any = super().changelist_view  # type: ignore[misc]
        # Only where rows are edited in the list: an action may take its time, and others must not wait for it.
        if not (_names_websites(self) and "_save" in request.POST):
            shown: HttpResponse = view(request, extra_context)
            return shown
        with transaction.atomic():
            locks.one_at_a_time()
            edited: HttpResponse = view(request, extra_context)
        return edited


def guarded(model_admin: type[admin.ModelAdmin[Any]]) -> type[admin.ModelAdmin[Any]]:
    """The same admin, held to this."""
    return type(model_admin.__name__, (Guarded, model_admin), {"__module__": model_admin.__module__})


def _names_websites(model_admin: object) -> bool:
    return bool(getattr(model_admin, "names_websites", False))


def _hold(model: type[Model], written: str) -> None:
    try:
        locks.hold_to_change(model, [model._meta.pk.to_python(written)])
    except ValidationError:  # no key at all, of which the view itself tells
        return
