"""Tags: words that people find websites by, each in one spelling, kept in one text such as `,prod,shop,`.

So that an exact tag is found by looking for it with a comma on either side.
"""

import unicodedata
from collections.abc import Iterable

from django.core.exceptions import ValidationError

TAGS_MAX = 20
TAG_MAX_LENGTH = 50
TAGS_MAX_LENGTH = TAGS_MAX * (TAG_MAX_LENGTH + 1) + 1


def normal_tag(text: str) -> str:
    """A tag as it is kept: trimmed, in lower case. Raises `ValidationError` with a sentence."""
    trimmed = text.strip()
    # By what was given first, so that little is normalised; either step may change the length.
    if len(trimmed) > TAG_MAX_LENGTH or len(tag := _spelled(trimmed)) > TAG_MAX_LENGTH:
        raise ValidationError(f"A tag has at most {TAG_MAX_LENGTH} characters.", code="tag_length")
    if not tag:
        raise ValidationError("A tag may not be blank.", code="tag_blank")
    if "," in tag:
        raise ValidationError("A tag has no commas.", code="tag_comma")
    # Neither control characters nor others that nobody sees.
    if not tag.isprintable():
        raise ValidationError("A tag has no characters that do not print.", code="tag_unprintable")
    return tag


def store(tags: Iterable[str]) -> str:
    """The text of these tags in their order, without doubles. Raises `ValidationError` with a sentence."""
    found: dict[str, None] = {}
    for text in tags:
        found[normal_tag(text)] = None
        if len(found) > TAGS_MAX:
            raise ValidationError(f"A website has at most {TAGS_MAX} tags.", code="tags_max")
    return f",{','.join(found)}," if found else ""


def store_text(text: str) -> str:
    """The same for tags as people write them, with commas between, or as they are stored."""
    return store(part for part in text.split(",") if part.strip())


def validate_tags(text: str) -> None:
    """Raises `ValidationError` where `store_text` does."""
    store_text(text)


def read(stored: str) -> list[str]:
    return [tag for tag in stored.split(",") if tag]


def as_text(stored: str) -> str:
    """As people write them: `prod, shop`."""
    return ", ".join(read(stored))


def enclosed(tag: str) -> str:
    """What the texts of websites with this tag have in them. Raises `ValidationError` with a sentence."""
    return f",{normal_tag(tag)},"


def _spelled(text: str) -> str:
    """In lower case, and letters with their accents composed: what looks the same is the same."""
    return unicodedata.normalize("NFC", text.lower())
