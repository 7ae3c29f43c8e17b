"""Whether the computer's clock was set lately: what goes by its time and cannot be taken back waits a while then."""

import time

# Seconds. Smaller steps are corrections.
JUMP = 60.0
# Seconds after which a time is believed; until then it may have been an error that is mended soon.
BELIEVED_AFTER = 600.0


class Clock:
    """Compares the clock with one that nobody sets, each time that it is asked."""

    def __init__(self) -> None:
        self._offset = _offset()
        self._jumped_at: float | None = None

    def jumped_lately(self) -> bool:
        offset, now = _offset(), time.monotonic()
        if abs(offset - self._offset) > JUMP:
            self._jumped_at = now
        self._offset = offset
        return self._jumped_at is not None and now - self._jumped_at < BELIEVED_AFTER


def _offset() -> float:
    return time.time() - time.monotonic()


# Of this process, from its beginning on.
clock = Clock()
