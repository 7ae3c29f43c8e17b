"""People who call the API in tests."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from knox.models import AuthToken
from rest_framework.test import APIClient


def person(role: str | None, name: str | None = None, *, staff: bool = False) -> User:
    """A user in the group `role` (None: in none), without a usable password."""
    user = User.objects.create_user(name or f"some-{role}", is_staff=staff)
    if role is not None:
        user.groups.add(Group.objects.get(name=role))
    return user


def token_for(user: User, lifetime: timedelta = timedelta(days=1)) -> str:
    _entry, token = AuthToken.objects.create(user, expiry=lifetime)
    return str(token)


def with_token(token: str) -> APIClient:
    return APIClient(headers={"Authorization": f"Token {token}"})


def signed_in(role: str | None) -> APIClient:
    """A client that carries the token of a new user in this group."""
    return with_token(token_for(person(role)))


def send(client: APIClient, method: str, path: str, body: dict[str, Any], body_format: str = "json") -> Any:
    return getattr(client, method)(path, body, format=body_format)
