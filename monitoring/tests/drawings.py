"""SVG as tests read it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# Attributes that hold a place or a size.
_ALONG = ("x", "x1", "x2", "cx", "width")
_UPRIGHT = ("y", "y1", "y2", "cy", "height")


def drawing(html: str) -> ET.Element:
    """Raises `ParseError` for what is not well-formed."""
    return ET.fromstring(html)


def by_class(root: ET.Element, look: str) -> list[ET.Element]:
    return [element for element in root.iter() if look in element.get("class", "").split()]


def texts(root: ET.Element, look: str) -> list[str]:
    return [element.text or "" for element in by_class(root, look)]


def titles(root: ET.Element, look: str) -> list[str]:
    """The tooltips of elements."""
    return [element.findtext("title") or "" for element in by_class(root, look)]


def points(path: str) -> list[tuple[float, float]]:
    """Of a path of absolute points (M, L and what follows them), its points."""
    numbers = [float(number) for number in _NUMBER.findall(path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def outside(root: ET.Element) -> Iterator[str]:
    """What is drawn beyond the edges of its element, or is no number, or would be refused by the pages' policy."""
    for element in root.iter():
        if "style" in element.attrib or element.tag in ("style", "script"):
            yield f"{element.tag} has a style or is one"
        for name in (*_ALONG, *_UPRIGHT):
            value = element.get(name)
            if value is not None and not _is_inside(value, name):
                yield f"{element.tag} {name}={value}"
    for element in root.iter("svg"):
        box = element.get("viewBox")
        if box is not None:
            yield from _beyond(element, *map(float, box.split()[2:]))


def _is_inside(value: str, name: str) -> bool:
    number = float(value.removesuffix("%"))
    if value.endswith("%"):
        return -0.01 <= number <= 100.01
    return name in _ALONG or 0 <= number <= 300


def _beyond(element: ET.Element, width: float, height: float) -> Iterator[str]:
    for path in element.iter("path"):
        text = path.get("d", "")
        if any(not (-0.01 <= x <= width + 0.01 and -0.01 <= y <= height + 0.01) for x, y in _walk(text)):
            yield f"path {text}"


def _walk(path: str) -> Iterator[tuple[float, float]]:
    """Each point that a path of absolute commands comes to."""
    x = y = 0.0
    for command, rest in re.findall(r"([A-Z])([^A-Z]*)", path):
        match command:
            case "H":
                x = float(rest)
                yield x, y
            case "V":
                y = float(rest)
                yield x, y
            case _:
                for x, y in points(rest):
                    yield x, y
