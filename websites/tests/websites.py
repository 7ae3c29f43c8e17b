"""Websites as tests put them there."""

from typing import Any

from websites.models import Website

URL = "https://example.org/health"


def add(url: str = URL, **fields: Any) -> Website:
    return Website.objects.create(**{"website_url": url, "monitoring_interval": 60, **fields})
