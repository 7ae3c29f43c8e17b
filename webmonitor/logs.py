"""Log lines: one event a line, as text for people or as JSON for machines (`LOG_FORMAT`)."""

import json
import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

# What every LogRecord has; anything else was passed as `extra=` and belongs in the line.
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configuration(level: str, line_format: str) -> dict[str, Any]:
    """Django's `LOGGING`: https://docs.djangoproject.com/en/5.2/topics/logging/#configuring-logging"""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": "webmonitor.logs.TextFormatter"},
            "json": {"()": "webmonitor.logs.JsonFormatter"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": line_format}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": ["console"], "level": level, "propagate": False},
            # One line a task and a tick says nothing at 2,000 checks a second.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "django_celery_beat.schedulers": {"level": "WARNING"},
            # Requests that wait for a thread, and clients that are gone before their answer, are everyday things.
            "waitress": {"level": "WARNING"},
            "waitress.queue": {"level": "ERROR"},
        },
    }


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in STANDARD_FIELDS and name != "request"}
    return fields if (error := _passing(record)) is None else {"error": error, **fields}


def _passing(record: logging.LogRecord) -> str | None:
    """What database or broker say, of an error of theirs that can pass."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return None
    # Only now, as processes without Django have the same log lines.
    from monitoring import passing_errors

    if passing_errors.of_database(error) or passing_errors.of_broker(error):
        return passing_errors.words(error)
    return None


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The traceback of a fault of ours; blank for what one line tells: a request that was refused (4xx), and a server
    that is away.
    """
    status = getattr(record, "status_code", 500)
    # 503 is said of the database alone, when it is away.
    if not record.exc_info or status < 500 or status == HTTPStatus.SERVICE_UNAVAILABLE or _passing(record):
        return ""
    return formatter.formatException(record.exc_info)


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _inert(text: str) -> str:
    """Escape control characters, so that what a stranger sent can neither forge a line nor drive a terminal."""
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO monitoring.scheduler plan read websites=3`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = _inert(f"{_timestamp(record)} {record.levelname} {record.name} {record.getMessage()}{fields}")
        traceback = _traceback(self, record)
        return f"{line}\n{traceback}" if traceback else line


class JsonFormatter(logging.Formatter):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        traceback = _traceback(self, record)
        if traceback:
            entry["traceback"] = traceback
        return json.dumps(entry, default=str)
