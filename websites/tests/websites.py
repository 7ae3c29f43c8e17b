"""Websites as tests put them there."""

from typing import Any

from websites.models import Website

URL = "https://example.org/health"


def add(url: str = URL, **fields: Any) -> Website:
    return Website.objects.create(**{"website_url": url, "monitoring_interval": 60, **fields})


def raw(website: Website) -> dict[str, Any]:
    """All that the database has of a website."""
    return dict(Website.objects.filter(pk=website.pk).values().get())
