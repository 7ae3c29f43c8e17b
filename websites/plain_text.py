"""Text of strangers, made inert for people's eyes: terminals, pages and tables."""

import unicodedata

# Parts of words in some scripts, and of emoji.
JOINERS = "\u200c\u200d"


def readable(text: str) -> str:
    """As `inert`, for what the monitor's own people write: a space of any kind is a space, and joiners stay."""
    return "".join(
        " " if unicodedata.category(char) == "Zs" else char if char in JOINERS else inert(char) for char in text
    )


def inert(text: str) -> str:
    r"""Spell out what does not print: control characters, escape sequences, direction overrides, odd spaces.

    An escape character becomes the four characters `\x1b`, a right-to-left override the six of
    `\u202e`, a line feed the two of `\n`, so that nothing drives a terminal, forges a line or turns text around.
    """
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
