"""Windows of time in query parameters."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as BadWindow
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from monitoring import windows
from monitoring.api.moments import MomentField
from monitoring.watch_periods import Span
from websites.api.filters import WholeNumberField
from websites.api.parameters import refusals

POINTS, POINTS_MIN, POINTS_MAX = 300, 2, 2000
WINDOW_PARAMETERS = [
    OpenApiParameter(
        "since",
        OpenApiTypes.DATETIME,
        description="Where the window begins; 24 hours before its end where it is not named. Without a zone, UTC.",
    ),
    OpenApiParameter(
        "until",
        OpenApiTypes.DATETIME,
        description="Where the window ends, itself not in it; now where it is not named or still to come.",
    ),
]
POINTS_PARAMETER = OpenApiParameter(
    "points",
    {"type": "integer", "minimum": POINTS_MIN, "maximum": POINTS_MAX, "default": POINTS},
    description="At most so many points.",
)


class WindowForm(forms.Form):
    since = MomentField(required=False)
    until = MomentField(required=False)


class SeriesForm(WindowForm):
    points = WholeNumberField(required=False, min_value=POINTS_MIN, max_value=POINTS_MAX)


def read_form(form_class: type[forms.Form], request: Request, known: Collection[str] = ()) -> dict[str, Any]:
    """What the query parameters of a form say; those that are known besides are left alone.

    Raises `ValidationError` with sentences for what is not known or not understood.
    """
    if errors := refusals(request.query_params.keys(), {*form_class.base_fields, *known}, "parameter"):
        raise ValidationError(errors)
    form = form_class(request.query_params)
    if not form.is_valid():
        raise ValidationError({name: list(map(str, sentences)) for name, sentences in form.errors.items()})
    return form.cleaned_data


def read_window(website_id: int, since: datetime | None, until: datetime | None) -> Span:
    """The window of a website that two parameters ask for; raises `ValidationError` where there is none."""
    with told():
        asked = windows.asked_for(since, until, timezone.now())
    return windows.with_data(website_id, asked)


@contextmanager
def told() -> Iterator[None]:
    """Answers 400 where a window is refused."""
    try:
        yield
    except BadWindow as error:
        raise ValidationError(error.message_dict) from error
