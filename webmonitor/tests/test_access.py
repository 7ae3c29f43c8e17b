"""Who gets where: every route that the URL map has is tried by everybody."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from webmonitor.tests.routes import SAMPLES, Route, every_route
from webmonitor.tests.things import one_of_everything
from websites.models import Website
from websites.tests.people import person, token_for, with_token

pytestmark = [pytest.mark.django_db, pytest.mark.once]

SAFE = ("GET", "HEAD", "OPTIONS")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
EVERY_METHOD = (*SAFE, *UNSAFE, "TRACE", "BREW")
# Open to everybody, each on purpose: whether the monitor lives, what its API is, and where to sign in and out.
PUBLIC = {"home", "favicon", "healthz", "readyz", "status-page", "status-feed", "schema", "docs", "admin:login"}
PUBLIC |= {"sign-out"}
# Everybody's own tokens, whatever else they may do.
OWN = {"token-list", "token-detail"}
# What only administrators may look at.
FOR_ADMINS = {"channel-list", "channel-detail", "channel-test", "delivery-list", "delivery-detail", "delivery-replay"}
FOR_ADMINS |= {"maintenance-window-list", "maintenance-window-detail", "status-page-detail"}
# What a reader may send a body to; there is nothing so far.
FOR_VIEWERS: set[str] = set()

ROUTES = every_route()
API = [route for route in ROUTES if route.is_api and route.name not in PUBLIC]
PAGES = [route for route in ROUTES if not route.is_api and route.name not in PUBLIC]
# Those for whoever has the permissions, staff or not.
SITE_PAGES = {"site", "site-check", "site-pause", "site-resume"}
# Everybody's own, whatever else they may do.
SITE_PAGES |= {"password", "password-changed"}
OF_THE_ADMIN = [route for route in PAGES if route.name not in SITE_PAGES]


def names(route: Route) -> str:
    return f"{route.path}-{route.name}"


@pytest.fixture
def website() -> Website:
    return Website.objects.create(website_id=1, website_url="http://example.org", monitoring_interval=60)


def spellings(route: Route) -> list[str]:
    return [route.path, route.path + "/"]


def test_the_walk_finds_what_is_known_to_be_there() -> None:
    paths = {route.path for route in ROUTES}
    known = {
        "/",
        "/websites",
        "/websites/1",
        "/websites/1/check",
        "/websites/1/stats",
        "/websites/1/badge/state.svg",
        "/website",
        "/monitoring",
        "/monitoring/1",
        "/incidents/1/acknowledge",
        "/channels/1/test",
        "/deliveries/1/replay",
        "/maintenance-windows/1",
        "/tokens",
    }
    assert known | {"/docs", "/schema", "/healthz", "/readyz", "/admin/", "/admin/auth/user/1/change/"} <= paths
    assert {route.name for route in ROUTES} >= PUBLIC | OWN


@pytest.mark.parametrize("route", API, ids=names)
def test_the_api_asks_strangers_who_they_are(route: Route, website: Website) -> None:
    user = person("admin")
    revoked = token_for(user)
    user.auth_token_set.all().delete()  # type: ignore[attr-defined]
    expired = token_for(user, timedelta(seconds=-1))
    callers = {
        "nobody": APIClient(),
        "a revoked token": with_token(revoked),
        "an expired token": with_token(expired),
        "a made-up token": with_token("wm_" + "0" * 64),
        "a token of a user who is gone": with_token(token_for(User.objects.create_user("gone", is_active=False))),
        "junk": APIClient(headers={"Authorization": "Basic ===="}),
    }
    for who, client in callers.items():
        for path in spellings(route):
            for method in (*SAFE, *UNSAFE):
                response = client.generic(method, path)
                assert response.status_code == 401, (who, method, path)
                assert response["WWW-Authenticate"] == "Token"
    assert Website.objects.exists()


@pytest.mark.parametrize("route", [route for route in API if route.name not in OWN], ids=names)
def test_the_api_refuses_those_without_a_role(route: Route, website: Website) -> None:
    client = with_token(token_for(person(None)))
    for path in spellings(route):
        for method in (*SAFE, *UNSAFE):
            assert client.generic(method, path).status_code == 403, (method, path)
    assert Website.objects.exists()


@pytest.mark.parametrize("route", [route for route in API if route.name not in OWN | FOR_VIEWERS], ids=names)
def test_the_api_lets_viewers_change_nothing(route: Route, website: Website) -> None:
    client = with_token(token_for(person("viewer")))
    for path in spellings(route):
        for method in UNSAFE:
            assert client.generic(method, path).status_code == 403, (method, path)
        seen = (403,) if route.name in FOR_ADMINS else (200, 400, 404, 405)
        assert client.get(path).status_code in seen
    assert Website.objects.exists()


@pytest.mark.parametrize("route", PAGES, ids=names)
def test_pages_send_strangers_to_the_login(route: Route, client: Client) -> None:
    for method in ("GET", "HEAD", "POST"):
        response = client.generic(method, route.path)
        assert response.status_code == 302, method
        assert response["Location"].startswith(("/admin/login/", "/admin/"))
        assert response["Location"] != route.path


@pytest.mark.parametrize("route", [page for page in OF_THE_ADMIN if page.name != "admin:logout"], ids=names)
def test_the_admin_sends_those_who_are_not_staff_to_the_login(route: Route, client: Client) -> None:
    client.force_login(person("admin"))
    response = client.get(route.path)
    assert (response.status_code, response["Location"].startswith("/admin/login/")) == (302, True)


@pytest.mark.parametrize("route", [page for page in PAGES if page.name != "admin:logout"], ids=names)
def test_staff_without_a_role_sees_no_data(route: Route, client: Client, website: Website) -> None:
    client.force_login(person(None, staff=True))
    # What every member of staff may open: the (empty) index, texts for scripts, and their own password.
    own = {"admin:index", "admin:jsi18n", "admin:password_change_done"}
    own |= {"password", "password-changed"}
    response = client.get(route.path)
    assert response.status_code in ((200,) if route.name in own else (302, 403, 404)), route.name
    assert b"example.org" not in response.content


@pytest.mark.parametrize("path", ["/schema", "/schema/", "/docs", "/docs/", "/healthz", "/readyz", "/admin/login/"])
def test_what_is_public_answers_everybody(client: Client, path: str) -> None:
    for headers in ({}, {"Authorization": "Token nonsense"}):
        assert client.get(path, headers=headers).status_code in (200, 503)


def test_the_front_door_leads_strangers_to_the_login_and_back(client: Client) -> None:
    for method in ("GET", "POST"):
        assert client.generic(method, "/")["Location"] == "/admin/login/?next=/"
    client.force_login(person(None))
    assert client.get("/").status_code == 403


def test_who_is_no_staff_signs_in_at_the_front_door_and_out_again(client: Client, website: Website) -> None:
    user = person("viewer")
    user.set_password("correct horse battery staple")
    user.save()
    typed = {"username": user.username, "password": "correct horse battery staple"}
    assert client.post("/admin/login/?next=/", typed)["Location"] == "/"
    for path in ("/", "/sites/1", "/websites"):
        assert client.get(path).status_code == 200, path
    told = client.get("/admin/", follow=True).content.decode()
    assert "not authorized to access this page" in told
    assert "To the overview" in told
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out")["Location"] == "/"
    assert client.get("/")["Location"] == "/admin/login/?next=/"


def test_who_is_no_staff_changes_the_own_password(client: Client) -> None:
    user = person(None)
    user.set_password("correct horse battery staple")
    user.save()
    assert client.get("/password")["Location"] == "/admin/login/?next=/password"
    client.force_login(user)
    elsewhere = Client()
    elsewhere.force_login(user)
    typed = {"old_password": "wrong", "new_password1": "a-new-one-of-mine", "new_password2": "a-new-one-of-mine"}
    assert "Your old password was entered incorrectly" in client.post("/password", typed).content.decode()
    done = client.post("/password", {**typed, "old_password": "correct horse battery staple"}, follow=True)
    assert done.redirect_chain == [("/password/changed", 302)]
    assert "You stay signed in here" in done.content.decode()
    user.refresh_from_db()
    assert user.check_password("a-new-one-of-mine")
    assert elsewhere.get("/password").status_code == 302


def test_a_user_who_is_not_active_does_not_sign_in(client: Client) -> None:
    user = person("viewer")
    user.set_password("correct horse battery staple")
    user.is_active = False
    user.save()
    client.post("/admin/login/?next=/", {"username": user.username, "password": "correct horse battery staple"})
    assert client.get("/")["Location"] == "/admin/login/?next=/"


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/websites/x", "/websites/-1", "/websites//", "/websites/1%00", "/%00", "/%ff%fe", "/websites/٣"],
)
def test_paths_that_lead_nowhere_are_not_found(path: str) -> None:
    client = with_token(token_for(person("admin")))
    assert client.get(path).status_code == 404
    assert client.get(path, headers={"Authorization": "Basic eDp5"}).status_code == 404


@pytest.fixture(params=["stranger", "viewer", "editor", "admin", "superuser"])
def caller(request: pytest.FixtureRequest) -> User | None:
    """Somebody who may sign in everywhere (None: nobody), in a database with one of everything."""
    role = request.param
    if role == "superuser":
        user = User.objects.create_superuser("root")
    else:
        user = person(None if role == "stranger" else role, staff=True)
    one_of_everything(user)
    return None if role == "stranger" else user


def test_there_is_one_of_everything_that_a_path_can_name(caller: User | None) -> None:
    for model in admin.site._registry:
        assert model._default_manager.filter(pk="1").exists(), model
    assert AuthToken.objects.filter(token_key=SAMPLES["key"]).exists()


@pytest.mark.parametrize("route", ROUTES, ids=names)
def test_no_method_on_any_route_is_a_fault_of_the_server(
    route: Route, caller: User | None, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]]
) -> None:
    client = Client(raise_request_exception=False)
    if caller:
        client.force_login(caller)
    cookies = dict(client.cookies)
    for path in spellings(route) if route.is_api else [route.path]:
        for method in EVERY_METHOD:
            with transaction.atomic():
                client.cookies = SimpleCookie(cookies)
                with django_capture_on_commit_callbacks(execute=True):
                    response = client.generic(method, path, "{}", content_type="application/json")
                honest = route.name == "readyz" and response.status_code == 503
                assert response.status_code < 500 or honest, (method, path)
                # The next method finds everything as this one did.
                transaction.set_rollback(True)
