"""One beat leads, any other stands by: a lock that its holder cannot keep beyond its own life.

PostgreSQL: a session advisory lock on a connection of its own, released when that connection ends
(https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS). SQLite: a lock on a
file beside the database (flock), released when the process ends.
"""

import fcntl
import logging
import os
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

# Any number that no other program locks in the same database.
ADVISORY_LOCK_KEY = 0x7765626D


class Leadership:
    """Held by the one beat that dispatches. Use it in one thread."""

    def __init__(self) -> None:
        self._connection: BaseDatabaseWrapper | None = None
        self._descriptor: int | None = None

    def hold(self) -> bool:
        """Whether this process leads now; takes the lead where nobody has it. Costs one short query."""
        if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
            return self._hold_file()
        return self._hold_session()

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

    def _hold_session(self) -> bool:
        try:
            if self._connection is not None:
                _ask(self._connection, "SELECT 1")
                return True
            self._connection = connections.create_connection(DEFAULT_DB_ALIAS)
            if _ask(self._connection, "SELECT pg_try_advisory_lock(%s)", ADVISORY_LOCK_KEY):
                return True
        except Error as error:
            # Without the session there is no lock: another beat may lead by now.
            logger.warning("beat cannot reach the database for its leader lock", extra={"error": str(error).strip()})
        self.release()
        return False


def _ask(connection: BaseDatabaseWrapper, sql: str, *params: int) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return row[0] if row else None
