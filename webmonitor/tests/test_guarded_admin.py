"""Nobody guesses at secrets through the admin's addresses, in whichever list and by whichever relation."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from monitoring.tests.admin_pages import staff_client, website
from monitoring.tests.channels import add_channel
from webmonitor.guarded_admin import SECRET_FIELDS
from websites import http_auth

# Relations on the way to a secret.
FAR = 3
SECRETS = [(apps.get_model(label), name) for label, names in SECRET_FIELDS.items() for name in names]
LISTS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def ways(model: type[Model], to: type[Model], far: int = FAR) -> Iterator[str]:
    """The relations that lead from one model to another, as they are written in a lookup, also by way of keys."""
    if model is to:
        yield ""
    if far == 0:
        return
    for field in model._meta.get_fields():
        if field.is_relation and isinstance(field.related_model, type):
            names = {field.name, "pk"} if getattr(field, "primary_key", False) else {field.name}
            for name in names:
                yield from (f"{name}__{way}" for way in ways(field.related_model, to, far - 1))


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_no_list_is_looked_up_by_a_secret(model: type[Model]) -> None:
    request = RequestFactory().get("/")
    request.user = None  # type: ignore[assignment]
    lookups = [f"{way}{name}" for secret, name in SECRETS for way in ways(model, secret)]
    for lookup in lookups:
        for kind in ("", "__startswith", "__regex", "__gt", "__isnull"):
            assert not admin.site._registry[model].lookup_allowed(lookup + kind, "s", request), lookup


def test_ways_are_found_that_django_itself_would_allow() -> None:
    models = {model._meta.label: model for model in LISTS}
    found = set(ways(models["websites.Website"], models["websites.Website"]))
    assert {"", "current_state__pk__", "incidents__website__"} <= found
    assert "website__" in set(ways(models["monitoring.Incident"], models["websites.Website"]))


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("websites_website", "http_auth__startswith"),
        ("websites_website", "request_headers__contains"),
        ("websites_website", "request_body__regex"),
        ("websites_website", "current_state__pk__http_auth__startswith"),
        ("monitoring_channel", "target__startswith"),
        ("monitoring_channel", "secret"),
        ("monitoring_incident", "website__http_auth__startswith"),
        ("monitoring_shownwebsite", "website__request_headers__contains"),
        ("auth_user", "password__startswith"),
        ("knox_authtoken", "digest__startswith"),
        ("knox_authtoken", "user__password__startswith"),
    ],
)
@pytest.mark.django_db
def test_an_address_that_guesses_at_a_secret_is_refused(page: str, lookup: str) -> None:
    website(http_auth=http_auth.seal("Basic me:secret"), request_headers="X-Key: s")
    add_channel()
    client = staff_client("admin")
    address = reverse(f"admin:{page}_changelist")
    assert client.get(address, {lookup: "s"}).status_code == 400
    assert client.get(address).status_code == 200


@pytest.mark.django_db
def test_other_lookups_are_as_they_were(admin_client: Client) -> None:
    for query in ({"is_active__exact": "1"}, {"website_id__exact": "1"}, {"website_url__contains": "a"}):
        assert admin_client.get(reverse("admin:websites_website_changelist"), query).status_code == 200


def test_every_secret_there_is_is_named() -> None:
    """What models encrypt or hash, as their columns are called."""
    telling = ("secret", "password", "token", "digest", "auth", "target", "credential")
    allowed: dict[str, set[str]] = {"knox.AuthToken": {"token_key"}}
    for model in LISTS:
        label = model._meta.label
        columns: set[Any] = {field.name for field in model._meta.concrete_fields}
        suspicious = {name for name in columns if any(part in name for part in telling)}
        assert suspicious - allowed.get(label, set()) <= set(SECRET_FIELDS.get(label, ())), label
