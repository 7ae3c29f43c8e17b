"""Badges as pictures."""

from xml.etree import ElementTree

import pytest

from monitoring.badges import Badge, p95_badge, state_badge, uptime_badge
from monitoring.models import State
from monitoring.statistics import Counts
from monitoring.tests.outages import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
WHITE_CONTRAST = 4.5


def drawn(badge: Badge, label: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(badge.svg(label))


def texts(picture: ElementTree.Element) -> list[str | None]:
    return [text.text for text in picture.iter(f"{SVG}text")]


def title(picture: ElementTree.Element) -> str | None:
    return picture.findtext(f"{SVG}title")


@pytest.mark.parametrize(
    ("badge", "shown", "full"),
    [
        (state_badge(State.UP), ["state", "up"], "state: up"),
        (state_badge(State.DOWN), ["state", "down"], "state: down"),
        (state_badge(State.PAUSED), ["state", "paused"], "state: paused"),
        (state_badge(State.UNKNOWN), ["state", "unknown"], "state: unknown"),
        (uptime_badge("24h", Counts(10, 10)), ["uptime 24h", "100 %"], "uptime 24h: 100 %"),
        (uptime_badge("7d", Counts(10, 5, 3)), ["uptime 7d", "62.50 %"], "uptime 7d: 62.50 % (coverage 80.00 %)"),
        (uptime_badge("7d", Counts(10, 0, 10)), ["uptime 7d", "0 %"], "uptime 7d: 0 %"),
        (uptime_badge("30d", Counts(10)), ["uptime 30d", "no data"], "uptime 30d: no data (coverage 0 %)"),
        (uptime_badge("30d", Counts()), ["uptime 30d", "no data"], "uptime 30d: no data"),
        (p95_badge(0.1824, Counts(10, 10)), ["p95", "182 ms"], "p95: 182 ms"),
        (p95_badge(2.5, Counts(10, 9)), ["p95", "2.50 s"], "p95: 2.50 s (coverage 90.00 %)"),
        (p95_badge(None, Counts(10, 0, 9)), ["p95", "no data"], "p95: no data"),
    ],
)
def test_a_badge_says_it_in_words_and_the_rest_in_its_title(badge: Badge, shown: list[str], full: str) -> None:
    picture = drawn(badge)
    assert texts(picture) == shown
    assert title(picture) == picture.get("aria-label") == full
    assert picture.get("role") == "img"


def test_another_label_leaves_the_subject_in_the_title() -> None:
    picture = drawn(state_badge(State.UP), "shop")
    assert (texts(picture), title(picture)) == (["shop", "up"], "shop, state: up")


@pytest.mark.parametrize(
    "label", [HOSTILE, '"/><script>alert(1)</script>', "&amp;", "a\0b\ud800\ufffe\x1b[31m", "]]>", "', '", "{{ x }}"]
)
def test_text_of_strangers_is_no_more_than_text(label: str) -> None:
    badge = state_badge(State.UP)
    picture = drawn(badge, label)
    plain = drawn(badge, "x")
    assert [element.tag for element in picture.iter()] == [element.tag for element in plain.iter()]
    assert [element.keys() for element in picture.iter()] == [element.keys() for element in plain.iter()]
    left = texts(picture)[0] or ""
    assert left.isprintable()
    assert len(left) >= len(label)


@pytest.mark.parametrize("label", ["", "i", "w" * 60, "监控", "e\u0301" * 5, "мониторинг", " "])
def test_a_badge_is_as_wide_as_its_texts(label: str) -> None:
    picture = drawn(uptime_badge("24h", Counts(10, 10)), label)
    lengths = [int(text.get("textLength", "")) for text in picture.iter(f"{SVG}text")]
    starts = [int(text.get("x", "")) for text in picture.iter(f"{SVG}text")]
    assert int(picture.get("width", "")) == sum(lengths) + 4 * 6
    assert starts == [6, lengths[0] + 3 * 6]
    assert all(length > 0 for length in lengths)


def test_wider_text_makes_a_wider_badge() -> None:
    widths = [int(drawn(state_badge(State.UP), label).get("width", "")) for label in ("ii", "nn", "ww", "监控")]
    assert widths == sorted(set(widths))


def test_white_text_is_readable_on_every_colour() -> None:
    badges = [state_badge(state) for state in State]
    badges += [uptime_badge("24h", Counts(1000, up, 1000 - up)) for up in (1000, 999, 990, 500)]
    for badge in badges:
        fills = [element.get("fill") for element in drawn(badge).iter() if element.tag in (f"{SVG}rect", f"{SVG}path")]
        assert all(fill and contrast_with_white(fill) >= WHITE_CONTRAST for fill in fills), fills


def contrast_with_white(colour: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def test_a_badge_has_neither_script_nor_style_nor_anything_from_elsewhere() -> None:
    text = state_badge(State.DOWN).svg("label")
    assert not [word for word in ("style", "<script", "href", "url(") if word in text]
    assert text.count("http") == 1
