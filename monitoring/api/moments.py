"""Times in query parameters."""

import re
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from django_filters import rest_framework as filters

# A "+" that nobody encoded arrives as a space.
LOST_PLUS = re.compile(r"(T[0-9:.]+) ([0-9]{2}:?[0-9]{2})$")


def parse_moment(text: str) -> datetime | None:
    """A time in ISO 8601 as UTC, taken for UTC where it names no zone; None where it is none."""
    try:
        moment = parse_datetime(LOST_PLUS.sub(r"\1+\2", text.strip()))
        if moment is None:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or none left after the shift to UTC
        return None


class MomentField(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        moment = parse_moment(text)
        if moment is None:
            raise forms.ValidationError("Must be a time such as 2026-01-31T12:00:00Z.", code="invalid")
        return moment


class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]
    field_class = MomentField
