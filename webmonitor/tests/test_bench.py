"""What the benchmarks make of figures: a bound that is broken must never look kept."""

import socket
import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.report import PSS_RANGE, RSS_RANGE, Report, broken, median, percentiles
from bench.resolver import HEADER, reply
from bench.rows import count_hostile
from bench.scenarios import SCENARIOS, Hostile, Scenario, fill, urls
from bench.usage import Sample, Usage
from monitoring.models import MonitoringData
from monitoring.tests.hostile import NAMES
from websites.models import Website

PLAIN = Scenario("", 100, 5)


def report(**figures: object) -> Report:
    return replace(Report(expected=1000, stored=1000, errors={"none": 1000}), **figures)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "bounds", "words"),
    [
        ({}, {}, None),
        ({"cpu_ms_per_check": {"all": 0.2}}, {"cpu_ms": 0.2}, None),
        ({"cpu_ms_per_check": {"all": 0.21}}, {"cpu_ms": 0.2}, "0.21 ms of CPU"),
        ({"cpu_percent": 2.1}, {"cpu_percent": 2.0}, "% of a core"),
        ({"lateness": {"p99": 0.6}}, {"lateness_p99": 0.5}, "lateness p99"),
        ({"memory_mb": {"worker": 200.0, "redis": 101.0}}, {"memory": 300.0}, "MB in all"),
        ({"peak_rss_mb": {"beat": 301.0}}, {"beat_memory": 300.0}, "MB in beat"),
        ({"peak_over_mean": 2.1}, {}, "times the mean"),
        ({"written": {"p99": 0.6}}, {}, "from an answer to its row"),
        ({"first_check": 10.1}, {"first_check": 10.0}, "first check"),
        ({"growth": {"mb_per_minute": 0.3}}, {"growth": 0.2}, "MB a minute"),
        ({"growth": {RSS_RANGE: 20.1, PSS_RANGE: 1.0}}, {"memory_range": 20.0}, "least and most"),
        ({"growth": {RSS_RANGE: 19.9, PSS_RANGE: 21.0}}, {"memory_range": 20.0}, None),
        ({"hostile_missed": 1}, {"hostile": 0.5}, "1 slots of hostile websites missed"),
        ({"hostile_wrong": ["1 checks do not end"]}, {"hostile": 0.5}, "1 checks do not end"),
        ({"longest_gap": 2.1}, {"edits": True}, "without any check"),
        ({"late_edits": ["too late"]}, {"edits": True}, "too late"),
        ({"missed": 1}, {}, "1 of 1000 slots missed"),
        ({"duplicates": 1}, {}, "checked twice"),
        ({"errors": {"none": 999, "timeout": 1}}, {}, "have an error"),
        ({"log": ["ERROR database is locked"]}, {}, "in the log"),
    ],
)
def test_each_bound_is_judged(figures: dict[str, object], bounds: dict[str, object], words: str | None) -> None:
    sentences = broken(report(**figures), replace(PLAIN, **bounds))  # type: ignore[arg-type]
    assert len(sentences) == (words is not None)
    assert words is None or words in sentences[0]


@pytest.mark.parametrize(
    ("holes", "count"),
    [
        ({"expected": 10, "stored": 10, "timeouts": 10, "shortest": 7.6, "longest": 8.4}, 0),
        ({"expected": 10, "stored": 9, "timeouts": 9, "shortest": 8.0, "longest": 8.0}, 1),
        ({"expected": 10, "stored": 10, "timeouts": 9, "shortest": 8.0, "longest": 8.0}, 1),
        ({"expected": 10, "stored": 10, "timeouts": 10, "shortest": 7.4, "longest": 8.6}, 2),
    ],
)
def test_silent_websites_are_judged_by_their_deadline(holes: dict[str, float], count: int) -> None:
    assert len(broken(report(holes=holes), replace(PLAIN, interval=10, holes=0.1))) == count


def test_the_median_is_of_each_figure_and_keeps_what_was_said() -> None:
    runs = [report(cpu_percent=value, lateness={"p99": value}, log=[f"line {value}"]) for value in (3.0, 1.0, 2.0)]
    middle = median(runs)
    assert (middle.cpu_percent, middle.lateness) == (2.0, {"p99": 2.0})
    assert middle.log == ["line 3.0", "line 1.0", "line 2.0"]


def test_percentiles_are_of_the_sorted_values() -> None:
    assert percentiles([float(n) for n in range(100, 0, -1)]) == {"p50": 51.0, "p95": 96.0, "p99": 100.0, "max": 100.0}
    assert percentiles([]) == {}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_its_websites_each_at_an_address_of_its_own(name: str) -> None:
    scenario = replace(SCENARIOS[name], websites=min(SCENARIOS[name].websites, 200))
    found = urls(scenario)
    assert len(set(found)) == round(scenario.websites * (1 - scenario.hostile))
    assert sum("/hole/" in url for url in found) == round(scenario.websites * scenario.holes)
    assert all(url.startswith("https:") == scenario.tls for url in found)


def test_memory_is_compared_over_all_of_the_window_once_it_has_settled() -> None:
    usage = Usage()
    # It starts small, and jumps for good before the half: that is growth, which the second half alone has none of.
    sizes = [100.0] * 20 + [150.0] * 20 + [180.0] * 60
    for second, size in enumerate(sizes):
        usage.note("worker", Sample(float(second), pss=size / 2, rss=size, descriptors=second))
    assert usage.growth("worker") == {
        "mb_per_minute": 0.0,
        RSS_RANGE: 30.0,
        PSS_RANGE: 15.0,
        "fewest_descriptors": 50,
        "most_descriptors": 99,
    }


@pytest.mark.django_db
def test_a_hostile_check_that_is_missing_or_not_as_its_case_says_is_counted() -> None:
    scenario = Scenario("", 4, 5, hostile=1.0)
    cases = [
        Hostile("http://127.0.0.1:1/", {}, "silent", 0, "timeout"),
        Hostile("http://127.0.0.1:2/", {}, "missing", 404, ""),
    ]
    fill(scenario, cases)
    begin = 1_800_000_000.0
    seen = {0: (0, "timeout"), 1: (404, ""), 2: (0, "dns"), 3: (200, "")}
    for website in Website.objects.all():
        status, error = seen[int(website.website_url.partition("?site=")[2])]
        for slot in range(2):
            at = datetime.fromtimestamp(begin + 5 * slot, UTC)
            MonitoringData.objects.create(
                website=website, scheduled_at=at, entry_timestamp=at, http_status=status, error=error
            )
    found = report()
    count_hostile(found, scenario, cases, begin, begin + 15)
    assert found.hostile == {"none": 4, "timeout": 2, "dns": 2}
    assert found.hostile_missed == 4
    assert sorted(found.hostile_wrong) == [
        "2 checks do not end as their case does, missing: 200 without an error",
        "2 checks do not end as their case does, silent: 0 dns",
    ]


def question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return HEADER.pack(7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def answer(name: str, kind: int, hosts: list[str]) -> bytes:
    answered = reply(question(name, kind), hosts, {})
    assert answered is not None
    return answered


def test_the_name_server_knows_the_sites_and_nothing_else() -> None:
    hosts = ["127.1.0.1", "127.1.0.2"]
    known = answer("site-3.bench.test", 1, hosts)
    assert HEADER.unpack_from(known)[:4] == (7, 0x8580, 1, 1)
    assert socket.inet_ntoa(known[-4:]) == "127.1.0.2"
    # IPv6: the name exists, without such an address.
    assert HEADER.unpack_from(answer("site-3.bench.test", 28, hosts))[:4] == (7, 0x8580, 1, 0)
    assert HEADER.unpack_from(answer("other.bench.test", 1, hosts))[1] & 0xF == 3


def test_the_name_server_treats_hostile_names_as_they_say() -> None:
    told = {case.host: reply(question(case.host, 1), [], {}) for case in NAMES}
    assert told.pop("silent.test") is None
    codes = {host: HEADER.unpack_from(answered or b"")[1] & 0xF for host, answered in told.items()}
    assert codes == {"nxdomain.test": 3, "servfail.test": 2, "found.test": 0}
    assert (told["found.test"] or b"")[-4:] == socket.inet_aton("127.0.0.1")
