"""PostgreSQL behind a pooler, such as PgBouncer: what of a session is ours there, and for how long.

If it hands out sessions for as long as a connection lasts, all is as without it. If it does by the transaction, whoever
asks next may get the session that was asked before: what is set in it does not stay with us, so the role keeps it for
this database instead. Nothing else here needs a session of its own: locks, cursors and temporary tables begin and end
within a transaction. If it does by the statement, nothing works.

https://www.pgbouncer.org/features.html
"""

import logging
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

logger = logging.getLogger(__name__)

# A pooler that serves others at the same moment may give us another session by chance.
LOOKS = 3
ADVICE = "Set pool_mode to transaction or session: what belongs together is written in transactions."


def set_up(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Set in a new session what it is to have: as parameters of the connection, poolers would refuse it.

    What `DATABASE_URL` gives in its own `options` is left as it is.
    """
    given = connection.settings_dict["OPTIONS"].get("options", "")
    wanted = {name: value for name, value in settings.POSTGRESQL_SESSION.items() if name not in given}
    if connection.vendor != "postgresql" or not wanted:
        return
    with connection.cursor() as cursor:
        calls = ", ".join(["set_config(%s, %s, false)"] * len(wanted))
        cursor.execute(f"SELECT {calls}", [part for item in wanted.items() for part in item])


def is_between(connection: BaseDatabaseWrapper) -> bool:
    """Whether a pooler stands between: it gives connections numbers of its own. Raises `django.db.Error`."""
    connection.ensure_connection()
    return bool(connection.connection.info.backend_pid != _session(connection))


def knows_no_transactions(error: Error) -> bool:
    """Whether an error is that of a pooler that gives out sessions by the statement."""
    return "statement pooling mode" in str(error)


def keep_settings() -> None:
    """Have the role keep what its sessions are to have, if the pooler gives out sessions by the transaction.

    Raises `django.db.Error` if it gives them out by the statement.
    """
    if connection.vendor != "postgresql" or not is_between(connection) or not _shares_sessions():
        return
    settings_kept = ", ".join(f"{name}={value}" for name, value in settings.POSTGRESQL_SESSION.items())
    try:
        with connection.cursor() as cursor:
            for name, value in settings.POSTGRESQL_SESSION.items():
                cursor.execute(
                    sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}").format(
                        sql.Identifier(connection.settings_dict["NAME"]), sql.Identifier(name), sql.Literal(value)
                    )
                )
    except Error:
        logger.exception("the pooler hands out transactions: have its sessions begin with %s", settings_kept)
    else:
        logger.info("the pooler hands out transactions: the role keeps %s for this database", settings_kept)


def _shares_sessions() -> bool:
    """Whether another connection gets the session that this one had, while this one is open."""
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        other.set_autocommit(False)
        for _ in range(LOOKS):
            if _session(connection) == _session(other):
                return True
            other.rollback()
    finally:
        other.close()
    return False


def _session(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
