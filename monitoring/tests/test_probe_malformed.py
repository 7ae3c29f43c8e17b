"""The corpus of malformed responses, and what mutation makes of it, through one engine: nothing breaks or hangs."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.probe import BODY_CAP, Engine, ErrorKind, Exchange, ProbeRequest, content
from monitoring.tests.malformed import CORPUS
from monitoring.tests.probing import LOOPBACK
from monitoring.tests.servers import Peer, Server, answering, response

TIMEOUT = 2.0
PATIENCE = 30.0
UNSTORABLE = {"\0", *map(chr, range(0xD800, 0xE000))}


@dataclass
class Replay:
    """One engine and a server that answers with any bytes that are registered under a path."""

    engine: Engine
    server: Server
    answers: dict[bytes, bytes] = field(default_factory=dict)

    def of(self, answers: list[bytes]) -> list[Exchange]:
        """What the engine makes of these answers, all asked for at once; each has exactly one outcome."""
        first = len(self.answers)
        paths = [f"/{first + number}" for number in range(len(answers))]
        self.answers |= {path.encode(): answer for path, answer in zip(paths, answers, strict=True)}
        outcomes: dict[int, Exchange] = {}
        ended = threading.Event()

        def on_exchange(index: int, exchange: Exchange) -> None:
            assert index not in outcomes
            outcomes[index] = exchange
            if len(outcomes) == len(answers):
                ended.set()

        self.engine.submit([ProbeRequest(self.server.url(path), TIMEOUT, "(?s).+") for path in paths], on_exchange)
        assert ended.wait(PATIENCE), "not every check came to an end"
        return [outcomes[index] for index in range(len(answers))]


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    engine = Engine(LOOPBACK, user_agent="webmonitor/test")

    def script(peer: Peer) -> None:
        words = peer.request().split(b" ", 2)
        peer.send(made.answers.get(words[1], response("404 Not Found")) if len(words) > 1 else b"")
        peer.finish()

    with Server(script) as server:
        made = Replay(engine, server)
        engine.start()
        yield made
        engine.stop(0)


@pytest.fixture(scope="module")
def outcomes(replay: Replay) -> list[Exchange]:
    return replay.of(CORPUS)


def assert_sound(exchange: Exchange) -> None:
    """What holds for every outcome, whatever the server sent."""
    assert exchange.error is not ErrorKind.INTERNAL, exchange.error_detail
    assert (exchange.http_status == 0) == (exchange.response_time is None)
    assert exchange.http_status == 0 or 200 <= exchange.http_status <= 999
    assert bool(exchange.error) == bool(exchange.error_detail)
    assert exchange.error_detail.isascii()
    assert not exchange.error_detail or exchange.error_detail.isprintable()
    assert len(exchange.error_detail) <= 200
    assert len(exchange.body) <= BODY_CAP
    matches = content.read(exchange).matches
    if matches is not None:
        assert json.loads(content.as_json(matches)) == matches
        assert not UNSTORABLE & {character for match in matches for character in match}


@pytest.mark.parametrize("number", range(len(CORPUS)), ids=lambda number: repr(CORPUS[number][:40]))
def test_a_malformed_response_has_one_sound_outcome(outcomes: list[Exchange], number: int) -> None:
    assert_sound(outcomes[number])


def test_a_website_that_behaves_is_answered_in_the_midst_of_them(replay: Replay) -> None:
    with Server(answering(response(body=b"fine"))) as server:
        neighbour: list[Exchange] = []
        ended = threading.Event()

        def on_exchange(_index: int, exchange: Exchange) -> None:
            neighbour.append(exchange)
            ended.set()

        replay.engine.submit([ProbeRequest(server.url(), TIMEOUT)], on_exchange)
        replay.of(CORPUS)
        assert ended.wait(PATIENCE)
    assert (neighbour[0].http_status, neighbour[0].error) == (200, None)


def test_nothing_of_it_leaves_a_descriptor_or_an_error_in_the_log(
    replay: Replay, caplog: pytest.LogCaptureFixture
) -> None:
    replay.of(CORPUS)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with caplog.at_level(logging.ERROR):
        replay.of(CORPUS)
    assert caplog.records == []
    # The server's threads close theirs a moment later.
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 20


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """An entry of the corpus cut, doubled, with other bytes in it, or run into another one."""
    answer = bytearray(draw(st.sampled_from(CORPUS))[:5000])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(answer)))
        end = min(len(answer), place + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["cut", "double", "write", "splice"])):
            case "cut":
                del answer[place:end]
            case "double":
                answer[place:place] = answer[place:end]
            case "write":
                answer[place:end] = draw(st.binary(max_size=40))
            case _:
                answer[place:] = draw(st.sampled_from(CORPUS))[:5000]
    return bytes(answer)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=st.lists(mutations() | st.binary(max_size=500), min_size=1, max_size=10))
def test_what_mutation_makes_of_them_has_a_sound_outcome_too(replay: Replay, answers: list[bytes]) -> None:
    for exchange in replay.of(answers):
        assert_sound(exchange)
