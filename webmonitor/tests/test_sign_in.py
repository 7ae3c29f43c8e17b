"""Wrong passwords at the admin's form, with Basic authentication and where people change their own."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from webmonitor import authentication, sign_in
from webmonitor.authentication import RememberedPasswords
from webmonitor.logs import TextFormatter
from webmonitor.sign_in import ADDRESS_LIMIT, NAME_LIMIT, Places
from webmonitor.tests.test_authentication import PASSWORD, basic
from websites.tests.people import person

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
Try = Callable[..., int]


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "remembered", RememberedPasswords())


@pytest.fixture(autouse=True)
def vera() -> User:
    return _with_password("vera")


def _with_password(name: str) -> User:
    user = person("viewer", name, staff=True)
    user.set_password(PASSWORD)
    user.save()
    return user


def at_the_form(name: str, password: str, address: str = HOME) -> int:
    """1 if somebody is signed in then, else 0."""
    client = Client(REMOTE_ADDR=address)
    client.post("/admin/login/", {"username": name, "password": password})
    return int("_auth_user_id" in client.session)


def in_the_api(name: str, password: str, address: str = HOME) -> int:
    return int(basic(name, password).get("/websites", REMOTE_ADDR=address).status_code == 200)


@pytest.fixture(params=[at_the_form, in_the_api])
def let_in(request: pytest.FixtureRequest) -> Try:
    found: Try = request.param
    return found


def minute(number: float) -> time_machine.travel:
    return time_machine.travel(START + timedelta(minutes=number), tick=False)


def lock(let_in: Try, name: str = "vera", address: str = HOME) -> None:
    with minute(0):
        assert [let_in(name, f"wrong {number}", address) for number in range(NAME_LIMIT)] == [0] * NAME_LIMIT


# --- How long a lock lasts -----------------------------------------------------------------


def test_the_right_password_is_refused_for_fifteen_minutes_and_no_longer(let_in: Try) -> None:
    lock(let_in)
    for number, expected in ((0, 0), (5, 0), (10, 0), (14.9, 0), (15, 1)):
        with minute(number):
            assert let_in("vera", PASSWORD) == expected, number


def test_the_last_wrong_password_counts(let_in: Try) -> None:
    lock(let_in)
    for number, password, expected in (
        (10, "wrong", 0),
        (12, PASSWORD, 0),
        (16, PASSWORD, 0),
        (24.9, PASSWORD, 0),
        (25, PASSWORD, 1),
    ):
        with minute(number):
            assert let_in("vera", password) == expected, number


def test_wrong_passwords_long_ago_do_not_count(let_in: Try) -> None:
    for number in range(3):
        with minute(15 * number):
            assert not any(let_in("vera", "wrong") for _ in range(NAME_LIMIT - 1))
    with minute(44):
        assert let_in("vera", PASSWORD)


def test_who_signs_in_is_forgiven() -> None:
    for _ in range(4):
        assert not any(at_the_form("vera", "wrong") for _ in range(NAME_LIMIT - 1))
        assert at_the_form("vera", PASSWORD)


def test_a_script_that_is_let_in_forgives_nobody_behind_its_address() -> None:
    for _ in range(NAME_LIMIT):
        in_the_api("vera", PASSWORD)
        in_the_api("vera", "guessed")
    assert not in_the_api("vera", PASSWORD)


# --- Whom it shuts out ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (HOME, ELSEWHERE, 1),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 0),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", 1),
    ],
)
def test_another_address_gets_in(let_in: Try, one: str, other: str, expected: int) -> None:
    lock(let_in, address=one)
    with minute(1):
        assert let_in("vera", PASSWORD, other) == expected


def test_random_names_lock_their_address_and_no_other(let_in: Try) -> None:
    with minute(0):
        assert not any(let_in(f"name {number}", "wrong") for number in range(ADDRESS_LIMIT))
    with minute(14.9):
        assert not let_in("vera", PASSWORD)
        assert let_in("vera", PASSWORD, ELSEWHERE)
    with minute(15):
        assert let_in("vera", PASSWORD)


def test_an_account_of_ones_own_does_not_help_with_others(let_in: Try) -> None:
    _with_password("mallory")
    with minute(0):
        for number in range(ADDRESS_LIMIT):
            at_the_form("mallory", PASSWORD)
            let_in(f"name {number}", "wrong")
        assert not let_in("mallory", PASSWORD)


def test_a_script_with_an_old_password_locks_out_its_own_name_alone(let_in: Try) -> None:
    for number in range(2 * ADDRESS_LIMIT):
        with minute(number):
            assert not let_in("vera", "old")
    _with_password("otto")
    with minute(2 * ADDRESS_LIMIT):
        assert let_in("otto", PASSWORD)


def test_people_who_mistype_and_then_sign_in_do_not_lock_their_address() -> None:
    for number in range(ADDRESS_LIMIT):
        with minute(number):
            at_the_form("vera", "mistyped")
            assert at_the_form("vera", PASSWORD)


# --- What it is told in --------------------------------------------------------------------


def test_who_is_refused_is_told_when_to_try_again() -> None:
    lock(in_the_api)
    with minute(3.5):
        answer = basic("vera", PASSWORD).get("/websites", REMOTE_ADDR=HOME)
        sentence = "Too many wrong passwords for this user from your address. Try again in 12 minutes."
        assert (answer.status_code, answer.json()) == (403, {"detail": sentence})
        credentials = {"username": "vera", "password": PASSWORD}
        page = Client(REMOTE_ADDR=HOME).post("/admin/login/", credentials, headers={"Accept": "text/html"})
        assert (page.status_code, page["Retry-After"]) == (403, "690")
        assert sentence in page.content.decode()


def test_old_passwords_are_guessed_no_more_often_than_others(vera: User) -> None:
    client = Client(REMOTE_ADDR=HOME)
    client.force_login(vera)
    for path in ("/password", "/admin/password_change/"):
        form = {"old_password": "wrong", "new_password1": "quite another 7", "new_password2": "quite another 7"}
        pages = [client.post(path, form, follow=True) for _ in range(NAME_LIMIT)]
        if path == "/password":
            assert [page.status_code for page in pages] == [200] * (NAME_LIMIT - 1) + [403]
        refused = client.post("/password", form | {"old_password": PASSWORD})
        assert (refused.status_code, b"Try again in 15 minutes." in refused.content) == (403, True)
    vera.refresh_from_db()
    assert vera.check_password(PASSWORD)
    assert not at_the_form("vera", PASSWORD)
    assert at_the_form("vera", PASSWORD, ELSEWHERE)


def test_the_right_old_password_changes_it(vera: User) -> None:
    client = Client(REMOTE_ADDR=HOME)
    client.force_login(vera)
    form = {"old_password": PASSWORD, "new_password1": "quite another 7", "new_password2": "quite another 7"}
    assert client.post("/password", form)["Location"] == "/password/changed"
    assert at_the_form("vera", "quite another 7")


@pytest.mark.parametrize("name", ["vera", "eve\r\n2026-11-30T12:00:00.000Z INFO forged", "eve address=203.0.113.5"])
def test_log_lines_name_the_address_first(caplog: pytest.LogCaptureFixture, name: str) -> None:
    with caplog.at_level(logging.WARNING, "webmonitor.sign_in"):
        in_the_api(name, "wrong")
    (line,) = [TextFormatter().format(one) for one in caplog.records if one.name == "webmonitor.sign_in"]
    assert f"wrong password address={HOME} user='" in line
    assert "\n" not in line


def test_a_lock_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "webmonitor.sign_in"):
        for number in range(3 * NAME_LIMIT):
            in_the_api("vera", f"wrong {number}")
    events = [one.getMessage() for one in caplog.records if one.name == "webmonitor.sign_in"]
    assert events == ["wrong password"] * NAME_LIMIT + ["sign-in is locked for a while"]


# --- Many at once --------------------------------------------------------------------------


def test_who_finds_no_room_is_told_so(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    monkeypatch.setattr(sign_in, "WAITING_EACH", 0)
    answer = basic("vera", PASSWORD).get("/websites")
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert answer.json() == {"detail": sign_in.BUSY}
    page = Client().post("/admin/login/", {"username": "vera", "password": PASSWORD}, headers={"Accept": "text/html"})
    assert (page.status_code, sign_in.BUSY in page.content.decode()) == (429, True)
    monkeypatch.undo()
    monkeypatch.setattr(authentication, "remembered", RememberedPasswords())
    assert basic("vera", PASSWORD).get("/websites").status_code == 200


def test_one_password_is_hashed_at_once_and_few_wait() -> None:
    places, go_on = Places(), threading.Event()
    inside, most = [0], [0]

    def hold(address: str) -> bool:
        with places.place(address) as has_place:
            if not has_place:
                return False
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            assert go_on.wait(30)
            inside[0] -= 1
            return True

    with ThreadPoolExecutor(16) as pool:
        held = [pool.submit(hold, HOME) for _ in range(10)]
        while sum(one.done() for one in held) < 10 - sign_in.WAITING_EACH:
            pass
        # There is room for somebody else, but not for many.
        others = [pool.submit(hold, ELSEWHERE) for _ in range(3)]
        while sum(one.done() for one in others) < 3 - (sign_in.WAITING_IN_ALL - sign_in.WAITING_EACH):
            pass
        go_on.set()
        assert sum(one.result() for one in held) == sign_in.WAITING_EACH
        assert sum(one.result() for one in others) == sign_in.WAITING_IN_ALL - sign_in.WAITING_EACH
    assert most == [1]
    with places.place(HOME) as has_place:
        assert has_place


def test_the_api_and_the_form_count_together() -> None:
    for number in range(NAME_LIMIT):
        (at_the_form if number % 2 else in_the_api)("vera", "wrong")
    assert not at_the_form("vera", PASSWORD)
    assert APIClient().get("/websites").status_code == 401
