"""What anybody may see something of, without signing in."""

from collections.abc import Callable

from django.http import HttpRequest

from monitoring.models import ShownWebsite, StatusPage

# A bigint's largest.
ID_MAX = 2**63 - 1


def is_public(website_id: int) -> bool:
    """Whether a website is shown on the public status page; False where there is none with this id."""
    # A larger number is no id, and no parameter that a database takes.
    return website_id <= ID_MAX and ShownWebsite.objects.filter(website=website_id, page__is_public=True).exists()


def page_is_public() -> bool:
    """Whether the status page is switched on."""
    return StatusPage.objects.filter(is_public=True).exists()


def in_templates(_: HttpRequest) -> dict[str, Callable[[], bool]]:
    """For every template, which asks the database only where it uses it."""
    return {"status_is_public": page_is_public}
