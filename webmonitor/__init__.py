"""Wiring of the project: settings, Celery application, URLs, API router."""

__version__ = "0.1.0"
