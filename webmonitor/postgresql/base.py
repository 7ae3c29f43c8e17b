"""Django's backend for PostgreSQL, with connections that wait no longer than `monitoring.patience` says.

https://docs.djangoproject.com/en/5.2/ref/databases/#subclassing-the-built-in-database-backends
"""

import contextlib
import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from monitoring import patience

# Seconds that asking the server to end a statement may take: one that hangs does not hear it.
CANCEL_TIMEOUT = 2.0
# Seconds between looks for a signal; psycopg's own.
INTERVAL = 0.1


class PatientConnection(psycopg.Connection[Any]):
    """Ends itself if a statement takes longer than the thread's patience."""

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """Raises `psycopg.OperationalError` without a SQLSTATE, as for a lost connection, if it takes too long."""
        limit = patience.seconds()
        if limit is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        begun = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            if error.sqlstate is not None or time.monotonic() - begun < limit:
                raise
            self._leave()
            raise psycopg.OperationalError(f"the database did not answer within {limit:g} s") from error

    def _leave(self) -> None:
        """Close, and have a server that is only slow stop what nobody waits for any more."""
        with contextlib.suppress(psycopg.Error), patience.at_most(None):
            self.cancel_safe(timeout=CANCEL_TIMEOUT)
        self.close()


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        # Django gives no way to say which class is to connect.
        connection.__class__ = PatientConnection
        return connection
