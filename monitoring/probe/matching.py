"""What a pattern matches in a text, by RE2, within bounds of number, size and time."""

import json
import time
from functools import lru_cache
from typing import Any

import re2

from monitoring.probe.types import Matches

MATCH_CAP = 100
# Of all matches together, as the JSON that gets stored.
MATCH_BYTES_CAP = 10_000
# Of processor time: RE2 is linear in the text, but each further match may read the rest of it again. Looked at between
# matches only; what bounds one search is in `monitoring.probe.searching`.
MATCH_SECONDS = 0.4

# The limits that websites' patterns are validated with; nothing beyond them is run.
REGEX_MAX_MEMORY = 1 << 20
REGEX_MAX_INSTRUCTIONS = 10_000
PATTERNS_KEPT = 1024

# The bytes of UTF-8 that go on with a character.
CONTINUATION = range(0x80, 0xC0)
# The most bytes of JSON that a character and a string take.
JSON_CHARACTER, JSON_STRING = 6, 4


@lru_cache(maxsize=PATTERNS_KEPT)
def compiled_pattern(pattern: str) -> Any:
    """The pattern made ready by RE2; None where it cannot be, which validation should have refused."""
    options = re2.Options()
    options.max_mem = REGEX_MAX_MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        return None
    return compiled if compiled.programsize <= REGEX_MAX_INSTRUCTIONS else None


def find_matches(compiled: Any, text: bytes) -> Matches:
    """Every match in text in UTF-8, like `re.findall` (lists instead of tuples), until a cap is reached.

    A first match that is too large by itself is cut, so that it never looks like no match.
    """
    groups = compiled.groups
    rows: list[Any] = []
    # At most so many bytes of JSON; counted exactly only where that could be too many.
    size = 0
    deadline = time.thread_time() + MATCH_SECONDS
    last_span = None
    for match in compiled.finditer(text):
        span = match.span()
        # re2 finds an empty match that lies ahead twice, the second time from its own place, and some inside
        # characters, since it goes on by bytes.
        if span == last_span or (span[0] < len(text) and text[span[0]] in CONTINUATION):
            continue
        last_span = span
        row = [_text(part) for part in match.groups(default=b"")] if groups > 1 else _text(match[groups] or b"")
        size += _json_bound(row)
        if size > MATCH_BYTES_CAP and _json_size([*rows, row]) > MATCH_BYTES_CAP:
            return rows or [_cut(row, MATCH_BYTES_CAP - 2)]
        rows.append(row)
        if len(rows) == MATCH_CAP or time.thread_time() > deadline:
            break
    return rows


def _text(part: bytes) -> str:
    r"""A match as text; RE2's `\C` can cut a character into its bytes."""
    return part.decode(errors="replace")


def _json_size(row: Any) -> int:
    return len(json.dumps(row, ensure_ascii=False).encode())


def _json_bound(row: str | list[str]) -> int:
    """No less than `_json_size`, with what stands between rows."""
    if isinstance(row, str):
        return JSON_CHARACTER * len(row) + JSON_STRING
    return sum(map(_json_bound, row)) + JSON_STRING


def _cut(row: str | list[str], size: int) -> str | list[str]:
    """The row shortened to at most `size` bytes of JSON."""
    if isinstance(row, list):
        # Brackets around, a comma and a space between.
        return [str(_cut(text, size // len(row) - 2)) for text in row]
    row = row[: max(size - 2, 0)]
    while row and (now := _json_size(row)) > size:
        row = row[: min(len(row) * size // now, len(row) - 1)]
    return row
