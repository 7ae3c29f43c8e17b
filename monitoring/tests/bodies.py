"""Bodies to search: one as websites have them, and one that is as bad as can be."""

import random

from websites.tests.patterns import WORDS

PHRASES = (
    *WORDS,
    *(
        '"status": "ok",',
        '"name": "Müller",',
        "a.b@mail.example.org",
        "2026-05-06T07:08:09Z",
        "12. March 2026",
        "Straße",
    ),
    *("https://example.org/a?b=c", "<title>Prices</title>", "price of 12.50", "漢字", "Ελλάδα", "192.0.2.17", "\n"),
)


def page(size: int) -> bytes:
    """So many bytes of text in UTF-8, or a few less; the same each time."""
    chance = random.Random(7)
    text = " ".join(chance.choices(PHRASES, k=size // 4))
    return text.encode()[:size].decode(errors="ignore").encode()


def at_random(letters: bytes, size: int) -> bytes:
    """No two stretches of it are alike, so that an automaton that remembers where it has been gains nothing by it."""
    return bytes(random.Random(11).choices(letters, k=size))
