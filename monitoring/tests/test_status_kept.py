"""What is kept of the status page, for how long, and for whom."""

import gzip
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.models import ShownWebsite, StatusPage
from monitoring.status_page import kept
from monitoring.status_page.kept import Keeper
from monitoring.tests.status_pages import forgetful, seen, shown, status_page

__all__ = ["forgetful"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgetful")]

Capture = Callable[..., AbstractContextManager[Any]]


@pytest.mark.parametrize("path", ["/status", "/status/feed"])
def test_parameters_and_headers_change_nothing_and_are_not_kept(
    path: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    status_page()
    first = Client().get(path).content
    before = len(cache._cache)  # type: ignore[attr-defined]
    with django_assert_num_queries(0):
        for number in range(50):
            query = f"?{number}=%00&page=-1&utm_source={'x' * number}&%ff=<script>"
            headers = {"Accept-Language": f"l{number}", "Cookie": f"sessionid={number}", "X-Forwarded-Host": "evil"}
            assert Client().get(f"{path}{query}", headers=headers).content == first
    assert len(cache._cache) == before  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/status", "/status/feed"])
def test_others_may_keep_it_as_long_and_ask_whether_it_changed(path: str) -> None:
    status_page()
    response = Client().get(path)
    directives = response["Cache-Control"].split(", ")
    assert directives[0] == "public"
    assert 0 <= int(directives[1].removeprefix("max-age=")) <= kept.FRESH_FOR
    for condition in (
        {"If-None-Match": response["ETag"]},
        {"If-None-Match": f'"other", {response["ETag"]}'},
        {"If-Modified-Since": response["Last-Modified"]},
    ):
        again = Client().get(path, headers=condition)
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == response["ETag"]
    assert Client().get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_it_is_packed_for_those_who_can_unpack() -> None:
    status_page()
    plain = Client().get("/status")
    assert "Content-Encoding" not in plain
    for accepted in ("gzip", "br, gzip;q=0.5", "deflate,gzip"):
        packed = Client().get("/status", headers={"Accept-Encoding": accepted})
        assert packed["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.content) == plain.content
        assert packed["Vary"] == "Accept-Encoding"
    for accepted in ("br", "gzip;q=0", "gzip; q=0.0, br", "identity"):
        assert "Content-Encoding" not in Client().get("/status", headers={"Accept-Encoding": accepted})


def test_a_change_is_seen_at_once_in_the_process_that_made_it(
    django_capture_on_commit_callbacks: Capture,
) -> None:
    status_page()
    one = shown(0, "Before")
    assert "Before" in seen()
    with django_capture_on_commit_callbacks(execute=True):
        one.name = "After"
        one.save()
    assert "After" in seen()
    with django_capture_on_commit_callbacks(execute=True):
        one.delete()
    assert "After" not in seen()
    with django_capture_on_commit_callbacks(execute=True):
        status_page(is_public=False)
    assert Client().get("/status").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_what_another_process_changed_is_seen_when_the_kept_page_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    status_page()
    shown(0, "Before")
    seen()
    ShownWebsite.objects.update(name="After")
    StatusPage.objects.update(is_public=False)
    assert "Before" in seen()
    later = time.monotonic() + kept.FRESH_FOR + 1
    monkeypatch.setattr("monitoring.status_page.kept.time.monotonic", lambda: later)
    assert "Before" in seen()
    wait_until(lambda: Client().get("/status").status_code == 404)


def wait_until(done: Callable[[], bool]) -> None:
    ends_at = time.perf_counter() + 30
    while not done():
        assert time.perf_counter() < ends_at
        time.sleep(0.01)


class Slow:
    """Renders when it is let, and counts how often."""

    def __init__(self) -> None:
        self.count = 0
        self.began = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> bytes:
        self.count += 1
        self.began.set()
        assert self.may_end.wait(10)
        return f"version {self.count}".encode()


def test_many_who_ask_for_what_is_not_there_wait_for_one_rendering() -> None:
    render = Slow()
    keeper = Keeper("test", render)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(keeper.get) for _ in range(8)]
        assert render.began.wait(10)
        render.may_end.set()
        assert {one.result(10).body for one in asked} == {b"version 1"}
    assert render.count == 1


def test_while_it_is_rendered_again_the_others_get_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    render = Slow()
    render.may_end.set()
    keeper = Keeper("test", render)
    keeper.get()
    monkeypatch.setattr(kept.Kept, "is_fresh", False)
    render.began.clear()
    render.may_end.clear()
    for _ in range(20):
        assert keeper.get().body == b"version 1"
    assert render.began.wait(10)
    assert keeper.get().body == b"version 1"
    assert render.count == 2
    render.may_end.set()
    wait_until(lambda: keeper.get().body != b"version 1")
    # The last one ends before what it writes into goes.
    monkeypatch.undo()
    wait_until(lambda: not keeper._rendering.locked())


def test_a_database_that_is_away_leaves_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bytes | None] = [b"version 1", None]

    def render() -> bytes | None:
        if (answer := answers.pop(0)) is None:
            raise OperationalError("away")
        return answer

    keeper = Keeper("test", render)
    keeper.get()
    monkeypatch.setattr(kept.Kept, "is_fresh", False)
    assert keeper.get().body == b"version 1"
    wait_until(lambda: not keeper._rendering.locked())
    monkeypatch.undo()
    assert keeper.get().body == b"version 1"


def test_what_was_changed_while_it_was_rendered_is_not_kept() -> None:
    render = Slow()
    keeper = Keeper("test", render)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(keeper.get)
        assert render.began.wait(10)
        keeper.forget()
        render.may_end.set()
        asked.result(10)
    assert keeper.get().body == b"version 2"


def test_a_rendering_that_fails_is_nobody_elses() -> None:
    def fail() -> bytes:
        raise OSError("no database")

    keeper = Keeper("test", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="no database"):
            keeper.get()
