"""Storms of the benchmark: what the target does in one, and which bounds are judged."""

import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import target as target_module
from bench.storms import STORMS, Seen, Storm, broken, websites
from bench.target import ANSWER, BODY, DRIP_ANSWER, Target

STORM = Storm("", 130, 10, outside=100, kb_a_check=15.0)
WELL = Seen(
    expected=1000,
    stored=1000,
    lateness={"p99": 0.2},
    errors={"none": 900},
    opened=[5.0] * 10,
    told=[9.0] * 20,
    storm_expected=30,
    storm_errors={"timeout": 30},
    waited={"least": 8.0, "most": 8.1},
    under_way=1000,
    memory_before=100.0,
    memory_peak=114.0,
    began=[[], []],
    ended=[[], []],
    overload_told=[0, 0],
)


@pytest.mark.parametrize(
    ("seen", "storm", "words"),
    [
        ({}, {}, None),
        ({"stored": 990}, {}, None),
        ({"stored": 989}, {}, "989 of 1000 slots"),
        ({"lateness": {"p99": 0.51}}, {}, "lateness p99"),
        ({"errors": {"none": 899, "timeout": 1}}, {}, "1 checks of websites that answer have an error"),
        ({"opened": [6.9] * 4 + [7.1] * 6}, {}, "half of their outages were incidents"),
        ({"opened": [6.9] * 9 + [9.1]}, {}, "until an outage of theirs was an incident"),
        ({"opened": [6.9] * 9 + [8.9]}, {}, None),
        ({"opened": [5.0] * 9}, {}, "9 of 10 outages"),
        ({"told": [15.1] * 20}, {}, "half of their outages were told"),
        ({"told": [9.0] * 19}, {}, "19 of 20 such outages were told"),
        ({"memory_peak": 115.1}, {}, "MB more in the worker"),
        ({"memory_peak": 115.1}, {"kb_a_check": None, "most_growth": 150.0}, None),
        ({"memory_peak": 250.1}, {"kb_a_check": None, "most_growth": 150.0}, "MB more in the worker"),
        ({"waited": {"least": 7.4, "most": 8.0}}, {}, "given up after 7.4 s"),
        ({"waited": {"least": 8.0, "most": 8.6}}, {}, "given up after 8.6 s"),
        ({"storm_errors": {"timeout": 29, "connect": 1}}, {}, "{'connect': 1}"),
        ({"storm_errors": {"none": 30}}, {"kind": "drip"}, None),
        (
            {"storm_errors": {"none": 28, "internal": 2}, "missed_by_reason": {"no room for bodies": 2}},
            {"kind": "drip"},
            None,
        ),
        ({"storm_errors": {"none": 28, "internal": 2}}, {"kind": "drip"}, "{'internal': 2}"),
        ({"storm_errors": {}, "overload_told": [1, 1]}, {}, "no check in the storm"),
        ({"storm_errors": {"timeout": 20}}, {}, "10 slots were missed, and a channel was not told"),
        ({"storm_errors": {"timeout": 20}, "overload_told": [1, 1]}, {}, None),
        ({"overload_told": [1, 2]}, {}, "more than once"),
        ({"log": ["Traceback"]}, {}, "Traceback"),
        ({"began": [[30], [30]], "ended": [[30], [30]]}, {"is_outage": True}, None),
        ({"began": [[30], [29, 1]], "ended": [[30], [30]]}, {"is_outage": True}, "the outage of 30"),
        ({"began": [[30], [30]], "ended": [[30], []]}, {"is_outage": True}, "the return of 30"),
        ({"began": [[30]] * 2, "ended": [[30]] * 2, "excused": 1}, {"is_outage": True}, "were excused"),
    ],
)
def test_each_bound_of_a_storm_is_judged(seen: dict[str, object], storm: dict[str, object], words: str | None) -> None:
    sentences = broken(replace(WELL, **seen), replace(STORM, **storm), 120.0)  # type: ignore[arg-type]
    assert len(sentences) == (words is not None), sentences
    assert words is None or words in sentences[0]


@pytest.mark.parametrize("name", STORMS)
def test_websites_that_answer_are_on_hosts_of_their_own(name: str) -> None:
    storm = STORMS[name]
    found = websites(storm)
    kinds = [fields["website_url"].split("/")[3] for fields in found]
    hosts = [fields["website_url"].split("/")[2] for fields in found]
    assert (kinds.count("fail"), kinds.count(storm.kind)) == (10, storm.websites - storm.quick)
    assert len({fields["website_url"] for fields in found}) == len(found) == storm.websites
    assert not set(hosts[: storm.quick]) & set(hosts[storm.quick :])
    assert all(fields["timeout"] is None or fields["timeout"] <= fields["monitoring_interval"] for fields in found)


def test_fewer_websites_leave_a_storm_its_shape() -> None:
    half = replace(STORMS["half"], websites=100)
    assert (half.quick, half.going_down) == (50, 10)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A target in a storm that begins now and lasts for a minute."""
    monkeypatch.setattr(target_module, "DRIP_TIME", 0.5)
    storm = tmp_path / "storm"
    storm.write_text(f"{time.time() - 1} {time.time() + 60}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        threading.Thread(target=Target([listener], storm=storm).run, daemon=True).start()
        yield listener.getsockname()


def ask(address: tuple[str, int], path: str) -> socket.socket:
    connection = socket.create_connection(address, timeout=10)
    connection.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
    return connection


def rest(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_in_a_storm_some_are_silent_some_drip_and_others_answer(address: tuple[str, int]) -> None:
    silent = ask(address, "/hush/1")
    begun = time.monotonic()
    dripping = [ask(address, f"/drip/{number}") for number in range(3)]
    assert rest(ask(address, "/page/1")) == ANSWER
    for connection in dripping:
        assert rest(connection) == DRIP_ANSWER
    # The last byte came when it was due and not before.
    assert time.monotonic() - begun >= 0.5
    assert not select.select([silent], [], [], 0)[0]
    silent.close()
    # One that leaves in the middle is nobody else's.
    ask(address, "/drip/4").close()
    assert rest(ask(address, "/drip/5")) == DRIP_ANSWER
    assert len(DRIP_ANSWER) > len(BODY) * 17_000


def test_without_a_storm_all_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        threading.Thread(target=Target([listener], storm=tmp_path / "none").run, daemon=True).start()
        for path in ("/hush/1", "/drip/1"):
            assert rest(ask(listener.getsockname(), path)) == ANSWER
