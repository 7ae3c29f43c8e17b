"""Serializer fields that know how values are written down."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from websites.validators import URL_MAX_LENGTH, normalise_url
from websites.written_values import BAD_NUMBER, is_number, is_whole_number, read_word


class UrlField(serializers.CharField):
    """An http(s) URL, given in any spelling, kept in its one normal spelling."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", URL_MAX_LENGTH)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        # Serializers turn Django's ValidationError into the field's error.
        return normalise_url(super().to_internal_value(data))


class WholeNumberField(serializers.IntegerField):
    """A number, or its text in ASCII digits; the framework reads the digits of every script."""

    default_error_messages = {"invalid": BAD_NUMBER}  # noqa: RUF012

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and len(data) <= self.MAX_STRING_LENGTH and not is_whole_number(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class SecondsField(serializers.FloatField):
    """A number of seconds; the framework takes true for one, and the digits of every script."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or (isinstance(data, str) and not is_number(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


class WordField(serializers.ChoiceField):
    """One of a few words, in any case; what they are is said where it is none of them."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return read_word(str(data) if isinstance(data, str | int) else "", self.choices)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="invalid_choice") from error


class FlagField(serializers.BooleanField):
    """A boolean that a form may leave out like any other field.

    Browsers do not send an unticked box, so the framework takes a missing one for False, which would pause every
    website added by a short form. Here missing means missing, and the browsable form has a yes/no choice instead.
    """

    default_empty_html = empty

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"base_template": "yes_no.html"})
        super().__init__(**kwargs)
