"""Elements of SVG and HTML as safe text: classes and presentation attributes only, as the pages' policy wants it.

Without Django's `format_html`: a chart has a thousand of them, and this takes a third of the time.
"""

from collections.abc import Iterable
from functools import cache
from html import escape

from django.utils.safestring import SafeString


def element(name: str, *children: SafeString | str, **attributes: str | float) -> SafeString:
    """`class_` stands for the attribute class, an underscore within a name for a hyphen; the rest is escaped."""
    pairs = "".join([f' {_key(name)}="{_text(value)}"' for name, value in attributes.items()])
    return SafeString(f"<{name}{pairs}>{''.join(map(_inner, children))}</{name}>")


def number(value: float) -> str:
    """With two decimals at most, which is finer than any screen."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def percent(share: float) -> str:
    """0 to 1 as a length of the element around it."""
    return f"{number(100 * share)}%"


def table(summary: str, label: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> SafeString:
    """What a chart draws, as a table that is folded away until it is asked for."""
    titles = SafeString("".join([f'<th scope="col">{escape(title)}</th>' for title in head]))
    body = SafeString("".join([f"<tr>{''.join([f'<td>{escape(cell)}</td>' for cell in row])}</tr>" for row in rows]))
    sheet = element("table", element("thead", element("tr", titles)), element("tbody", body))
    # What scrolls can be reached by keyboard.
    scrolled = element("div", sheet, class_="wm-sheet", role="region", aria_label=label, tabindex=0)
    return element("details", element("summary", summary), scrolled, class_="wm-data")


@cache
def _key(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _text(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)


def _inner(child: SafeString | str) -> str:
    return child if isinstance(child, SafeString) else escape(child)
