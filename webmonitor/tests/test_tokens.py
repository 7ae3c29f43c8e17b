from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from webmonitor.tokens import TOKENS_CAP
from websites.tests.people import person, token_for, with_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.force_login(person("viewer"))
    return client


def days_until(moment: str) -> float:
    return (datetime.fromisoformat(moment) - timezone.now()) / timedelta(days=1)


@pytest.mark.parametrize("path", ["/tokens", "/tokens/"])
@pytest.mark.parametrize(("body", "days"), [({}, 365), ({"expires_in_days": 1}, 1), ({"expires_in_days": 3650}, 3650)])
def test_a_token_is_shown_once_and_lets_in(client: APIClient, path: str, body: dict[str, int], days: int) -> None:
    response = client.post(path, body, format="json")
    assert response.status_code == 201
    made = response.json()
    assert made["token"].startswith("wm_")
    assert days - 0.1 < days_until(made["expiry"]) <= days
    assert with_token(made["token"]).get("/websites").status_code == 200

    listed = client.get(path).json()
    assert listed["results"] == [{name: made[name] for name in ("key", "created", "expiry")}]
    assert made["token"].startswith(made["key"])
    assert made["token"] not in str(listed) + str(list(AuthToken.objects.values()))


def test_a_token_is_made_without_a_body(client: APIClient) -> None:
    assert client.post("/tokens").status_code == 201


@pytest.mark.parametrize("days", [0, -1, 3651, 10**400, "abc", None, 1.5, [], True])
def test_a_lifetime_out_of_range_is_refused(client: APIClient, days: Any) -> None:
    response = client.post("/tokens", {"expires_in_days": days}, format="json")
    assert (response.status_code, list(response.json())) == (400, ["expires_in_days"])
    assert not AuthToken.objects.exists()


def test_a_mistyped_field_is_refused(client: APIClient) -> None:
    response = client.post("/tokens", {"expires_in": 5}, format="json")
    assert response.json() == {"expires_in": ['There is no such field. Did you mean "expires_in_days"?']}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_revoked_token_lets_nobody_in(client: APIClient, slash: str) -> None:
    made = client.post("/tokens").json()
    assert client.delete(f"/tokens/{made['key']}{slash}").status_code == 204
    assert with_token(made["token"]).get("/websites").status_code == 401
    assert client.delete(f"/tokens/{made['key']}{slash}").status_code == 404


def test_a_token_makes_no_tokens_but_revokes_itself() -> None:
    token = token_for(person("viewer"))
    client = with_token(token)
    assert client.post("/tokens").status_code == 403
    key = client.get("/tokens").json()["results"][0]["key"]
    assert client.delete(f"/tokens/{key}").status_code == 204
    assert client.get("/tokens").status_code == 401


def test_tokens_of_others_are_neither_seen_nor_revoked(client: APIClient) -> None:
    token_for(person("admin"))
    theirs = AuthToken.objects.get()
    assert client.get("/tokens").json()["results"] == []
    assert client.delete(f"/tokens/{theirs.token_key}").status_code == 404
    assert AuthToken.objects.exists()


def test_there_is_an_end_to_tokens_and_expired_ones_do_not_count(client: APIClient) -> None:
    for number in range(TOKENS_CAP):
        assert client.post("/tokens").status_code == 201, number
    assert client.post("/tokens").status_code == 400
    AuthToken.objects.update(expiry=timezone.now() - timedelta(days=1))
    assert client.post("/tokens").status_code == 201
    assert AuthToken.objects.count() == 1
