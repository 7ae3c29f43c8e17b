"""Log lines: one event a line, as text for people or as JSON for machines (`LOG_FORMAT`)."""

import json
import logging
from datetime import UTC, datetime
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
        },
    }


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in STANDARD_FIELDS and name != "request"}


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The traceback of a fault of ours; blank for a request that was refused (4xx), which one line tells."""
    if not record.exc_info or getattr(record, "status_code", 500) < 500:
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
