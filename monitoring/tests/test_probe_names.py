"""Names on their way to addresses: which URLs have one, and that names which hang hold up no others."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from monitoring.probe import AddressGuard, Engine, ErrorKind, Exchange, ProbeRequest, names
from monitoring.probe.names import Lookup, Resolver, look_up, name_in
from monitoring.tests.probing import LOOPBACK
from monitoring.tests.servers import Server, answering, redirect, response

PATIENCE = 10.0


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://example.com", ("example.com", 80)),
        ("https://example.com/path?query#fragment", ("example.com", 443)),
        ("HTTP://Example.com:8080/", ("Example.com", 8080)),
        ("http://user:secret@example.com/", ("example.com", 80)),
        ("http://xn--bcher-kva.example?x", ("xn--bcher-kva.example", 80)),
        ("http://under_score.example/", ("under_score.example", 80)),
        ("http://127.0.0.1/", None),
        ("http://2130706433/", None),
        ("http://[::1]:80/", None),
        ("http://localhost:8000/", None),
        ("http://a.localhost./", None),
        ("http://b\u00fccher.example/", None),
        ("http://exa%6dple.com/", None),
        ("http://example.com:123456/", None),
        ("ftp://example.com/", None),
        ("http:///", None),
    ],
)
def test_only_plain_names_are_looked_up_here(url: str, name: tuple[str, int] | None) -> None:
    assert name_in(url) == name


def test_the_system_knows_the_addresses_of_a_name() -> None:
    assert {"127.0.0.1", "::1"} & set(look_up("localhost"))


class Names:
    """A resolver whose names answer when the test says so, and what it has found."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.release = threading.Event()
        self.done: queue.SimpleQueue[Lookup] = queue.SimpleQueue()

    def look_up(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.release.wait(PATIENCE)
        if host.startswith("missing"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        if host.startswith("malformed"):
            raise UnicodeError("label too long")
        if host.startswith("unthought"):
            raise ValueError("nobody thought of this")
        return ("192.0.2.1", "2001:db8::1")


@contextmanager
def resolver() -> Iterator[tuple[Names, Resolver]]:
    known = Names()
    made = Resolver(known.done.put, by=known.look_up)
    yield known, made
    known.release.set()
    made.close()


def test_it_finds_addresses_and_says_why_it_does_not() -> None:
    with resolver() as (known, made):
        lookups = [made.ask(host) for host in ("fine", "missing", "malformed", "unthought-of")]
        done = {known.done.get(timeout=PATIENCE) for _ in lookups}
        assert done == set(lookups)
        assert [lookup.error for lookup in lookups] == [0, socket.EAI_NONAME, socket.EAI_NONAME, socket.EAI_FAIL]
        assert lookups[0].addresses == ("192.0.2.1", "2001:db8::1")


def test_names_that_hang_hold_up_no_others() -> None:
    with resolver() as (known, made):
        for n in range(4 * names.FEW_THREADS):
            made.ask(f"hangs-{n}")
        fine = made.ask("fine")
        deadline = time.monotonic() + PATIENCE
        while known.done.empty():
            assert time.monotonic() < deadline
            made.grow()
            time.sleep(0.01)
        assert known.done.get() is fine


def test_a_name_asked_for_twice_is_looked_up_once() -> None:
    with resolver() as (known, made):
        first, second = made.ask("hangs"), made.ask("hangs")
        known.release.set()
        assert {known.done.get(timeout=PATIENCE), known.done.get(timeout=PATIENCE)} == {first, second}
        assert second.addresses
        assert known.asked == ["hangs"]


def test_names_of_quick_websites_wait_for_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_THREADS", 4)
    monkeypatch.setattr(names, "PATIENCE", 0.0)
    with resolver() as (known, made):
        for n in range(6):
            made.ask(f"hangs-{n}", is_slow=True)
        made.ask("shared", is_slow=True)
        # A quarter of the threads is left to these; one asks for a name that a slow website asked for before.
        wanted = [made.ask("fine"), made.ask("shared")]
        found: set[Lookup] = set()
        while not found.issuperset(wanted):
            found.add(known.done.get(timeout=PATIENCE))
        assert len([host for host in known.asked if host.startswith("hangs")]) <= 3
        known.release.set()
        while len(found) < 9:
            found.add(known.done.get(timeout=PATIENCE))


def test_a_name_that_nobody_wants_any_more_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_THREADS", 1)
    with resolver() as (known, made):
        made.ask("hangs")
        unwanted = made.ask("unwanted")
        unwanted.is_wanted = False
        wanted = made.ask("wanted")
        known.release.set()
        assert known.done.get(timeout=PATIENCE).host == "hangs"
        assert known.done.get(timeout=PATIENCE) is wanted
        assert "unwanted" not in known.asked
        assert not unwanted.begun


@contextmanager
def engine(
    by: Callable[[str], tuple[str, ...]], *, guard: AddressGuard = LOOPBACK
) -> Iterator[Callable[[ProbeRequest], Exchange]]:
    """An engine that knows names from `by`; it checks one URL at a time."""
    made = Engine(guard, user_agent="webmonitor/test")
    made._resolver = Resolver(made._on_lookup, by=by)
    made.start()
    exchanges: queue.SimpleQueue[Exchange] = queue.SimpleQueue()

    def check(request: ProbeRequest) -> Exchange:
        made.submit([request], lambda _index, exchange: exchanges.put(exchange))
        return exchanges.get(timeout=request.timeout + PATIENCE)

    try:
        yield check
    finally:
        made.stop(0)


def test_a_check_dials_the_addresses_that_its_name_has_now() -> None:
    addresses: dict[str, tuple[str, ...]] = {"site.test": ("127.0.0.1",)}
    with Server(answering(response(body=b"hello"))) as server, engine(lambda host: addresses[host]) as check:
        url = server.url().replace("127.0.0.1", "site.test")
        first = check(ProbeRequest(url, PATIENCE))
        assert (first.http_status, first.remote_ip, first.error) == (200, "127.0.0.1", None)
        assert first.phases.dns is not None
        assert first.response_time is not None
        assert first.phases.dns <= first.response_time
        addresses["site.test"] = ("127.0.0.9",)
        assert check(ProbeRequest(url, PATIENCE)).error == ErrorKind.REFUSED
        # One of two is enough.
        addresses["site.test"] = ("127.0.0.9", "127.0.0.1")
        assert check(ProbeRequest(url, PATIENCE)).http_status == 200


def test_a_name_of_an_address_that_may_not_be_dialled_is_blocked() -> None:
    with Server(answering(response(body=b"hello"))) as server, engine(lambda _: ("10.0.0.1",)) as check:
        assert (
            check(ProbeRequest(server.url().replace("127.0.0.1", "site.test"), PATIENCE)).error
            == ErrorKind.BLOCKED_ADDRESS
        )


def test_a_redirect_to_another_name_is_looked_up_as_well() -> None:
    asked: list[str] = []

    def by(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",)

    with Server(answering(response(body=b"there"))) as there:
        location = there.url().replace("127.0.0.1", "there.test")
        with Server(answering(redirect(location))) as here, engine(by) as check:
            assert check(ProbeRequest(here.url().replace("127.0.0.1", "here.test"), PATIENCE)).http_status == 200
    assert asked == ["here.test", "there.test"]


def test_a_name_without_an_answer_is_a_dns_error_at_the_deadline() -> None:
    release = threading.Event()

    def by(host: str) -> tuple[str, ...]:
        release.wait(PATIENCE)
        return ()

    with engine(by) as check:
        exchange = check(ProbeRequest("http://silent.test/", 0.5))
        assert (exchange.error, exchange.http_status) == (ErrorKind.DNS, 0)
        assert "within 0.5 seconds" in exchange.error_detail
        release.set()


def test_a_name_that_did_not_get_its_turn_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_THREADS", 0)
    with engine(lambda _: ("127.0.0.1",)) as check:
        exchange = check(ProbeRequest("http://site.test/", 0.5))
    assert exchange.error == ErrorKind.INTERNAL
    assert "too many names" in exchange.error_detail
