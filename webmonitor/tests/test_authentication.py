import base64
import time

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from webmonitor import authentication
from webmonitor.authentication import REMEMBERED_CAP, RememberedPasswords
from websites.tests.people import person

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse: battery"


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "remembered", RememberedPasswords())


@pytest.fixture(autouse=True)
def quick_hashes(settings: LazySettings) -> None:
    """Hashing passwords slowly is Django's own business."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def viewer() -> User:
    user = person("viewer", "vera", staff=True)
    user.set_password(PASSWORD)
    user.save()
    return user


def basic(name: str, password: str, **headers: str) -> APIClient:
    credentials = base64.b64encode(f"{name}:{password}".encode()).decode()
    return APIClient(headers={"Authorization": f"Basic {credentials}", **headers})


def test_a_name_and_password_are_taken(viewer: User) -> None:
    assert basic("vera", PASSWORD).get("/websites").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ====",
        "Basic a b",
        "Basic é",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"ve\0ra:x").decode(),
        "Basic " + base64.b64encode(b"vera:x\0").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"n" * 10_000 + b":x").decode(),
        "Basic " + base64.b64encode(b"vera:" + b"p" * 10_000).decode(),
        "Token",
        "Token a b",
        "Token \xff\xfe",
        "Token wm_\x00",
        "Token " + "9" * 10_000,
        "Token wm_",
        "Token %00",
        "Bearer x",
        "Digest x",
        "",
    ],
)
def test_junk_is_answered_with_a_401(viewer: User, header: str) -> None:
    response = APIClient(headers={"Authorization": header}).get("/websites")
    assert response.status_code == 401
    assert response.json()["detail"]


@pytest.mark.parametrize("spoof", [{}, {"X-Forwarded-For": "198.51.100.{n}"}, {"User-Agent": "browser {n}"}])
def test_thirty_wrong_passwords_lock_api_and_admin_login_alike(
    viewer: User, client: Client, spoof: dict[str, str]
) -> None:
    codes = []
    for number in range(30):
        headers = {name: value.format(n=number) for name, value in spoof.items()}
        response = basic("vera", f"wrong {number}", **headers).get("/websites")
        codes.append(response.status_code)
        assert response.json()["detail"]
    assert codes == [401] * 9 + [403] * 21

    response = basic("vera", PASSWORD, **{"X-Forwarded-For": "203.0.113.9"}).get("/websites")
    assert (response.status_code, "Too many wrong passwords" in response.json()["detail"]) == (403, True)
    login = client.post("/admin/login/", {"username": "vera", "password": PASSWORD})
    assert login.status_code == 403
    assert "_auth_user_id" not in client.session


def test_wrong_passwords_in_the_admin_lock_the_api(viewer: User, client: Client) -> None:
    codes = [
        client.post(
            "/admin/login/",
            {"username": "vera", "password": f"wrong {number}"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        ).status_code
        for number in range(30)
    ]
    assert codes == [200] * 9 + [403] * 21
    assert basic("vera", PASSWORD).get("/websites").status_code == 403


def test_a_password_remembered_does_not_pass_a_lock(viewer: User) -> None:
    assert basic("vera", PASSWORD).get("/websites").status_code == 200
    for number in range(10):
        basic("vera", f"wrong {number}").get("/websites")
    assert basic("vera", PASSWORD).get("/websites").status_code == 403


def test_a_lock_holds_for_one_name_and_address_only(viewer: User) -> None:
    for number in range(12):
        basic("vera", f"wrong {number}").get("/websites", REMOTE_ADDR="192.0.2.1")
    assert basic("vera", PASSWORD).get("/websites", REMOTE_ADDR="192.0.2.1").status_code == 403
    assert basic("vera", PASSWORD).get("/websites", REMOTE_ADDR="192.0.2.2").status_code == 200


def test_behind_a_proxy_of_ours_its_entry_counts_and_no_other(viewer: User, settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = 1
    for number in range(12):
        basic("vera", "wrong", **{"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.1"}).get("/websites")
    assert basic("vera", PASSWORD, **{"X-Forwarded-For": "192.0.2.1"}).get("/websites").status_code == 403
    assert basic("vera", PASSWORD, **{"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}).get("/websites").status_code == 200


@pytest.mark.parametrize("header", ["nonsense", "192.0.2.1:4711", "[2001:db8::1]:80", "\0", "unknown", "1" * 500])
def test_an_address_that_is_none_is_no_server_error(viewer: User, settings: LazySettings, header: str) -> None:
    settings.TRUSTED_PROXIES = 1
    assert basic("vera", "wrong", **{"X-Forwarded-For": header}).get("/websites").status_code == 401


def test_a_password_is_checked_once_a_minute(viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []
    check_password = User.check_password

    def counted(user: User, password: str) -> bool:
        checks.append(password)
        return check_password(user, password)

    monkeypatch.setattr(User, "check_password", counted)
    client = basic("vera", PASSWORD)
    assert [client.get("/websites").status_code for _ in range(3)] == [200] * 3
    assert len(checks) == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert client.get("/websites").status_code == 200
    assert len(checks) == 2


@pytest.mark.parametrize("wrong", ["correct horse", PASSWORD + " ", "", PASSWORD.upper()])
def test_another_password_is_not_let_through_by_the_one_remembered(viewer: User, wrong: str) -> None:
    assert basic("vera", PASSWORD).get("/websites").status_code == 200
    assert basic("vera", wrong).get("/websites").status_code == 401


def test_a_changed_password_counts_at_once(viewer: User) -> None:
    assert basic("vera", PASSWORD).get("/websites").status_code == 200
    viewer.set_password("another")
    viewer.save()
    assert basic("vera", PASSWORD).get("/websites").status_code == 401
    assert basic("vera", "another").get("/websites").status_code == 200


def test_a_user_who_may_no_longer_sign_in_is_out_at_once(viewer: User) -> None:
    assert basic("vera", PASSWORD).get("/websites").status_code == 200
    User.objects.update(is_active=False)
    assert basic("vera", PASSWORD).get("/websites").status_code == 401


def test_only_so_many_passwords_are_remembered() -> None:
    remembered = RememberedPasswords()
    user = User(pk=1, password="hash")
    for number in range(REMEMBERED_CAP + 1):
        remembered.remember(user, str(number))
    assert not remembered.knows(user, "0")
    assert remembered.knows(user, "1")
    assert remembered.knows(user, str(REMEMBERED_CAP))


def test_a_session_needs_its_csrf_token_to_change_things() -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person("editor"))
    body = {"website_url": "http://example.org", "monitoring_interval": 60}
    assert client.get("/websites").status_code == 200
    refused = client.post("/websites", body, format="json")
    assert (refused.status_code, "CSRF" in refused.json()["detail"]) == (403, True)
    client.get("/websites", headers={"Accept": "text/html"})
    token = client.cookies["csrftoken"].value
    assert client.post("/websites", body, format="json", headers={"X-CSRFToken": token}).status_code == 201
