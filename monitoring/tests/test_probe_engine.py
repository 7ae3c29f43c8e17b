"""The engine as a crowd uses it: many checks at once, faults in the middle, and its end."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pycurl
import pytest

from monitoring.probe import AddressGuard, Engine, ErrorKind, Exchange, ProbeRequest
from monitoring.probe import engine as engine_module
from monitoring.probe.admission import Order
from monitoring.probe.transfer import Transfer
from monitoring.tests.servers import Authority, Peer, Server, answering, endless, refusing_port, response

LOOPBACK = AddressGuard([ip_network("127.0.0.0/8")])
PATIENCE = 30.0


class Results:
    """Collects exchanges; whoever waits for them has a deadline."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.received: list[tuple[int, Exchange]] = []
        self.threads: set[str] = set()

    def __call__(self, index: int, exchange: Exchange) -> None:
        with self._changed:
            self.received.append((index, exchange))
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, PATIENCE), self.received

    def by_index(self) -> dict[int, Exchange]:
        return dict(self.received)

    def kinds(self) -> Counter[str]:
        return Counter(exchange.error or str(exchange.http_status) for _, exchange in self.received)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")
    engine.start()
    yield engine
    engine.stop(0)


def asked(url: str, timeout: float = 20.0, pattern: str | None = None) -> ProbeRequest:
    return ProbeRequest(url, timeout, pattern)


def silent(peer: Peer) -> None:
    peer.request()
    peer.hold()


def test_a_batch_comes_back_with_its_indexes_from_one_other_thread(engine: Engine) -> None:
    results = Results()
    with Server(answering(response())) as server:
        engine.submit([asked(server.url(f"/{number}")) for number in range(200)], results)
        results.wait_for(200)
    assert sorted(index for index, _ in results.received) == list(range(200))
    assert all(exchange.request.url.endswith(f"/{index}") for index, exchange in results.received)
    assert results.kinds() == {"200": 200}
    assert results.threads == {"probe-engine"}
    assert engine.in_flight == 0
    assert server.accepted == 200


def test_several_threads_submit_at_once(engine: Engine) -> None:
    results = Results()
    with Server(answering(response())) as server:
        batch = [asked(server.url())] * 25
        threads = [threading.Thread(target=engine.submit, args=(batch, results)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        results.wait_for(200)
    assert results.kinds() == {"200": 200}


def test_a_silent_website_does_not_delay_its_neighbours(engine: Engine) -> None:
    slow, quick = Results(), Results()
    with Server(silent) as mute, Server(answering(response())) as server:
        engine.submit([asked(mute.url())] * 50, slow)
        engine.submit([asked(server.url())] * 50, quick)
        quick.wait_for(50)
        assert slow.received == []
        assert engine.in_flight == 50
    # The server is gone, and with it the connections.
    slow.wait_for(50)
    assert slow.kinds() == {"invalid_response": 50}


def test_an_endless_body_does_not_delay_its_neighbours(engine: Engine) -> None:
    results = Results()
    with Server(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536)) as gusher, Server(answering(response())) as server:
        engine.submit([asked(gusher.url(), pattern="x"), asked(server.url())] * 10, results)
        results.wait_for(20)
    assert results.kinds() == {"200": 10, "body_too_large": 10}


def test_handles_carry_nothing_from_one_check_to_the_next(engine: Engine) -> None:
    results = Results()
    with Server(answering(response("404 Not Found", b"text", "Set-Cookie: a=b"))) as server, refusing_port() as port:
        urls = [server.url(), f"http://127.0.0.1:{port}/", server.url(), "http://10.0.0.1/", server.url()]
        for number, url in enumerate(urls, start=1):
            engine.submit([asked(url, pattern="t")], results)
            results.wait_for(number)
    kinds = [exchange.error for _, exchange in results.received]
    assert kinds == [None, ErrorKind.REFUSED, None, ErrorKind.BLOCKED_ADDRESS, None]
    assert [exchange.body for _, exchange in results.received] == [b"text", b"", b"text", b"", b"text"]
    assert all(b"Cookie" not in head for head in server.requests)


def test_thousands_at_once_leave_no_descriptor_behind(engine: Engine) -> None:
    results = Results()
    with Server(answering(response())) as server, refusing_port() as port:
        engine.submit([asked(server.url())], results)
        results.wait_for(1)
        before = descriptors()
        refused, blocked = f"http://127.0.0.1:{port}/", "http://192.168.0.1/"
        engine.submit([asked(url) for url in (server.url(), refused, blocked)] * 700, results)
        results.wait_for(2101)
        wait_until(lambda: descriptors() <= before)
    assert results.kinds() == {"200": 701, "refused": 700, "blocked_address": 700}


def test_more_than_the_descriptors_allow_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "checks_at_once", lambda: 5)
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")
    engine.start()
    slow, quick = Results(), Results()
    try:
        with Server(answering(response())) as server:
            with Server(silent) as mute:
                engine.submit([asked(mute.url())] * 5, slow)
                # Nothing is known of any of these websites, so some room is left for those that are known to be quick.
                wait_until(lambda: len(mute.requests) == 3)
                engine.submit([asked(server.url())] * 60, quick)
                assert engine.in_flight == 65
                assert server.accepted == 0
            # The silent server is gone, and so there is room.
            quick.wait_for(60)
    finally:
        engine.stop(0)
    assert quick.kinds() == {"200": 60}


def test_a_request_that_cannot_be_begun_fails_alone(engine: Engine) -> None:
    results = Results()
    with Server(answering(response())) as server:
        engine.submit(
            [asked(server.url()), asked("http://a\0b/"), asked("http://\udc80/"), asked(server.url())], results
        )
        results.wait_for(4)
    errors = [results.by_index()[index].error for index in range(4)]
    assert errors == [None, ErrorKind.INTERNAL, ErrorKind.INTERNAL, None]


def test_a_receiver_that_fails_is_logged_and_the_thread_goes_on(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    results = Results()

    def failing(index: int, exchange: Exchange) -> None:
        results(index, exchange)
        raise ValueError("the receiver's bug")

    with Server(answering(response())) as server, caplog.at_level(logging.ERROR):
        engine.submit([asked(server.url())] * 3, failing)
        results.wait_for(3)
        engine.submit([asked(server.url())], results)
        results.wait_for(4)
    assert results.kinds() == {"200": 4}
    assert caplog.text.count("ValueError: the receiver's bug") == 3


def test_a_fault_of_the_loop_costs_only_what_was_running(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost, results = Results(), Results()
    with Server(silent) as mute, Server(answering(response())) as server:
        engine.submit([asked(mute.url())] * 3, lost)
        wait_until(lambda: len(mute.requests) == 3)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "_reap", lambda: 1 // 0)
            engine.submit([asked(server.url())], lost)
            lost.wait_for(4)
        engine.submit([asked(server.url())], results)
        results.wait_for(1)
    assert lost.kinds() == {"internal": 4}
    assert results.kinds() == {"200": 1}
    assert "starts afresh" in caplog.text


# --- The end -----------------------------------------------------------------------------


def test_stop_lets_running_checks_end(engine: Engine) -> None:
    results = Results()

    def slow(peer: Peer) -> None:
        peer.request()
        peer.server.closing.wait(0.3)
        peer.send(response())
        peer.finish()

    with Server(slow) as server:
        engine.submit([asked(server.url())] * 20, results)
        engine.stop(PATIENCE)
        assert len(results.received) == 20
    assert results.kinds() == {"200": 20}


def test_stop_gives_every_request_exactly_one_callback(engine: Engine) -> None:
    results = Results()
    with Server(silent) as mute, Server(answering(response())) as server:
        engine.submit([asked(mute.url()), asked(server.url())] * 100, results)
        wait_until(lambda: len(mute.requests) == 100)
        engine.submit([asked(mute.url())] * 300, results)
        engine.stop(0.2)
        results.wait_for(500)
        assert engine.in_flight == 0
    assert Counter(index for index, _ in results.received).most_common(1)[0][1] == 2
    assert results.kinds()["internal"] >= 400
    assert set(results.kinds()) <= {"internal", "200"}


def test_after_stop_nothing_is_taken(engine: Engine) -> None:
    engine.stop(0)
    results = Results()
    with pytest.raises(RuntimeError):
        engine.submit([asked("http://127.0.0.1/")], results)
    engine.stop(0)
    assert results.received == []


@pytest.mark.parametrize("step", ["begin", "exchange", "release"])
def test_whatever_goes_wrong_with_one_check_every_order_is_answered_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    real = getattr(Transfer, step)

    def failing(transfer: Transfer, *args: Any) -> Any:
        made = real(transfer, *args)
        if len(caplog.records) == 0 and results.received:
            raise pycurl.error(1, "of a library") if step == "release" else MemoryError
        return made

    results, rounds = Results(), Results()
    monkeypatch.setattr(Transfer, step, failing)
    with Server(answering(response())) as server:
        engine.submit([asked(server.url())], results)
        results.wait_for(1)
        for count in (3, 6):
            orders = [Order(asked(server.url()), n, rounds, lambda *_: None, website=n) for n in range(3)]
            engine.order(orders)
            rounds.wait_for(count)
        wait_until(lambda: engine.in_flight == 0)
    numbers = Counter(number for number, _ in rounds.received)
    assert numbers == {0: 2, 1: 2, 2: 2}
    assert rounds.kinds()["internal"] == (0 if step == "release" else 1)
    assert engine._admission.running == []


def test_an_engine_that_was_never_started_takes_nothing_and_stops() -> None:
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")
    with pytest.raises(RuntimeError):
        engine.submit([asked("http://127.0.0.1/")], Results())
    engine.stop(1)


def test_name_lookups_under_way_do_not_hold_up_the_end(engine: Engine) -> None:
    results = Results()
    engine.submit([asked(f"http://name{number}.invalid/") for number in range(100)], results)
    engine.stop(0)
    assert len(results.received) == 100
    assert set(results.kinds()) <= {"dns", "internal"}


def test_certificates_are_not_read_again_for_every_check(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    engine = Engine(LOOPBACK, user_agent="webmonitor/test", ca_file=authority.ca_file)
    engine.start()
    results = Results()
    try:
        with Server(answering(response()), tls=authority.context("127.0.0.1")) as server:
            engine.submit([asked(server.url())], results)
            results.wait_for(1)
            Path(authority.ca_file).unlink()
            engine.submit([asked(server.url())] * 5, results)
            results.wait_for(6)
    finally:
        engine.stop(0)
    assert results.kinds() == {"200": 6}
