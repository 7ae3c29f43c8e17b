import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.histogram import LOWEST, Histogram, bucket_of, read, time_of

times = st.floats(min_value=LOWEST, max_value=400.0)


@given(times)
def test_each_time_is_within_five_percent_of_what_its_bucket_stands_for(seconds: float) -> None:
    assert abs(time_of(bucket_of(seconds)) - seconds) <= 0.05 * seconds


@given(st.lists(times, min_size=1), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentiles_are_within_five_percent_of_the_exact_ones(seconds: list[float], percent: float) -> None:
    exact = sorted(seconds)[math.ceil(len(seconds) * percent / 100) - 1]
    found = Histogram(seconds).percentile(percent)
    assert found is not None
    assert abs(found - exact) <= 0.05 * exact


@given(st.lists(times), st.lists(times))
def test_histograms_add_up(some: list[float], others: list[float]) -> None:
    merged = Histogram(some)
    merged.merge(Histogram(others))
    assert merged.counts == Histogram(some + others).counts


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_what_is_too_short_to_tell_counts_as_the_shortest(seconds: float) -> None:
    assert bucket_of(seconds) == 0


def test_a_name_that_comes_twice_adds_up() -> None:
    assert Histogram.read('"12":3,"13":1,"12":2').counts == {12: 5, 13: 1}


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile(50) is None
    assert read("") == []
