"""One beat leads, any other stands by: a lock that its holder cannot keep beyond its own life.

PostgreSQL: an advisory lock of a transaction that stays open on a connection of its own, released when that ends
(https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS). A lock of the session would do without a
transaction, but a pooler that hands out sessions by the transaction gives the same one to several beats, and each of
them would lead. The transaction has neither a snapshot nor an id: it keeps nobody from cleaning up. The server ends it
by itself if its holder is silent for `SILENCE_MAX`: the connection of a process that is frozen stays open. SQLite: a
lock on a file beside the database (flock), released when the process ends.
"""

import fcntl
import logging
import os
import time
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

# Any number that no other program locks in the same database.
ADVISORY_LOCK_KEY = 0x7765626D
# Seconds without a question after which the server gives the lead away, and for how long an answer is trusted.
SILENCE_MAX = 4
TRUSTED_FOR = 2.0


class Leadership:
    """Held by the one beat that dispatches. Use it in one thread."""

    def __init__(self) -> None:
        self._connection: BaseDatabaseWrapper | None = None
        self._descriptor: int | None = None
        self._trusted_until = 0.0
        self._has_complained = False

    def hold(self) -> bool:
        """Whether this process leads now; takes the lead where nobody has it. Costs one short query."""
        if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
            return self._hold_file()
        asked_at = time.monotonic()
        holds = self._hold_transaction()
        self._trusted_until = asked_at + TRUSTED_FOR
        return holds

    def still_holds(self) -> bool:
        """Whether this process, which led when it last asked, leads still; asks again where that is long ago."""
        return self._descriptor is not None or time.monotonic() < self._trusted_until or self.hold()

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _hold_file(self) -> bool:
        if self._descriptor is not None:
            return True
        database = Path(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"])
        path = database.with_name(f"{database.name}.beat-lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Another beat has it.
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def _hold_transaction(self) -> bool:
        try:
            if self._connection is not None:
                _ask(self._connection, "SELECT 1")
                return True
            self._connection = connections.create_connection(DEFAULT_DB_ALIAS)
            self._connection.set_autocommit(False)
            _ask(
                self._connection,
                "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
                f"{SILENCE_MAX}s",
            )
            if _ask(self._connection, "SELECT pg_try_advisory_xact_lock(%s)", ADVISORY_LOCK_KEY):
                self._has_complained = False
                return True
        except Error as error:
            # Without the transaction there is no lock: another beat may lead by now.
            if not self._has_complained:
                logger.warning("beat cannot reach the database for its leader lock", exc_info=error)
            self._has_complained = True
        self.release()
        return False


def _ask(connection: BaseDatabaseWrapper, sql: str, *params: int | str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return row[0] if row else None
