"""Whether an error can pass: then nothing is wrong with what was asked of a server, and it is asked again later.

Of the database, it is told by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), as psycopg
gives it to the error that Django wraps, and by SQLite's result code (https://www.sqlite.org/rescode.html). The type
alone misleads: a database that takes no writes is an `InternalError`, a row that is too large an `OperationalError`.
"""

import redis
from django.db import Error, InterfaceError, InternalError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

# The first two characters of a SQLSTATE.
PASSING_CLASSES = frozenset(
    {
        "08",  # connection exception; PgBouncer says all it has to say with it
        "28",  # invalid authorization: a password that is just being changed
        "3D",  # no such database: it is just being restored
        "40",  # transaction rollback: deadlock, serialization, a replica's recovery
        "53",  # insufficient resources: disk full, out of memory, too many connections
        "55",  # object not in prerequisite state: a lock that somebody keeps
        "57",  # operator intervention: shut down, starting, a statement that took too long
        "58",  # system error: the disk
    }
)
PASSING_STATES = frozenset(
    {
        "25006",  # read-only: a replica, or a volume that is nearly full
        "25P03",  # idle in a transaction for too long
        "25P04",  # in a transaction for too long
        "42501",  # insufficient privilege: how some hosts refuse writes once a quota is used up
    }
)
# The beginnings of SQLite's result codes.
PASSING_RESULTS = (
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_INTERRUPT",
    "SQLITE_IOERR",
    "SQLITE_LOCKED",
    "SQLITE_NOLFS",
    "SQLITE_NOMEM",
    "SQLITE_PERM",
    "SQLITE_PROTOCOL",
    "SQLITE_READONLY",
    "SQLITE_SCHEMA",
)
# Redis cannot be reached, or it answers and takes nothing: its memory is full, its disk is, or it is a replica for now.
BROKER_ERRORS = (
    BrokerError,
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
)
# Redis' word for a disk that takes no snapshot, for which there is no type.
NO_SNAPSHOT = "MISCONF"


def of_database(error: BaseException | None) -> bool:
    """Whether an error is one of Django's database errors, and the same statement may well be taken later."""
    if not isinstance(error, Error):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return state in PASSING_STATES or state[:2] in PASSING_CLASSES
    result = getattr(error.__cause__, "sqlite_errorname", None)
    if result is not None:
        return str(result).startswith(PASSING_RESULTS)
    # Without a code, no server has answered: it cannot be reached, or the connection is gone.
    return isinstance(error, (OperationalError, InterfaceError, InternalError))


def behind(error: BaseException | None) -> BaseException | None:
    """The passing error of the database that an error followed from; None if there is none."""
    while error is not None and not of_database(error):
        error = error.__cause__ or error.__context__
    return error


def of_broker(error: BaseException | None) -> bool:
    """Whether an error is the broker's, and the same message may well be taken later."""
    return isinstance(error, BROKER_ERRORS) or (
        isinstance(error, redis.ResponseError) and str(error).startswith(NO_SNAPSHOT)
    )


def words(error: BaseException) -> str:
    """What a server says, on one line."""
    return " ".join(str(error).split())
