"""Searches of whole bodies: ordinary ones find what is there, the others are ended, and nothing outlives them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from monitoring.probe import BODY_CAP, ErrorKind, Exchange, ProbeRequest, content, searching
from monitoring.probe.matching import compiled_pattern, find_matches
from monitoring.probe.searching import SEARCH_SECONDS, Searcher, SearchError, TooComplexError, is_quick
from monitoring.tests.bodies import at_random, page
from websites.tests.patterns import ORDINARY

# Seconds in which a search has come to its end, on a machine that has a lot else to do.
BOUND = 20 * SEARCH_SECONDS
AB = at_random(b"ab", BODY_CAP)
# What RE2 would take seconds to minutes for.
HOSTILE = {
    "a state for each place": "[ab]*a[ab]{900}x",
    "thousands of them": "[ab]*a" + "[ab]{1000}" * 8 + "x",
    "hundreds of them": "[ab]*a[ab]{300}x",
    "groups": "[ab]*a" + "([ab])" * 80 + "x",
    "empty groups": "(?:" + "()" * 200 + "[ab])*a[ab]{13}x",
    "alternatives": "[ab]*a(?:aa|ab|ba|bb){200}x",
    "boundaries": r"[ab]*a(?:\b?[ab]){300}x",
}
LARGE = r"\p{L}+"


@pytest.fixture
def searcher() -> Iterator[Searcher]:
    searcher = Searcher()
    yield searcher
    searcher.close()


def found(searcher: Searcher, pattern: str, text: bytes) -> object:
    return searcher.find(compiled_pattern(pattern), text)


def process_of(searcher: Searcher) -> subprocess.Popen[bytes]:
    process = searcher._process
    assert process is not None
    return process


@pytest.mark.parametrize("pattern", HOSTILE.values(), ids=HOSTILE)
def test_w11_a_search_that_takes_long_is_ended(searcher: Searcher, pattern: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TooComplexError):
        found(searcher, pattern, AB)
    assert time.monotonic() - begun < BOUND


@pytest.mark.parametrize("pattern", HOSTILE.values(), ids=HOSTILE)
def test_w11_what_is_searched_at_once_does_not_take_long(searcher: Searcher, pattern: str) -> None:
    compiled = compiled_pattern(pattern)
    sizes = [size for size in range(0, BODY_CAP, 512) if is_quick(compiled, size)]
    text = AB[: sizes[-1]]
    begun = time.monotonic()
    assert searcher.find(compiled, text) == []
    assert time.monotonic() - begun < BOUND
    assert searcher._process is None


@pytest.mark.parametrize("pattern", ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_pattern_finds_in_the_largest_body_what_is_there(searcher: Searcher, pattern: str) -> None:
    text = page(BODY_CAP)
    assert found(searcher, pattern, text) == find_matches(compiled_pattern(pattern), text)


def test_a_process_serves_search_after_search(searcher: Searcher) -> None:
    text = page(BODY_CAP)
    assert not is_quick(compiled_pattern(LARGE), len(text))
    first = found(searcher, LARGE, text)
    process = process_of(searcher)
    for pattern in (LARGE, r"(\p{L})(\p{N}+)", r"\p{Lu}xyz", LARGE):
        assert found(searcher, pattern, text) == find_matches(compiled_pattern(pattern), text)
    assert found(searcher, LARGE, text) == first
    assert process_of(searcher) is process


def test_after_a_search_that_was_ended_comes_another(searcher: Searcher) -> None:
    for pattern in ("[ab]*a[ab]{400}x", "[ab]*a[ab]{500}x"):
        with pytest.raises(TooComplexError):
            found(searcher, pattern, AB)
        assert found(searcher, LARGE, AB) == find_matches(compiled_pattern(LARGE), AB)


def test_a_pattern_that_took_too_long_is_let_rest(searcher: Searcher) -> None:
    pattern = HOSTILE["hundreds of them"]
    with pytest.raises(TooComplexError):
        found(searcher, pattern, AB)
    for _ in range(3):
        with pytest.raises(TooComplexError):
            found(searcher, pattern, page(BODY_CAP))
        assert searcher._process is None
    # What is searched at once is no matter of that.
    assert found(searcher, pattern, AB[:10_000]) == []


def test_a_pattern_that_has_rested_is_tried_again(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "REST", 0.0)
    pattern = HOSTILE["hundreds of them"]
    with pytest.raises(TooComplexError):
        found(searcher, pattern, AB)
    assert found(searcher, pattern, page(BODY_CAP)) == []


def test_a_process_that_was_ended_between_two_searches_is_started_again(searcher: Searcher) -> None:
    found(searcher, LARGE, AB)
    process = process_of(searcher)
    process.kill()
    process.wait()
    assert found(searcher, LARGE, AB)
    assert process_of(searcher) is not process


def test_a_process_that_does_not_react_is_a_fault_of_our_own(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "GRACE", 0.1)
    found(searcher, LARGE, AB)
    os.kill(process_of(searcher).pid, signal.SIGSTOP)
    with pytest.raises(SearchError):
        found(searcher, LARGE, AB)
    assert found(searcher, LARGE, AB)


def test_its_end_is_the_end_of_its_process() -> None:
    searcher = Searcher()
    found(searcher, LARGE, AB)
    process = process_of(searcher)
    searcher.close()
    assert process.returncode == 0
    searcher.close()


STARTS_ONE = """
import os
from monitoring.probe.matching import compiled_pattern
from monitoring.probe.searching import SEARCHER
SEARCHER.find(compiled_pattern(r"\\p{L}+"), bytes(1 << 20))
print(SEARCHER._process.pid, flush=True)
"""


@pytest.mark.parametrize("end", ["", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_nothing_is_left_behind_however_the_worker_ends(end: str) -> None:
    script = STARTS_ONE + end
    done = subprocess.run([sys.executable, "-c", script], cwd=settings.BASE_DIR, capture_output=True, check=False)
    assert done.stderr == b""
    pid = int(done.stdout)
    deadline = time.monotonic() + BOUND
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        # A zombie waits for nobody but its new parent.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- Results -----------------------------------------------------------------------------


def answered(pattern: str, body: bytes) -> Exchange:
    request = ProbeRequest("http://host.example/", timeout=1.0, pattern=pattern)
    return Exchange(request=request, started_at=0.0, http_status=200, response_time=0.1, body=body)


def test_too_complex_a_pattern_for_so_large_a_body_is_told_as_such() -> None:
    result = content.read(answered(HOSTILE["hundreds of them"], AB))
    assert result.matches is None
    assert (result.exchange.http_status, result.exchange.error) == (200, ErrorKind.BODY_TOO_LARGE)
    assert result.exchange.error_detail.startswith("The regex is too complex for so large a body (1,048,576 bytes)")
    assert result.exchange.error_detail.endswith(".")
    # Of a smaller one it is known that nothing matches.
    assert content.read(answered(HOSTILE["hundreds of them"], AB[:10_000])).matches == []


def test_a_process_that_cannot_be_started_counts_against_no_website(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "SEARCHER", Searcher())
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    result = content.read(answered(LARGE, AB))
    assert (result.matches, result.exchange.error) == (None, ErrorKind.INTERNAL)
    assert "search process" in result.exchange.error_detail
    assert result.exchange.error_detail.endswith(".")
    assert content.read(answered("[ab]", AB)).matches == list(AB[:100].decode())
