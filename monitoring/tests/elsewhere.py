"""What others do at the same time, on connections of their own, in an order that is certain."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from monitoring import certificates
from monitoring.findings import Check
from monitoring.tests.scripted_checks import Desk

postgresql_only = pytest.mark.skipif(
    "__import__('django.db').db.connection.vendor != 'postgresql'", reason="SQLite writes one at a time"
)
PATIENCE = 20.0


class Elsewhere:
    """Calls something in a thread, and returns once that is done, or waits for a lock that somebody else has."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._pid: int | None = None
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while self._thread.is_alive() and not self._waits():
            assert time.monotonic() < deadline, "it neither ends nor waits"
            time.sleep(0.01)

    def answer(self) -> Any:
        """What the call returned. Raises what it raised."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "it waits for ever"
        if self._error is not None:
            raise self._error
        return self._answer

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self._pid = cursor.fetchone()[0]
            self._answer = self._call()
        except BaseException as error:  # noqa: BLE001  # raised where the answer is asked for
            self._error = error
        finally:
            connections.close_all()

    def _waits(self) -> bool:
        if self._pid is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self._pid])
            return bool(cursor.fetchone()[0])


def write_until(monkeypatch: pytest.MonkeyPatch, checks: list[Check], call: Callable[[], Any]) -> Any:
    """Write checks, and when all that follows from them is written, but not yet for others, call something elsewhere.

    Returns what that returned.
    """
    others: list[Elsewhere] = []
    write = certificates.write

    def write_and_call(seen: Any) -> None:
        write(seen)
        others.append(Elsewhere(call))

    with monkeypatch.context() as patch:
        patch.setattr(certificates, "write", write_and_call)
        Desk().write(checks)
    return others[0].answer()
