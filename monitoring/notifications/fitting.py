"""Messages cut down to what a service takes: the worst are named first, and those that are left out are counted."""

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitoring.notifications.wording import and_more

if TYPE_CHECKING:
    from apprise import NotifyBase

MORE = re.compile(re.escape(and_more(0)).replace("0", r"(\d+)"))
ELLIPSIS = "..."
# What Apprise puts around a title that it sends as the first line of the text, and keeps free for numbers of parts.
FRAME = 24


def fit(service: "NotifyBase", title: str, text: str) -> tuple[str, str]:
    """Title and text as this service takes them, unless its URL asks for several messages (`overflow=split`).

    Its limits are counted in bytes of UTF-8 of what is sent: so nothing is too long, however the service counts.
    """
    from apprise import NotifyFormat, OverflowMode
    from apprise.conversion import convert_between

    if service.overflow_mode is OverflowMode.SPLIT:
        return title, text
    service.overflow_mode = OverflowMode.UPSTREAM
    target = service.resolve_format(NotifyFormat.TEXT)

    def size(words: str) -> int:
        converted = convert_between(NotifyFormat.TEXT, target, words)  # type: ignore[no-untyped-call]
        return len(service.dialect_convert(converted, target).encode())

    is_in_text = service.title_maxlen <= 0
    room = service.body_maxlen - (FRAME if is_in_text or service.overflow_amalgamate_title else 0)
    title = shortened(title, lambda words: size(words) <= (room if is_in_text else service.title_maxlen))
    room -= size(title) if is_in_text or service.overflow_amalgamate_title else 0
    lines = service.body_max_line_count or len(text)
    text = fitted(text, lambda words: size(words) <= room and words.count("\n") < lines)
    return (title, text) if text else ("", title)


def fitted(text: str, fits: Callable[[str], bool]) -> str:
    """The text, or as many of its lines as fit, from the first on, and how many more there are.

    Where not even one line fits, the beginning of it. What fits is taken to fit when it is shorter, too.
    """
    if fits(text):
        return text
    lines = text.split("\n")
    more = MORE.fullmatch(lines[-1])
    hidden = int(more[1]) if more else 0
    named = lines[:-1] if more else lines

    def first(count: int) -> str:
        return "\n".join((*named[:count], and_more(hidden + len(named) - count)))

    count = _most(len(named) - 1, lambda count: fits(first(count)))
    return first(count) if count else shortened(named[0], fits)


def shortened(line: str, fits: Callable[[str], bool]) -> str:
    """The line, or its beginning and three dots; blank where not even these fit."""
    if fits(line):
        return line
    length = _most(len(line) - 1, lambda length: fits(line[:length] + ELLIPSIS))
    return line[:length].rstrip() + ELLIPSIS if length else ""


def _most(highest: int, fits: Callable[[int], bool]) -> int:
    """The highest number from 1 on that fits, or 0."""
    return bisect_left(range(1, highest + 1), True, key=lambda number: not fits(number))
