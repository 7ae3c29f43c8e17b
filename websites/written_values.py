"""Values as people write them: in forms, queries and CSV files alike."""

from collections.abc import Iterable

FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
BAD_FLAG = "Must be true or false."
BAD_NUMBER = "A valid integer is required."


def read_flag(text: str) -> bool:
    """Raises `ValueError` with a sentence for what is neither true nor false."""
    try:
        return FLAGS[text.strip().lower()]
    except KeyError as error:
        raise ValueError(BAD_FLAG) from error


def read_word(text: str, words: Iterable[str]) -> str:
    """The one of the words that this is, in any case. Raises `ValueError` with a sentence where it is none."""
    known = {word.lower(): word for word in words}
    try:
        return known[text.lower()]
    except KeyError as error:
        raise ValueError(f"Must be one of {', '.join(known.values())}.") from error


def is_number(text: str) -> bool:
    """Whether it is one in ASCII digits, such as 1.5 or 2e3."""
    return text.isascii() and "_" not in text


def is_whole_number(text: str) -> bool:
    """Whether it is one in ASCII digits; Python reads those of every script, and underscores between them."""
    digits = text.strip().removeprefix("-")
    return digits.isascii() and digits.isdecimal()
