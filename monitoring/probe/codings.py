"""Content codings of a body (RFC 9110, section 8.4): which are undone, and how, within bounds.

libcurl would undo them itself, but then decides itself how much of a body it keeps: while receiving is paused, all that
a packed piece holds. So it hands over bodies as they were sent.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from monitoring.probe.failure import BodyError
from monitoring.probe.types import BODY_CAP, ErrorKind
from monitoring.probe.words import SENTENCES

NO_CODINGS = (b"identity", b"none")
GZIP, DEFLATE = "gzip", "deflate"
# Those that are asked for, by every name they go by.
ASKED = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": DEFLATE}
# Bodies that make their reader keep as much as they like: 16 MiB in brotli (RFC 7932, section 9.1), 8 MiB and more in
# zstd (RFC 8878, section 3.1.1.1.2). So they are not asked for, and not read where they come all the same.
UNASKED = (b"br", b"zstd")
# What may stand around a coding's name.
BLANKS = bytes(range(0x21))

STACKED = "The body comes in several content codings, one within the other, which are not undone."
UNKNOWN = "The body's Content-Encoding is unknown, so it was read as it is."
BROKEN = "The body's Content-Encoding could not be decoded."
TOO_LARGE = SENTENCES[ErrorKind.BODY_TOO_LARGE]
BROKEN_OFF = "The packed body breaks off before its end."

# Bytes looked at, and made, at once.
PIECE, STEP = 16_384, 65_536
# Of one gzip file: each costs as much as an ordinary body.
MEMBERS_MAX = 1_000
# zlib's window bits: https://zlib.net/manual.html#Advanced
GZIP_BITS, ZLIB_BITS, RAW_BITS = 31, 15, -15
GZIP_MAGIC = b"\x1f\x8b"
ZLIB_METHOD = 8


class Coding(NamedTuple):
    """How a body is packed (`name`, blank for not at all), why it is not to be read, and what is odd about it."""

    name: str = ""
    refusal: str = ""
    note: str = ""


PLAIN = Coding()


def coding_of(lines: Iterable[bytes]) -> Coding:
    """What these Content-Encoding lines say, in the order in which they came.

    Of codings within each other, the inner one may be as large as it likes and yet yield nothing, so that no limit on
    the body ever stops it. What no browser knows is left as it is, as browsers do.
    """
    parts = [part.strip(BLANKS).lower() for line in lines for part in line.partition(b":")[2].split(b",")]
    names = [part for part in parts if part and part not in NO_CODINGS]
    unasked = next((name for name in names if name in UNASKED), None)
    if unasked is not None:
        return Coding(refusal=f"The body comes in an encoding that was not asked for ({unasked.decode()}).")
    if any(name not in ASKED for name in names):
        return Coding(note=UNKNOWN)
    if len(names) > 1:
        return Coding(refusal=STACKED)
    return Coding(ASKED[names[0]]) if names else PLAIN


class Decoder:
    """Unpacks one body, piece by piece, up to `BODY_CAP` bytes in all."""

    def __init__(self, name: str) -> None:
        self._name = name
        # None before the body has begun.
        self._unpacker: Any = None
        self._members = 0
        # What came last and is too short to tell what it begins.
        self._held_back = b""
        # What follows the last member of a gzip file means nothing.
        self._is_over = False
        self._size = 0

    def steps(self, piece: bytes) -> Iterator[bytes]:
        """What the piece holds, up to `STEP` bytes at once. Raises `BodyError`."""
        rest = self._held_back + piece
        self._held_back = b""
        while self._is_ready_for(rest):
            made = self._unpack(rest)
            yield made
            unpacker = self._unpacker
            if not unpacker.eof and len(made) < STEP:
                return
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        if not self._is_over:
            self._held_back = rest

    def end(self) -> None:
        """Say that no piece follows. Raises `BodyError` if the body is not complete; an empty one is."""
        is_between = self._unpacker is None or self._unpacker.eof
        if not self._is_over and (not is_between or (self._unpacker is None and self._held_back)):
            raise BodyError(ErrorKind.TRUNCATED, BROKEN_OFF)

    def _is_ready_for(self, rest: bytes) -> bool:
        """Have an unpacker for what comes next, unless that is nothing, too little to tell, or no part of the body."""
        if self._unpacker is not None and not self._unpacker.eof:
            return True
        if self._is_over or len(rest) < len(GZIP_MAGIC):
            return False
        if self._unpacker is not None and not (self._name == GZIP and rest.startswith(GZIP_MAGIC)):
            self._is_over = True
            return False
        self._members += 1
        if self._members > MEMBERS_MAX:
            raise BodyError(ErrorKind.INVALID_RESPONSE, BROKEN)
        self._unpacker = zlib.decompressobj(GZIP_BITS if self._name == GZIP else _deflate_bits(rest))
        return True

    def _unpack(self, rest: bytes) -> bytes:
        try:
            made: bytes = self._unpacker.decompress(rest, STEP)
        except zlib.error as error:
            raise BodyError(ErrorKind.INVALID_RESPONSE, BROKEN) from error
        self._size += len(made)
        if self._size > BODY_CAP:
            raise BodyError(ErrorKind.BODY_TOO_LARGE, TOO_LARGE)
        return made


def unpacked(name: str, body: bytes) -> bytes:
    """A whole body without its coding. Raises `BodyError`."""
    decoder = Decoder(name)
    pieces = [step for start in range(0, len(body), PIECE) for step in decoder.steps(body[start : start + PIECE])]
    decoder.end()
    return b"".join(pieces)


def _deflate_bits(begin: bytes) -> int:
    """The format of a body that is called deflate: zlib's (RFC 1950), as it should be, or the bare one (RFC 1951)."""
    is_zlib = begin[0] & 0x0F == ZLIB_METHOD and (begin[0] << 8 | begin[1]) % 31 == 0
    return ZLIB_BITS if is_zlib else RAW_BITS
