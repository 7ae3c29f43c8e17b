"""Whether the computer's clock is believed: what goes by its time and cannot be taken back waits where it is not."""

import time

# Seconds. Smaller steps are corrections.
JUMP = 60.0
# Seconds for which it has to go evenly: one that is wrong, as that of a machine that has just started may be, is set
# right sooner.
BELIEVED_AFTER = 300.0


class Clock:
    """Compares the clock with one that nobody sets, each time that it is asked."""

    def __init__(self) -> None:
        self._offset = _offset()
        self._even_since = time.monotonic()

    def is_believed(self) -> bool:
        """Whether it was not set lately, as far as this process has seen."""
        offset, now = _offset(), time.monotonic()
        if abs(offset - self._offset) > JUMP:
            self._even_since = now
        self._offset = offset
        return now - self._even_since >= BELIEVED_AFTER


def _offset() -> float:
    return time.time() - time.monotonic()


# Of this process, from its beginning on.
clock = Clock()
