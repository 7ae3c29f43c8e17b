import re
from xml.etree import ElementTree

import pytest

from monitoring.charts.strips import bar, sparkline
from monitoring.statistics import Counts

UP, DOWN, MIXED = Counts(60, 60), Counts(60, 0, 60), Counts(60, 45, 15)
FAULT, GAP, UNWATCHED, THIN = Counts(60, 0, 0, 60), Counts(60), Counts(), Counts(60, 20)


def drawn(pieces: list[Counts], labels: list[str] | None = None) -> ElementTree.Element:
    """A bar as browsers read it; labels are blank where none are given."""
    return ElementTree.fromstring(bar(pieces, labels or [""] * len(pieces), "Last day"))


def paths(svg: ElementTree.Element) -> dict[str, str]:
    """What is drawn, by class."""
    return {path.attrib["class"]: path.attrib["d"] for path in svg.iter("path")}


@pytest.mark.parametrize(
    ("piece", "shapes"),
    [
        (UP, {"wm-run-up": "M0 12H4"}),
        (GAP, {"wm-run-none": "M0 12H4"}),
        (UNWATCHED, {"wm-run-none": "M0 12H4"}),
        # As high as the strip.
        (DOWN, {"wm-piece-down": "M0 0h4v24h-4z"}),
        (MIXED, {"wm-piece-down": "M0 0h4v6h-4z", "wm-piece-up": "M0 7h4v17h-4z"}),
        (FAULT, {"wm-piece-unknown": "M0.5 5.5h3v13h-3z"}),
        # Thinner than others.
        (THIN, {"wm-piece-up": "M1 5h2v14h-2z"}),
    ],
)
def test_a_piece_is_told_by_its_shape_and_not_by_its_colour_alone(piece: Counts, shapes: dict[str, str]) -> None:
    found = paths(drawn([piece]))
    found.pop("wm-piece-hit", None)
    assert found == shapes


def test_the_shortest_outage_is_seen_and_the_longest_leaves_room_for_what_was_up() -> None:
    shortest, longest = (paths(drawn([counts])) for counts in (Counts(720, 719, 1), Counts(720, 1, 719)))
    assert shortest["wm-piece-down"] == "M0 0h4v6h-4z"
    assert longest["wm-piece-down"] == "M0 0h4v18h-4z"


def test_pieces_without_a_label_that_are_alike_are_one_line() -> None:
    svg = drawn([UP, UP, GAP, UP])
    assert paths(svg) == {"wm-run-up": "M0 12H9M15 12H19", "wm-run-none": "M10 12H14"}


def test_a_label_is_the_tooltip_of_its_whole_column() -> None:
    svg = drawn([UP, DOWN], ["", "09:00 to 09:30: 0 % up"])
    [group] = svg.iter("g")
    assert [title.text for title in group.iter("title")] == ["09:00 to 09:30: 0 % up"]
    assert paths(group)["wm-piece-hit"] == "M5 0h4v24h-4z"


def test_a_bar_is_a_picture_with_a_name() -> None:
    svg = drawn([UP] * 48)
    assert (svg.attrib["role"], svg[0].tag, svg[0].text) == ("img", "title", "Last day")
    assert svg.attrib["viewBox"] == "0 0 239 24"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</title><b>", '" onload="x', "a & b"])
def test_texts_stay_texts(text: str) -> None:
    for svg in (bar([DOWN], [text], text), sparkline([1.0], text)):
        root = ElementTree.fromstring(svg)
        assert {title.text for title in root.iter("title")} == {text}
        assert {element.tag for element in root.iter()} <= {"svg", "title", "path", "g"}


@pytest.mark.parametrize("svg", [bar([], [], ""), bar([MIXED, FAULT], ["a", "b"], "c"), sparkline([1.0, None], "")])
def test_nothing_is_drawn_that_the_content_security_policy_forbids(svg: str) -> None:
    assert not re.search(r"style=|<style|<script|\son\w+=|href", svg)


def test_every_piece_needs_a_label() -> None:
    with pytest.raises(ValueError, match="shorter"):
        bar([UP, UP], [""], "")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([None, None], ""),
        # From zero at the bottom to the highest at the top.
        ([0.0, 0.5, 1.0], "M2.0 22.0L48.0 12.0L94.0 2.0"),
        ([1.0, None, 1.0, 1.0], "M2.0 2.0L2.0 2.0M63.3 2.0L94.0 2.0"),
        ([None, 2.0, None], "M48.0 2.0L48.0 2.0"),
        ([0.0, 0.0], "M2.0 22.0L94.0 22.0"),
    ],
)
def test_a_sparkline_has_a_gap_where_nothing_was_answered(values: list[float | None], line: str) -> None:
    svg = ElementTree.fromstring(sparkline(values, "Response time"))
    assert paths(svg)["wm-spark-line"] == line
