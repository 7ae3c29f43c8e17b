"""When a failure is our own: from what ends together, and from addresses that are trusted to answer."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from monitoring.connectivity import Address, Connectivity, Look, Observation, References, is_named
from monitoring.models import MonitoringData, State, WebsiteState
from monitoring.probe.types import ErrorKind
from monitoring.recorder import Recorder
from monitoring.tests.servers import Peer, Server, refusing_port
from monitoring.tests.test_recorder import check
from websites.models import Website

DNS, TIMEOUT, CONNECT, REFUSED, INTERNAL = (
    kind.value for kind in map(ErrorKind, ("dns", "timeout", "connect", "refused", "internal"))
)
UP, DOWN, UNKNOWN, NEVER = State.UP.value, State.DOWN.value, State.UNKNOWN.value, ""


def seen(error: str, known: str, *website_ids: int) -> list[Observation]:
    return [Observation(website_id, error, known) for website_id in website_ids]


def alone() -> Connectivity:
    return Connectivity(References(()))


@pytest.mark.parametrize(
    ("checks", "ours"),
    [
        (seen("", UP, *range(10)), set()),
        # Most of those that were up fail alike.
        (seen(DNS, UP, *range(6)) + seen("", UP, *range(6, 10)), {DNS}),
        (seen(TIMEOUT, UP, *range(10)), {TIMEOUT}),
        # Half is not most, and two are not many.
        (seen(DNS, UP, *range(5)) + seen("", UP, *range(5, 10)), set()),
        (seen(DNS, UP, 1, 2), set()),
        (seen(DNS, UP, 1, 2, 3), {DNS}),
        # Not alike, though they are most.
        (seen(DNS, UP, 1, 2) + seen(CONNECT, UP, 3, 4) + seen(TIMEOUT, UP, 5), set()),
        # Alike, and not how a dead line looks.
        (seen(REFUSED, UP, *range(10)), set()),
        # What was down, or never seen, says nothing about us.
        (seen(DNS, DOWN, *range(10)) + seen("", UP, 10), set()),
        (seen(DNS, NEVER, *range(10)), set()),
        (seen(DNS, DOWN, *range(10)) + seen(DNS, UP, 10, 11, 12), {DNS}),
        # A dead line fails names and addresses in different ways.
        (seen(DNS, UP, *range(8)) + seen(TIMEOUT, UP, 8), {DNS, TIMEOUT}),
        # One website, again and again.
        (seen(DNS, UP, 1, 1, 1, 1, 1), set()),
    ],
)
def test_what_ends_together_tells_whether_the_line_is_dead(checks: list[Observation], ours: set[str]) -> None:
    assert alone().excused(checks) == ours


def test_few_websites_are_judged_by_the_latest_of_each() -> None:
    connectivity = alone()
    told = [set(connectivity.excused(seen("", UP, website_id))) for website_id in range(5)]
    told += [set(connectivity.excused(seen(TIMEOUT, UP, website_id))) for website_id in range(5)]
    # The third of five is most; the two before it could not be told apart from failures of their own.
    assert told == [set()] * 7 + [{TIMEOUT}] * 3


def test_one_website_that_comes_and_goes_is_no_dead_line() -> None:
    connectivity = alone()
    for website_id in (1, 2, 3, 4):
        connectivity.excused(seen("", UP, website_id))
    for _ in range(10):
        assert connectivity.excused(seen(TIMEOUT, UP, 5)) == set()
        assert connectivity.excused(seen("", UP, 5)) == set()


def test_it_lasts_until_websites_answer_again() -> None:
    connectivity = alone()
    assert connectivity.excused(seen(CONNECT, UP, *range(10))) == {CONNECT}
    # Those are unknown by now, and stay so; one that was down stays down, which the recorder sees to.
    assert connectivity.excused(seen(CONNECT, UNKNOWN, *range(10))) == {CONNECT}
    assert connectivity.excused(seen(CONNECT, UNKNOWN, *range(4)) + seen("", UNKNOWN, *range(4, 10))) == set()
    assert connectivity.excused(seen(CONNECT, UP, 1) + seen("", UP, *range(2, 10))) == set()


def test_checks_that_never_went_out_are_no_sign_that_websites_answer_again() -> None:
    connectivity = alone()
    assert connectivity.excused(seen(DNS, UP, *range(100))) == {DNS}
    # The name server is still silent: few lookups had their turn, the others end as our own fault.
    assert connectivity.excused(seen(DNS, UNKNOWN, *range(13)) + seen(INTERNAL, UP, *range(13, 250))) == {DNS}
    assert connectivity.excused(seen(INTERNAL, UP, *range(250))) == set()
    assert connectivity.excused(seen(DNS, UNKNOWN, *range(100))) == {DNS}
    assert connectivity.excused(seen("", UNKNOWN, *range(100)) + seen(DNS, UNKNOWN, *range(100, 113))) == set()


def test_checks_that_never_went_out_hide_no_dead_line() -> None:
    assert alone().excused(seen(DNS, UP, *range(13)) + seen(INTERNAL, UP, *range(13, 250))) == {DNS}


# --- References --------------------------------------------------------------------------


class Told(References):
    """References whose latest look the test says."""

    def __init__(self, look_at: Look) -> None:
        super().__init__(())
        self.look_at = look_at

    def latest(self, kind: str) -> Look | None:
        return self.look_at

    def ask_now(self) -> None:
        pass


def test_references_that_answer_put_the_blame_on_the_websites() -> None:
    references = Told(Look(time.monotonic() - 60, is_answered=True))
    connectivity = Connectivity(references)
    # What they said before says nothing of now.
    assert connectivity.excused(seen(TIMEOUT, UP, *range(10))) == {TIMEOUT}
    references.look_at = Look(time.monotonic() + 1, is_answered=True)
    assert connectivity.excused(seen(TIMEOUT, UNKNOWN, *range(10))) == set()


def test_references_that_do_not_answer_excuse_even_one_website() -> None:
    references = Told(Look(time.monotonic(), is_answered=False))
    connectivity = Connectivity(references)
    assert connectivity.excused(seen(TIMEOUT, UP, 1) + seen("", UP, *range(2, 20))) == {TIMEOUT}
    assert connectivity.excused(seen(REFUSED, UP, 1)) == set()


def accept(peer: Peer) -> None:
    peer.finish()


@contextmanager
def looked(addresses: Iterable[Address]) -> Iterator[References]:
    """References that were asked once, without a thread that goes on."""
    references = References(())
    references._addresses = tuple(addresses)
    references.look()
    yield references


def test_one_address_that_accepts_is_enough() -> None:
    with Server(accept) as server, refusing_port() as closed:
        with looked([("127.0.0.1", closed), ("127.0.0.1", server.port)]) as references:
            look = references.latest(TIMEOUT)
            assert look is not None
            assert look.is_answered
        with looked([("127.0.0.1", closed)]) as references:
            look = references.latest(TIMEOUT)
            assert look is not None
            assert not look.is_answered


def test_only_a_name_can_tell_about_names() -> None:
    with Server(accept) as server:
        with looked([("127.0.0.1", server.port)]) as references:
            assert references.latest(DNS) is None
        with looked([("127.0.0.1", server.port), ("localhost", server.port)]) as references:
            look = references.latest(DNS)
            assert look is not None
            assert look.is_answered
        # The line is there, but its name server is not.
        with looked([("127.0.0.1", server.port), ("no-such-name.invalid", server.port)]) as references:
            by_name, by_address = references.latest(DNS), references.latest(TIMEOUT)
            assert by_name is not None
            assert by_address is not None
            assert (by_name.is_answered, by_address.is_answered) == (False, True)


def test_without_addresses_nothing_is_said_and_no_thread_runs() -> None:
    assert References(()).latest(TIMEOUT) is None


def test_the_thread_asks_at_once_and_again_when_it_is_told_to() -> None:
    with Server(accept) as server:
        references = References([("127.0.0.1", server.port)])
        deadline = time.monotonic() + 10
        while server.accepted < 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        references.ask_now()
        while server.accepted < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize(("host", "named"), [("192.0.2.1", False), ("2001:db8::1", False), ("dns.example.org", True)])
def test_a_name_is_told_from_an_address(host: str, named: bool) -> None:
    assert is_named((host, 53)) is named
    assert socket.has_ipv6 or ":" not in host


# --- In the rows -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_dead_line_makes_websites_unknown_and_never_down() -> None:
    websites = [
        Website.objects.create(website_url=f"http://127.0.0.1/{number}", monitoring_interval=60, failures_before_down=1)
        for number in range(6)
    ]
    desk = Recorder(alone())
    desk.write([check(website.pk) for website in websites[:5]])
    desk.write([check(websites[5].pk, http_status=500)])
    later = {"http_status": 0, "error": ErrorKind.DNS, "error_detail": "x.", "started_at": 1_750_000_060.0}
    desk.write([check(website.pk, **later) for website in websites])
    rows = MonitoringData.objects.filter(error="dns").order_by("website")
    assert [row.outcome for row in rows] == ["unknown"] * 5 + ["down"]
    assert {row.error_detail for row in rows} == {"x."}
    states = dict(WebsiteState.objects.values_list("website", "state"))
    assert [states[website.pk] for website in websites] == ["unknown"] * 5 + ["down"]
    # The line is back, and with it what is known.
    desk.write([check(website.pk, started_at=1_750_000_120.0) for website in websites])
    assert set(WebsiteState.objects.values_list("state", flat=True)) == {"up"}
