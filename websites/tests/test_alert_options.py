"""When there are alerts for a website: bounds, what goes together, and what holds where nothing is said."""

import math
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from websites.alert_options import validate_bound, validate_slow_threshold
from websites.models import Website
from websites.request_options import check_together
from websites.tests.websites import URL, add

THRESHOLD = "The threshold must be from 0.001 to 60 seconds."
NO_REGEX = "There is no regex that could extract a value."
DEFAULTS: dict[str, Any] = {
    "tags": "",
    "failures_before_down": 2,
    "successes_before_up": 1,
    "slow_threshold": None,
    "slow_checks": 3,
    "alert_on_value_change": False,
    "alert_on_value_missing": False,
    "value_min": None,
    "value_max": None,
}
NOT_FINITE = (math.nan, -math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1, 59.999, 60, 60.0])
def test_thresholds_in_bounds_are_taken(seconds: float) -> None:
    validate_slow_threshold(seconds)


@pytest.mark.parametrize("seconds", [0, -0.0, 0.0009, -1, 60.001, 1e308, 5e-324, *NOT_FINITE])
def test_thresholds_out_of_bounds_are_refused(seconds: float) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_slow_threshold(seconds)
    assert (refusal.value.messages, refusal.value.code) == ([THRESHOLD], "range")


@pytest.mark.parametrize("number", [0, -0.0, 1, -1.5, 1e308, -1e308, 5e-324])
def test_any_finite_number_is_a_bound(number: float) -> None:
    validate_bound(number)


@pytest.mark.parametrize("number", NOT_FINITE)
def test_no_other_is(number: float) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate_bound(number)
    assert (refusal.value.messages, refusal.value.code) == (["The bound must be a finite number."], "finite")


@pytest.mark.parametrize("count", [0, 11, -1])
@pytest.mark.parametrize("field", ["failures_before_down", "successes_before_up", "slow_checks"])
def test_checks_in_a_row_are_one_to_ten(field: str, count: int) -> None:
    with pytest.raises(ValidationError) as refusal:
        Website(website_url=URL, monitoring_interval=5, **{field: count}).clean_fields()
    assert refusal.value.message_dict.keys() == {field}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"regex": None, **DEFAULTS},
        {"regex": "", "alert_on_value_change": False, "value_min": None},
        {"slow_threshold": 1.0, "slow_checks": 10},
        {"regex": "x", "alert_on_value_change": True, "alert_on_value_missing": True},
        {"regex": "x", "value_min": 0.0},
        {"regex": "x", "value_max": -1.0},
        {"regex": "x", "value_min": -1.0, "value_max": 1.0},
        {"regex": "x", "value_min": 1.0, "value_max": 1.0},
    ],
)
def test_values_that_go_together_are_taken(values: dict[str, Any]) -> None:
    check_together(values)


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        *(
            ({"regex": regex, field: value}, {field: NO_REGEX})
            for regex in (None, "")
            for field, value in (
                ("alert_on_value_change", True),
                ("alert_on_value_missing", True),
                ("value_min", 0.0),
                ("value_min", -1.5),
                ("value_max", 0.0),
                ("value_max", 1.5),
            )
        ),
        (
            {"alert_on_value_change": True, "value_min": 2.0, "value_max": 1.0},
            {"alert_on_value_change": NO_REGEX, "value_min": NO_REGEX, "value_max": NO_REGEX},
        ),
        (
            {"regex": "x", "value_min": 2.0, "value_max": 1.5},
            {"value_min": "The lowest value must not be above the highest: at most 1.5."},
        ),
        (
            {"regex": "x", "value_min": 0.0, "value_max": -0.5},
            {"value_min": "The lowest value must not be above the highest: at most -0.5."},
        ),
        # Beside what is wrong with how it is asked.
        (
            {"alert_on_value_missing": True, "regex_must_match": True},
            {"alert_on_value_missing": NO_REGEX, "regex_must_match": "There is no regex that must match."},
        ),
    ],
)
def test_values_that_do_not_go_together_are_named_by_field(values: dict[str, Any], errors: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refusal:
        check_together(values)
    assert refusal.value.message_dict == {field: [message] for field, message in errors.items()}


def test_a_model_that_is_cleaned_is_checked_together() -> None:
    with pytest.raises(ValidationError) as refusal:
        Website(website_url=URL, monitoring_interval=5, value_max=0.0).clean()
    assert refusal.value.message_dict == {"value_max": [NO_REGEX]}


@pytest.mark.django_db
def test_a_url_and_an_interval_are_enough() -> None:
    website = add()
    website.full_clean()
    assert Website.objects.filter(pk=website.pk).values(*DEFAULTS).get() == DEFAULTS


@pytest.mark.django_db
def test_a_row_that_names_no_options_has_the_defaults() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO websites_website (website_url, monitoring_interval, is_active, created_at)"
            " VALUES (%s, 60, %s, CURRENT_TIMESTAMP)",
            [URL, True],
        )
    assert Website.objects.values(*DEFAULTS).get() == DEFAULTS
