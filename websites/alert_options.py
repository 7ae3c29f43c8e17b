"""When a website is down, up again or slow, and which of its values are worth an alert: bounds and validators.

API, admin and import call them through the model's fields and `websites.request_options.check_together`.
"""

import math
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

IN_A_ROW_MIN, IN_A_ROW_MAX = 1, 10
FAILURES_BEFORE_DOWN = 2
SUCCESSES_BEFORE_UP = 1
SLOW_CHECKS = 3
SLOW_THRESHOLD_MIN, SLOW_THRESHOLD_MAX = 0.001, 60.0

IN_A_ROW_VALIDATORS = (MinValueValidator(IN_A_ROW_MIN), MaxValueValidator(IN_A_ROW_MAX))
# All about what the regex matches first.
VALUE_OPTIONS = ("alert_on_value_change", "alert_on_value_missing", "value_min", "value_max")


# Forms have words of their own for what has the code "invalid".
def validate_slow_threshold(seconds: float) -> None:
    if not (math.isfinite(seconds) and SLOW_THRESHOLD_MIN <= seconds <= SLOW_THRESHOLD_MAX):
        raise ValidationError(
            f"The threshold must be from {SLOW_THRESHOLD_MIN} to {SLOW_THRESHOLD_MAX:g} seconds.", code="range"
        )


def validate_bound(number: float) -> None:
    if not math.isfinite(number):
        raise ValidationError("The bound must be a finite number.", code="finite")


def faults(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong, by field, with values that are good by themselves and not together."""
    if not values.get("regex"):
        # Nought is a bound like any other.
        given = [name for name in VALUE_OPTIONS if values.get(name) is not None and values[name] is not False]
        return dict.fromkeys(given, "There is no regex that could extract a value.")
    low, high = values.get("value_min"), values.get("value_max")
    if low is not None and high is not None and low > high:
        return {"value_min": f"The lowest value must not be above the highest: at most {high:g}."}
    return {}
