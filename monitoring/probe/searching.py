"""Searches that could take long, in a process of their own that can be ended: RE2 itself cannot be told to stop.

At worst, RE2 takes some 10 ns for each byte of the text and each instruction of the pattern, and with many groups a
multiple of that: `[ab]*a[ab]{900}x` keeps it for ten seconds in a mebibyte of random a and b, and
`(?:()()...[ab])*a[ab]{13}x` for minutes. Nothing but the search itself tells such patterns from others of the same
size that it is through with in milliseconds: lists of words, classes such as `\\p{L}`, `.{0,200}`.
"""

import atexit
import json
import logging
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

from monitoring.probe.matching import find_matches
from monitoring.probe.types import Matches

logger = logging.getLogger(__name__)

# Instructions times bytes up to which a search is made at once, a quarter of a second at worst; a group adds a tenth
# to it, since each thread of RE2's simulation keeps the place of each group.
DIRECT_CAP = 20_000_000
GROUPS_THAT_DOUBLE = 10
# Of processor time, for a search in the process: what ordinary patterns take for the largest body, several times.
# And of the clock's, since a busy machine takes longer for it.
SEARCH_SECONDS = 0.5
PATIENCE = 5.0
# Seconds for the process to end by itself.
GRACE = 1.0
# Seconds in which a pattern that took too long is not tried again, so that a few such websites leave time for others.
REST = 30.0

# The sizes of the pattern and of the text that follow.
QUESTION = struct.Struct("!II")
ANSWER_END = b"\n"
FOLDER = Path(__file__).resolve().parents[2]


class TooComplexError(Exception):
    """The search was ended, since it took too long; or not begun, since it did so a moment ago."""


class SearchError(Exception):
    """The search could not be made, for a reason that is neither the pattern's nor the text's."""


def answer_of(matches: Matches) -> bytes:
    return json.dumps(matches).encode() + ANSWER_END


def is_quick(compiled: Any, size: int) -> bool:
    """Whether a pattern takes a quarter of a second at most for any text of so many bytes."""
    weight = compiled.programsize * (GROUPS_THAT_DOUBLE + compiled.groups) // GROUPS_THAT_DOUBLE
    return bool(weight * size <= DIRECT_CAP)


class Searcher:
    """Makes searches, one after another; any thread may ask. Its process is started when one is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        # Moments of the monotonic clock, by pattern.
        self._resting: dict[str, float] = {}

    def find(self, compiled: Any, text: bytes) -> Matches:
        """What a pattern matches in a text, as `find_matches` has it. Raises `TooComplexError` and `SearchError`."""
        if is_quick(compiled, len(text)):
            return find_matches(compiled, text)
        with self._lock:
            if self._resting.get(compiled.pattern, 0.0) > time.monotonic():
                raise TooComplexError
            try:
                answer, cause = self._ask(compiled.pattern.encode(), text), "it ended"
            except OSError as error:
                # A process that ended may show at any time of the exchange, not only at its end.
                answer, cause = b"", str(error)
            if answer.endswith(ANSWER_END):
                return cast("Matches", json.loads(answer))
            if self._end() == -signal.SIGPROF:
                self._let_rest(compiled.pattern)
                raise TooComplexError
        logger.warning("a search process gave no answer", extra={"error": cause})
        raise SearchError(f"the search process gave no answer ({cause})")

    def _let_rest(self, pattern: str) -> None:
        now = time.monotonic()
        self._resting = {other: until for other, until in self._resting.items() if until > now}
        self._resting[pattern] = now + REST

    def close(self) -> None:
        """End the process; another search would start it again."""
        with self._lock:
            self._end()

    def _ask(self, pattern: bytes, text: bytes) -> bytes:
        """The process's answer, not whole where it ended before. Raises `OSError`."""
        if self._process is not None and self._process.poll() is not None:
            # Whatever ended it had nothing to do with this search.
            self._end()
        connection = self._connection or self._start()
        connection.sendall(QUESTION.pack(len(pattern), len(text)) + pattern + text)
        answer = b""
        while not answer.endswith(ANSWER_END) and (received := connection.recv(65_536)):
            answer += received
        return answer

    def _start(self) -> socket.socket:
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(PATIENCE)
        command = [sys.executable, "-m", "monitoring.probe.search_process"]
        with theirs:
            # The signals of a terminal are not for it: it ends when its connection does.
            self._process = subprocess.Popen(command, cwd=FOLDER, stdin=theirs.fileno(), start_new_session=True)
        return self._connection

    def _end(self) -> int | None:
        """End the process, if there is one; how it ended, as `Popen.returncode` has it."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is None:
            return None
        try:
            return process.wait(GRACE)
        except subprocess.TimeoutExpired:
            # It is stopped, or the machine is too busy.
            process.kill()
            return process.wait()


SEARCHER = Searcher()
atexit.register(SEARCHER.close)
