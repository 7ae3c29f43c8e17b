"""Bodies as they arrive: what is kept of them, and how many bytes all of them may take together.

Bytes are counted as they come, packed as they are. Beyond the bounds, receiving pauses; websites that were quick last
time have a room of their own, which no other takes. Who has waited longest goes on first. A few may go on to their end
in any case, so that they do not wait for each other for ever, unless it is the reader whom they wait for.
"""

import threading
import time
from collections import deque

import pycurl

from monitoring.probe.codings import PLAIN, TOO_LARGE, Coding, Decoder
from monitoring.probe.failure import BodyError
from monitoring.probe.types import BODY_CAP, ErrorKind
from monitoring.probe.words import of_our_own

# Bytes that a process keeps of bodies, also complete ones that wait to be read: of quick websites, and of all others.
BOUND = 32 << 20
# Bytes that each may have without asking, while all together have no more than both rooms: a small body never waits.
FREE = 32_768
# The part of a check's time (s) for which its body may wait for room, if what came of it is to be the website's doing.
WAITS_AT_MOST = 0.25
# How many of the quick, and of the others, may go on to their end beyond the bound.
FEWEST_GRANTS = 4
NO_ROOM = "there was no room for its body"
# What a libcurl callback returns to end the transfer: fewer bytes than it was given.
END_TRANSFER = 0


class BodyRoom:
    """The bytes that bodies take. Used by the engine's thread alone, but for `give_back`."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        # Each of quick websites, and of all others.
        self._under_way = [0, 0]
        self._paused: tuple[deque[Body], deque[Body]] = deque(), deque()
        # Those that may go on to their end, and the bytes that they may still take.
        self._granted: tuple[set[Body], set[Body]] = set(), set()
        self._reserved = [0, 0]
        # Of complete bodies, those that wait to be read, and those that have been since that was last looked at.
        self._unread = [0, 0]
        self._lock = threading.Lock()
        self._read = [0, 0]

    @property
    def held(self) -> int:
        """Bytes of all bodies that are kept."""
        return sum(self._under_way) + sum(self._unread) - sum(self._read)

    @property
    def has_paused(self) -> bool:
        return bool(self._paused[False] or self._paused[True])

    def take(self, body: "Body", size: int) -> bool:
        """Count so many more bytes of a body; False if it is to pause instead."""
        is_free = body.held + size <= FREE and self.held + size <= 2 * self._bound
        if not is_free and not self._may_take(body, size):
            self._paused[body.is_slow].append(body)
            return False
        self._under_way[body.is_slow] += size
        if body.reserve:
            self._reserve(body, max(0, body.reserve - size))
        return True

    def end(self, body: "Body", *, is_dropped: bool) -> None:
        """Say that a body has ended. Unless it is dropped, its bytes count on until they are given back."""
        self._granted[body.is_slow].discard(body)
        self._reserve(body, 0)
        if body.is_paused:
            self._paused[body.is_slow].remove(body)
        self._under_way[body.is_slow] -= body.held
        if not is_dropped:
            self._unread[body.is_slow] += body.held

    def give_back(self, size: int, *, is_slow: bool) -> None:
        """Count so many bytes less: they have been read. Any thread may say so."""
        with self._lock:
            self._read[is_slow] += size

    def resume(self) -> list["Body"]:
        """The bodies that may go on now, and do so to their end."""
        resumed = []
        for is_slow in (False, True):
            while self._paused[is_slow] and self._may_go_on(is_slow=is_slow):
                body = self._paused[is_slow].popleft()
                self._granted[is_slow].add(body)
                self._reserve(body, body.missing)
                resumed.append(body)
        return resumed

    def _may_take(self, body: "Body", size: int) -> bool:
        if body in self._granted[body.is_slow]:
            return True
        # Nobody passes those who wait already.
        return not self._paused[body.is_slow] and self._has_room(size, is_slow=body.is_slow)

    def _may_go_on(self, *, is_slow: bool) -> bool:
        if self._unread_of(is_slow=is_slow) > self._bound:
            # So much waits to be read that nothing more is to come.
            return False
        if len(self._granted[is_slow]) < FEWEST_GRANTS:
            return True
        return self._has_room(self._paused[is_slow][0].missing, is_slow=is_slow)

    def _reserve(self, body: "Body", size: int) -> None:
        self._reserved[body.is_slow] += size - body.reserve
        body.reserve = size

    def _unread_of(self, *, is_slow: bool) -> int:
        if self._read[is_slow]:
            with self._lock:
                self._unread[is_slow] -= self._read[is_slow]
                self._read[is_slow] = 0
        return self._unread[is_slow]

    def _has_room(self, size: int, *, is_slow: bool) -> bool:
        taken = self._under_way[is_slow] + self._reserved[is_slow] + self._unread_of(is_slow=is_slow)
        return taken + size <= self._bound


class Body:
    """The body of a handle's present hop; one object serves hop after hop."""

    __slots__ = (
        "_decoder",
        "_keeps",
        "_paused_at",
        "_room",
        "chunks",
        "coding",
        "curl",
        "error",
        "held",
        "is_paused",
        "is_slow",
        "paused_for",
        "reserve",
        "size",
    )

    coding: Coding
    # Why it is of no use; None if it is, or if that is for others to say.
    error: BodyError | None
    # Seconds in which receiving paused, for want of room.
    paused_for: float

    def __init__(self, curl: pycurl.Curl, room: BodyRoom) -> None:
        self.curl = curl
        self._room = room
        self.chunks: list[bytes] = []
        self.held = self.reserve = 0
        self.is_paused = False
        curl.setopt(pycurl.WRITEFUNCTION, self._receive)

    @property
    def missing(self) -> int:
        """Bytes that may still come, of what is kept."""
        announced = int(self.curl.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T))
        return max(0, (BODY_CAP if announced < 0 else announced) - self.held)

    def begin(self, *, keeps: bool, is_slow: bool) -> None:
        """Be ready for another; `is_slow` if its website has not been quick."""
        self.drop()
        self._keeps = keeps
        self.is_slow = is_slow
        self._decoder: Decoder | None = None
        self.coding = PLAIN
        self.error = None
        self.size = 0
        self.paused_for = 0.0

    def open(self, coding: Coding) -> None:
        """Say how it is packed, before any of it comes."""
        self.coding = coding
        if coding.name and not self._keeps:
            # What is kept is unpacked by whoever reads it.
            self._decoder = Decoder(coding.name)

    def end(self, *, timeout: float | None) -> None:
        """Say that no more of it comes: it is complete, or its check is out of time after so many seconds."""
        if timeout is not None:
            if self.is_paused or self.paused_for > WAITS_AT_MOST * timeout:
                self.error = BodyError(ErrorKind.INTERNAL, of_our_own(NO_ROOM))
        elif self._decoder is not None:
            try:
                self._decoder.end()
            except BodyError as error:
                self.error = error

    def hand_over(self) -> bytes:
        """All that was kept, whose room is to be given back by whoever takes it."""
        whole = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        self._let_go(is_dropped=False)
        return whole

    def drop(self) -> None:
        """Forget what was kept, and its room with it."""
        self._let_go(is_dropped=True)

    def go_on(self) -> None:
        """Receive again. Raises `pycurl.error`."""
        self.is_paused = False
        self.paused_for += time.monotonic() - self._paused_at
        self.curl.pause(pycurl.PAUSE_CONT)

    def _let_go(self, *, is_dropped: bool) -> None:
        if self.held or self.is_paused or self.reserve:
            self._room.end(self, is_dropped=is_dropped)
            self.chunks.clear()
            self.held = 0
            self.is_paused = False

    def _receive(self, chunk: bytes) -> int | None:
        size = len(chunk)
        self.size += size
        if self.size > BODY_CAP and not self.coding.name:
            self.error = BodyError(ErrorKind.BODY_TOO_LARGE, TOO_LARGE)
            return END_TRANSFER
        if self._keeps:
            if not self._room.take(self, size):
                # It will come again.
                self.size -= size
                self.is_paused = True
                self._paused_at = time.monotonic()
                return int(pycurl.WRITEFUNC_PAUSE)
            self.held += size
            self.chunks.append(chunk)
        elif self._decoder is not None:
            try:
                for _ in self._decoder.steps(chunk):
                    pass
            except BodyError as error:
                self.error = error
                return END_TRANSFER
        return None
