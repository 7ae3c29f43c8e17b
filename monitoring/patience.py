"""How long a thread waits for the database to answer a statement, before it takes it for frozen.

A server whose disk hangs, or whose machine is stopped while its network goes on, acknowledges all and says nothing: no
timeout of TCP or of the server itself ends that. PostgreSQL alone needs it (see `webmonitor.postgresql.base`).
Limits are seconds, or None for as long as it takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Of whatever is to be done soon: none of its statements takes that long, unless the database hangs.
USUAL = 30.0


class _Process:
    limit: float | None = None


_of_thread: ContextVar[float | None] = ContextVar("patience")


def seconds() -> float | None:
    return _of_thread.get(_Process.limit)


def set_for_process(limit: float | None) -> None:
    """For all threads, but those within `at_most`."""
    _Process.limit = limit


def set_for_thread(limit: float | None) -> None:
    """Until it ends."""
    _of_thread.set(limit)


@contextmanager
def at_most(limit: float | None) -> Iterator[None]:
    """For this thread, within the block."""
    before = _of_thread.set(limit)
    try:
        yield
    finally:
        _of_thread.reset(before)
