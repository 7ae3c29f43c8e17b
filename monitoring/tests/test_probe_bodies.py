"""Bodies within a bound: real servers send more than there is room for."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitoring.probe import Engine, ErrorKind, bodies, content
from monitoring.probe.admission import Order
from monitoring.probe.bodies import FREE, BodyRoom
from monitoring.probe.words import of_our_own
from monitoring.tests.probing import LOOPBACK, bounded_memory
from monitoring.tests.servers import Peer, Script, Server, answering, response
from monitoring.tests.test_probe_engine import Results, asked, wait_until

SIZE = 200_000
BODY = b"x" * (SIZE - 3) + b"end"
WHOLE = answering(response(body=BODY))


@contextmanager
def engine(room: BodyRoom) -> Iterator[Engine]:
    made = Engine(LOOPBACK, user_agent="webmonitor/test")
    made._bodies = room
    made.start()
    try:
        yield made
    finally:
        made.stop(0)


def dripping(release: threading.Event) -> Script:
    """All of a body but its last byte, which comes when the test says so."""

    def script(peer: Peer) -> None:
        peer.request()
        whole = response(body=BODY)
        peer.send(whole[:-1])
        release.wait(20.0)
        peer.send(whole[-1:])
        peer.finish()

    return script


def test_what_has_no_room_waits_until_others_have_been_read_and_is_read_whole() -> None:
    results, room = Results(), BodyRoom(2 * SIZE)
    with engine(room) as made, Server(WHOLE) as server:
        made.submit([asked(server.url(), pattern="e(n)d")] * 30, results)
        read = 0
        while read < 30:
            results.wait_for(read + 1)
            # The grants go beyond the bound, and each of those that wait has what is free.
            assert room.held <= 2 * SIZE + bodies.FEWEST_GRANTS * SIZE + 30 * FREE
            _, exchange = results.received[read]
            assert content.read(exchange).matches == ["n"]
            made.give_back(len(exchange.body), is_slow=exchange.is_slow)
            read += 1
        wait_until(lambda: room.held == 0)
        assert not room.has_paused
    assert results.kinds() == {"200": 30}


def test_those_that_are_not_quick_leave_room_to_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    slow, quick, release = Results(), Results(), threading.Event()
    room = BodyRoom(2 * SIZE)
    with engine(room) as made, Server(dripping(release)) as drips, Server(WHOLE) as server:
        known_as_quick(made, server.url(), quick)
        made.submit([asked(drips.url(), pattern="x")] * 20, slow)
        wait_until(lambda: len(room._paused[True]) >= 18)
        assert room.held <= 2 * SIZE + 20 * FREE
        known_as_quick(made, server.url(), quick)
        assert slow.received == []
        release.set()
    assert {exchange.error for _, exchange in quick.received} == {None}


def known_as_quick(made: Engine, url: str, results: Results) -> None:
    """Have a website checked that is quick from then on."""
    before = len(results.received)
    made.order([Order(asked(url, pattern="x"), 0, results, lambda *_: None, website="quick")])
    results.wait_for(before + 1)
    made.give_back(SIZE, is_slow=results.received[-1][1].is_slow)


def test_what_waits_to_be_read_of_others_takes_no_room_of_the_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    slow, quick, room = Results(), Results(), BodyRoom(2 * SIZE)
    with engine(room) as made, Server(WHOLE) as server:
        known_as_quick(made, server.url(), quick)
        made.submit([asked(server.url(), pattern="x")] * 3, slow)
        wait_until(lambda: len(slow.received) == 2 and room.has_paused)
        known_as_quick(made, server.url(), quick)
        assert len(slow.received) == 2
    assert [(exchange.error, exchange.is_slow) for _, exchange in quick.received] == [(None, True), (None, False)]


def test_a_few_may_always_go_on_so_that_none_waits_for_another_for_ever() -> None:
    results = Results()
    with engine(BodyRoom(SIZE)) as made, Server(WHOLE) as server:
        made.submit([asked(server.url(), pattern="x")] * 12, results)
        for number in range(12):
            results.wait_for(number + 1)
            made.give_back(SIZE, is_slow=True)
    assert results.kinds() == {"200": 12}


def test_while_nobody_reads_small_bodies_pause_as_well() -> None:
    results, room = Results(), BodyRoom(4 * FREE)
    with engine(room) as made, Server(answering(response(body=b"x" * FREE))) as server:
        made.submit([asked(server.url(), pattern="x")] * 60, results)
        wait_until(lambda: len(room._paused[True]) > 40)
        assert room.held <= 2 * 4 * FREE + bodies.FEWEST_GRANTS * FREE
        for number in range(60):
            results.wait_for(number + 1)
            made.give_back(FREE, is_slow=True)
    assert results.kinds() == {"200": 60}


def test_a_pause_that_was_short_excuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    results, room, release = Results(), BodyRoom(SIZE), threading.Event()
    with engine(room) as made, Server(dripping(release)) as drips:
        made.submit([asked(drips.url(), timeout=3.0, pattern="x")] * 2, results)
        wait_until(lambda: room.has_paused)
        # As if the other one had been read.
        made.give_back(2 * SIZE, is_slow=True)
        results.wait_for(2)
        release.set()
    assert results.kinds() == {"timeout": 2}


def test_a_check_that_is_out_of_time_while_its_body_waits_for_room_is_our_own_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    results, room = Results(), BodyRoom(0)
    with engine(room) as made, Server(WHOLE) as server:
        made.submit([asked(server.url(), timeout=0.5, pattern="x")] * 3, results)
        results.wait_for(3)
        assert room.held == 0
        assert not room.has_paused
    for _, exchange in results.received:
        assert (exchange.error, exchange.error_detail) == (ErrorKind.INTERNAL, of_our_own(bodies.NO_ROOM))
        assert exchange.body == b""


def test_a_server_that_is_silent_in_the_midst_of_a_body_that_has_room_is_out_of_time_itself() -> None:
    results, release = Results(), threading.Event()
    with engine(BodyRoom()) as made, Server(dripping(release)) as drips:
        made.submit([asked(drips.url(), timeout=0.5, pattern="x")], results)
        results.wait_for(1)
        assert made._bodies.held == 0
        release.set()
    assert results.kinds() == {"timeout": 1}


def test_time_in_which_nobody_received_is_not_counted_as_the_websites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    results, room = Results(), BodyRoom(SIZE)
    with engine(room) as made, Server(WHOLE) as server:
        made.submit([asked(server.url(), pattern="x")], results)
        results.wait_for(1)
        # Until that one has been read, there is no room for another.
        made.submit([asked(server.url(), pattern="x")], results)
        wait_until(lambda: room.has_paused)
        paused_until = time.monotonic() + 1.0
        wait_until(lambda: time.monotonic() > paused_until)
        made.give_back(SIZE, is_slow=True)
        results.wait_for(2)
    assert all(exchange.response_time is not None and exchange.response_time < 0.9 for _, exchange in results.received)


def test_w4_packed_bodies_that_wait_take_no_more_than_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FEWEST_GRANTS", 0)
    packed = response("200 OK", gzip.compress(bytes(60_000_000)), "Content-Encoding: gzip")
    results, room = Results(), BodyRoom(0)
    with engine(room) as made, Server(answering(packed)) as server, bounded_memory(20):
        made.submit([asked(server.url(), timeout=1.0, pattern="x")] * 40, results)
        wait_until(lambda: len(room._paused[True]) == 40)
        results.wait_for(40)
    assert results.kinds() == {"internal": 40}


@pytest.mark.parametrize("pattern", [None, "x"])
def test_what_is_not_searched_is_never_kept(pattern: str | None) -> None:
    results, room, release = Results(), BodyRoom(), threading.Event()
    with engine(room) as made, Server(dripping(release)) as drips:
        made.submit([asked(drips.url(), pattern=pattern)], results)
        kept = pattern is not None
        if kept:
            wait_until(lambda: room.held == SIZE - 1)
        else:
            wait_until(lambda: received(made) == SIZE - 1)
            assert room.held == 0
        release.set()
        results.wait_for(1)
    assert len(results.received[0][1].body) == (SIZE if kept else 0)


def received(made: Engine) -> int:
    """Bytes of the one body under way."""
    return sum(transfer._hop.body.size for transfer in list(made._running.values()))


def test_a_redirects_body_takes_no_room() -> None:
    def script(peer: Peer) -> None:
        if b" /there " in peer.request():
            peer.send(response(body=b"text"))
        else:
            peer.send(response("302 Found", b"y" * 100_000, "Location: /there"))
        peer.finish()

    results, room = Results(), BodyRoom()
    with engine(room) as made, Server(script) as server:
        made.submit([asked(server.url(), pattern="t.x")] * 5, results)
        results.wait_for(5)
        assert room.held == 5 * len(b"text")
        for _, exchange in results.received:
            made.give_back(len(exchange.body), is_slow=exchange.is_slow)
        assert room.held == 0
    assert results.kinds() == {"200": 5}


def test_an_engine_that_gives_up_has_all_its_room_again() -> None:
    results, room, release = Results(), BodyRoom(SIZE), threading.Event()
    with engine(room) as made, Server(dripping(release)) as drips:
        made.submit([asked(drips.url(), pattern="x")] * 12, results)
        wait_until(lambda: room.has_paused)
        made.stop(0)
        results.wait_for(12)
        release.set()
    assert (room.held, room.has_paused) == (0, False)
    assert results.kinds() == {"internal": 12}
