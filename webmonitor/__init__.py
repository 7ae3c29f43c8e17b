"""Wiring of the project: settings, Celery application, URLs, API router."""

import os

__version__ = "0.1.0"


def unset_empty_variables() -> None:
    """Take variables that are set and empty, or blank, out of this process's environment.

    docker-compose passes what nobody has set as an empty text. Libraries read some names by themselves, and would take
    nothing for a value: libpq PGHOST, Django DJANGO_SETTINGS_MODULE.
    """
    for name in [name for name, value in os.environ.items() if not value.strip()]:
        del os.environ[name]


# Here, since every process imports this before anything reads the environment; what it starts inherits the rest.
unset_empty_variables()
