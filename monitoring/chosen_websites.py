"""Websites as people name them on a command line: one by one, and by their tags."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db.models import Q

from websites.models import Website
from websites.plain_text import inert
from websites.tags import enclosed
from websites.validators import normalise_url

NAME_SHOWN = 200
# A bigint's.
DIGITS_CAP = 19


def choose(names: Sequence[str], tags: Sequence[str]) -> list[int]:
    """Ids, in the order of URLs, of the websites with these names, where there are any, and one of these tags.

    All of them where nothing is given. Raises `ValidationError` with a sentence for a name or a tag of no website.
    """
    websites = Website.objects.order_by("website_url")
    if names:
        websites = websites.filter(pk__in={_named(name).pk for name in names})
    tagged = Q()
    for tag in tags:
        with_tag = Q(tags__contains=_enclosed(tag))
        if not websites.filter(with_tag).exists():
            which = "None of these websites" if names else "No website"
            raise ValidationError(f"{which} has the tag {inert(tag)}.")
        tagged |= with_tag
    return list(websites.filter(tagged).values_list("pk", flat=True))


def _enclosed(tag: str) -> str:
    try:
        return enclosed(tag)
    except ValidationError as error:
        raise ValidationError(f"{inert(tag[:NAME_SHOWN])}: {error.messages[0]}") from error


def _named(name: str) -> Website:
    """The one with this ID or URL."""
    if name.isascii() and name.isdigit():
        # Python reads no number of thousands of digits, and no database has one of more than these.
        found = Website.objects.filter(pk=name).first() if len(name) <= DIGITS_CAP else None
        what = f"ID {name[:DIGITS_CAP]}"
    else:
        try:
            url = normalise_url(name)
        except ValidationError as error:
            raise ValidationError(f"{inert(name[:NAME_SHOWN])}: {error.messages[0]}") from error
        found, what = Website.objects.filter(website_url=url).first(), f"URL {inert(url)}"
    if found is None:
        raise ValidationError(f"There is no website with the {what}.")
    return found
