"""The charts that are drawn of times and values, by what they are made of alone."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.charts import axes, lines, phases
from monitoring.charts.lines import Piece, Reading
from monitoring.tests.drawings import by_class, drawing, outside, points, texts, titles
from monitoring.watch_periods import Span

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MS = 0.001

finite = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.one_of(st.none(), st.floats(0, 100), st.sampled_from([0.0, MS, 60.0, 1e-9]))
shares = st.one_of(st.none(), st.floats(0, 1))


def span(start: float, end: float, of: Span) -> Span:
    length = of.until - of.since
    return Span(of.since + start * length, of.since + end * length)


def window(length: timedelta = DAY) -> Span:
    return Span(NOON - length, NOON)


def pieces(medians: Sequence[float | None], highs: Sequence[float | None] | None = None) -> list[Piece]:
    """A day in pieces of the same length."""
    day, count = window(), len(medians)
    cut = [span(n / count, (n + 1) / count, day) for n in range(count)]
    highs = highs or medians
    return [
        Piece(part, median, high, 1.0 if median is not None else None, 1.0)
        for part, median, high in zip(cut, medians, highs, strict=True)
    ]


def chart(*args: object, **kwargs: object) -> str:
    return lines.response_times(*args, **kwargs)  # type: ignore[arg-type]


# --- Axes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (0.0, ["0", "250 ms", "500 ms", "750 ms", "1 s"]),
        (0.0004, ["0", "0.1 ms", "0.2 ms", "0.3 ms", "0.4 ms"]),
        (0.033, ["0", "10 ms", "20 ms", "30 ms", "40 ms"]),
        (0.2, ["0", "50 ms", "100 ms", "150 ms", "200 ms"]),
        (1.1, ["0", "500 ms", "1 s", "1.5 s"]),
        (9.9, ["0", "2.5 s", "5 s", "7.5 s", "10 s"]),
        (60.0, ["0", "20 s", "40 s", "60 s"]),
    ],
)
def test_an_axis_of_times_begins_at_zero_and_has_few_round_ticks(high: float, ticks: list[str]) -> None:
    axis = axes.from_zero(high)
    assert [axes.seconds_text(tick, axis) for tick in axis.ticks] == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 4, ["0", "1", "2", "3", "4"]),
        (-3, 5, ["-4", "-2", "0", "2", "4", "6"]),
        (19.1, 20.2, ["19.0", "19.5", "20.0", "20.5"]),
        (0, 1_900, ["0", "500", "1,000", "1,500", "2,000"]),
        (0, 3_000_000, ["0", "1 M", "2 M", "3 M"]),
        (1_700_000_000, 1_700_000_010, ["1,700,000,000.0", "1,700,000,002.5"]),
        (5, 5, ["4.50", "4.75", "5.00", "5.25", "5.50"]),
        (0, 0, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
    ],
)
def test_ticks_of_values_are_round_and_can_be_told_apart(low: float, high: float, ticks: list[str]) -> None:
    axis = axes.axis(low, high)
    assert [axes.number_text(tick, axis) for tick in axis.ticks][: len(ticks)] == ticks


@given(finite, finite)
def test_any_two_numbers_fit_on_their_axis(one: float, other: float) -> None:
    axis = axes.axis(min(one, other), max(one, other))
    assert all(map(math.isfinite, (axis.low, axis.high, axis.step)))
    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= axes.STEPS_MOST + 3
    assert all(first < second for first, second in pairwise(axis.ticks))
    for value in (one, other):
        assert 0 <= axis.share(value) <= 1
        room = 1e-6 * (axis.high - axis.low)
        assert axis.low - room <= max(-axes.LARGEST, min(axes.LARGEST, value)) <= axis.high + room
    assert all(axes.number_text(tick, axis) for tick in axis.ticks)


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e6))
def test_texts_of_ticks_differ(low: float, length: float) -> None:
    axis = axes.axis(low, low + length)
    shown = [axes.number_text(tick, axis) for tick in axis.ticks]
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("length", "ticks"),
    [
        (HOUR, ["11:00", "11:10", "11:20", "11:30", "11:40", "11:50", "12:00"]),
        (6 * HOUR, ["06:00", "07:00", "08:00", "09:00", "10:00", "11:00", "12:00"]),
        (DAY, ["12:00", "15:00", "18:00", "21:00", "26 Nov", "03:00", "06:00", "09:00", "12:00"]),
        (7 * DAY, ["20 Nov", "21 Nov", "22 Nov", "23 Nov", "24 Nov", "25 Nov", "26 Nov"]),
        (30 * DAY, ["2 Nov", "9 Nov", "16 Nov", "23 Nov"]),
        (90 * DAY, ["31 Aug", "14 Sep", "28 Sep", "12 Oct", "26 Oct", "9 Nov", "23 Nov"]),
        (365 * DAY, ["2026", "Mar", "May", "Jul", "Sep", "Nov"]),
        (3650 * DAY, ["2018", "2020", "2022", "2024", "2026"]),
    ],
)
def test_ticks_of_time_fit_its_length(length: timedelta, ticks: list[str]) -> None:
    assert [moment.text for moment in axes.moments(NOON - length, NOON)] == ticks


@given(st.integers(-20_000_000, 20_000_000), st.integers(1, 5_000_000))
def test_ticks_of_any_time_are_few_and_in_order(start: int, minutes: int) -> None:
    since = NOON + timedelta(minutes=start)
    until = since + timedelta(minutes=minutes)
    found = [moment.at for moment in axes.moments(since, until)]
    assert len(found) <= axes.TICKS_MOST + 2
    assert found == sorted(set(found))
    assert all(since <= at <= until for at in found)


# --- Response times --------------------------------------------------------------------


def test_medians_are_a_line_and_what_is_up_to_the_95th_percentile_a_band() -> None:
    svg = drawing(chart(pieces([0.1, 0.2, 0.1], [0.2, 0.4, 0.2]), window()))
    (line,) = (element.get("d", "") for element in by_class(svg, "wm-line"))
    (band,) = (element.get("d", "") for element in by_class(svg, "wm-band"))
    # Of an axis up to 400 ms.
    assert points(line) == [(166.67, 132), (500, 88), (833.33, 132)]
    assert points(band)[:3] == points(line)
    assert points(band)[3:] == [(833.33, 88), (500, 0), (166.67, 88)]


def test_gaps_stay_gaps_and_what_is_between_two_is_a_dot() -> None:
    svg = drawing(chart(pieces([0.1, 0.1, None, 0.1, None, None, 0.1, 0.1]), window()))
    found = [[x for x, _ in points(element.get("d", ""))] for element in by_class(svg, "wm-line")]
    assert found == [[62.5, 187.5], [812.5, 937.5]]
    (dot,) = by_class(svg, "wm-dot")
    assert dot.get("cx") == "43.75%"


def test_a_few_times_far_beyond_the_rest_do_not_flatten_it() -> None:
    usual = [0.1] * 20
    svg = drawing(chart(some := pieces(usual, [0.2] * 19 + [60.0]), window()))
    assert [text.text for text in by_class(svg, "wm-scale")[0]] == ["0", "200 ms", "400 ms", "600 ms"]
    assert len(by_class(svg, "wm-beyond")) == 1
    assert lines.beyond(some) == (1, 60.0)


@pytest.mark.parametrize("highs", [[0.2] * 19 + [0.9], [0.2] * 10 + [60.0] * 10, [60.0] * 20])
def test_the_axis_has_all_where_that_leaves_the_rest_readable(highs: list[float]) -> None:
    some = pieces([0.1] * 20, highs)
    assert not by_class(drawing(chart(some, window())), "wm-beyond")
    assert lines.beyond(some) == (0, 0.0)


def test_medians_are_never_beyond_the_axis() -> None:
    some = pieces([MS] * 19 + [60.0], [MS] * 19 + [60.0])
    svg = drawing(chart(some, window()))
    assert not list(outside(svg))
    (line,) = (element.get("d", "") for element in by_class(svg, "wm-line"))
    assert points(line)[-1] == (975, 0)


def test_outages_and_maintenance_are_hatched_within_the_window() -> None:
    day = window()
    outages = [span(-0.5, 0.25, day), span(0.5, 0.5, day), span(0.9, 2, day), span(2, 3, day)]
    svg = drawing(chart(pieces([0.1] * 4), day, outages, [span(0.3, 0.4, day)]))
    assert [(one.get("x"), one.get("width")) for one in by_class(svg, "wm-outage")] == [("0%", "25%"), ("90%", "10%")]
    assert [one.get("x") for one in by_class(svg, "wm-maintenance")] == ["30%"]
    patterns = {element.get("id") for element in svg.iter("pattern")}
    for look in ("outage", "maintenance"):
        assert {one.get("fill") for one in by_class(svg, f"wm-{look}")} == {f"url(#response-time-{look})"}
        assert f"response-time-{look}" in patterns


def test_each_piece_tells_what_it_is_when_it_is_pointed_at() -> None:
    day = window()
    some = [
        Piece(span(0, 0.5, day), 0.1, 0.25, 0.999, 1.0),
        Piece(span(0.5, 0.7, day), None, None, 0.0, 0.5),
        Piece(span(0.7, 0.9, day), None, None, None, 0.0),
        Piece(span(0.9, 1, day), None, None, None, None),
    ]
    found = titles(drawing(chart(some, day)), "wm-hit")
    assert found[0] == ("25 Nov 2026, 12:00 to 00:00\nmedian 100 ms, 95 % within 250 ms\nup 99.90 % (coverage 100 %)")
    assert [title.partition("\n")[2] for title in found[1:]] == [
        "nothing answered\nup 0 % (coverage 50.00 %)",
        "no checks",
        "not watched",
    ]


def test_a_chart_is_named_and_described_for_who_does_not_see_it() -> None:
    svg = drawing(chart(pieces([0.1, 0.2]), window(), [span(0.1, 0.2, window())]))
    (plot,) = by_class(svg, "wm-plot")
    assert plot.get("role") == "img"
    assert plot.get("aria-labelledby") == "response-time-title response-time-desc"
    assert plot.findtext("title") == "Response time"
    assert plot.findtext("desc") == ("Medians from 100 ms to 200 ms, the last one 200 ms; 1 outage. A table follows.")


def test_the_table_has_what_is_known_newest_first() -> None:
    found = drawing(lines.response_table(pieces([0.1, None, 2.0])))
    rows = [[cell.text for cell in row] for row in found.iter("tr")]
    assert rows == [
        ["Time (UTC)", "Median", "95th percentile", "Uptime", "Coverage"],
        ["26 Nov 2026, 04:00 to 12:00", "2.00 s", "2.00 s", "100 %", "100 %"],
        ["25 Nov 2026, 12:00 to 20:00", "100 ms", "100 ms", "100 %", "100 %"],
    ]


@pytest.mark.parametrize(
    ("since", "length", "text"),
    [
        (NOON, timedelta(seconds=30), "26 Nov 2026, 12:00:00 to 12:00:30"),
        (NOON, HOUR, "26 Nov 2026, 12:00 to 13:00"),
        (NOON.replace(hour=0), DAY, "26 Nov 2026"),
        (NOON.replace(hour=0), 7 * DAY, "26 Nov to 2 Dec 2026"),
        (NOON.replace(hour=0, day=30, month=12), 7 * DAY, "30 Dec 2026 to 5 Jan 2027"),
    ],
)
def test_times_are_told_as_short_as_can_be(since: datetime, length: timedelta, text: str) -> None:
    piece = Piece(Span(since, since + length), 0.1, 0.1, 1.0, 1.0)
    svg = drawing(chart([piece], Span(since, since + length)))
    assert titles(svg, "wm-hit")[0].partition("\n")[0] == text


@given(st.lists(st.tuples(seconds, seconds, shares, shares), max_size=40), st.lists(st.tuples(finite, finite)))
@settings(max_examples=100, deadline=None)
def test_whatever_is_drawn_stays_within_the_chart(
    given_pieces: list[tuple[float | None, ...]], given_outages: list[tuple[float, float]]
) -> None:
    day = window()
    count = len(given_pieces)
    some = [Piece(span(n / count, (n + 1) / count, day), *given_pieces[n]) for n in range(count)]
    places = [sorted(max(-2, min(3, edge)) for edge in edges) for edges in given_outages]
    outages = [span(start, end, day) for start, end in places]
    svg = drawing(chart(some, day, outages, outages))
    assert list(outside(svg)) == []
    assert "nan" not in lines.response_table(some)


# --- Values ----------------------------------------------------------------------------


def readings(*given_values: float | None) -> list[Reading]:
    """One an hour, the last an hour before noon."""
    return [Reading(NOON - (len(given_values) - n) * HOUR, value) for n, value in enumerate(given_values)]


def test_values_are_steps_up_to_the_next_one_with_gaps_where_nothing_matched() -> None:
    svg = drawing(lines.values(readings(1, 3, None, 2), window(4 * HOUR)))
    (line,) = (element.get("d") for element in by_class(svg, "wm-line"))
    assert line == "M0 117.33H250V0H500M750 58.67H1000"


def test_a_value_from_before_the_window_is_drawn_from_its_beginning() -> None:
    svg = drawing(lines.values([Reading(NOON - 9 * DAY, 5.0)], window()))
    (line,) = (element.get("d") for element in by_class(svg, "wm-line"))
    assert line == "M0 88H1000"
    assert titles(svg, "wm-hit") == ["17 Nov 2026, 12:00\n5"]


@pytest.mark.parametrize(
    ("given_values", "ends"),
    [
        ((10, 20), ("0", "20")),
        ((19, 20), ("19.00", "20.00")),
        ((-20, -10), ("-20", "0")),
        ((-5, 5), ("-5.0", "5.0")),
    ],
)
def test_an_axis_of_values_has_zero_where_that_is_near(given_values: tuple[float, ...], ends: tuple[str, str]) -> None:
    svg = drawing(lines.values(readings(*given_values), window()))
    ticks = [text.text for text in by_class(svg, "wm-scale")[0]]
    assert (ticks[0], ticks[-1]) == ends


@pytest.mark.parametrize(
    ("bounds", "drawn"), [((None, None), []), ((5.0, 21.0), [21.0]), ((18.0, 1e6), [18.0]), ((-1e300, 1e300), [])]
)
def test_bounds_are_drawn_where_they_leave_the_values_readable(
    bounds: tuple[float | None, float | None], drawn: list[float]
) -> None:
    some = readings(18, 20)
    assert lines.bounds_near(some, bounds) == drawn
    assert len(by_class(drawing(lines.values(some, window(), bounds)), "wm-bound")) == len(drawn)


@given(st.lists(st.one_of(st.none(), finite), max_size=30), st.one_of(st.none(), finite), st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_whatever_the_values_are_they_stay_within_the_chart(
    given_values: list[float | None], bound: float | None, hours: int
) -> None:
    some = readings(*given_values)
    svg = drawing(lines.values(some, window(hours * HOUR), (bound, None)))
    assert list(outside(svg)) == []
    for element in by_class(svg, "wm-line"):
        assert "n" not in element.get("d", "")
    drawing(lines.value_table(some))


# --- Phases ----------------------------------------------------------------------------


def test_each_phase_begins_where_the_one_before_it_ends() -> None:
    found = drawing(
        phases.phases([phases.Phase("DNS", 0.01), phases.Phase("Connect", 0.03), phases.Phase("TLS", 0.06)])
    )
    bars = by_class(found, "wm-phase")
    assert [(bar.get("x"), bar.get("width")) for bar in bars] == [("0%", "10%"), ("10%", "30%"), ("40%", "60%")]
    assert texts(found, "wm-phase-name") == ["DNS", "Connect", "TLS"]
    assert texts(found, "wm-phase-time") == ["10 ms", "30 ms", "60 ms"]
    assert texts(found, "wm-phase-share") == ["10 %", "30 %", "60 %"]


@given(st.lists(st.floats(0, 1e9), max_size=5))
def test_phases_stay_within_their_track(times: list[float]) -> None:
    found = drawing(phases.phases([phases.Phase("x", time) for time in times]))
    assert list(outside(found)) == []


def test_names_are_text_and_nothing_else() -> None:
    found = phases.phases([phases.Phase("<script>alert(1)</script>", 1.0)])
    assert texts(drawing(found), "wm-phase-name") == ["<script>alert(1)</script>"]
    assert "<script" not in found
