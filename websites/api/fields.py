"""Serializer fields that know how values are written down."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils.html import is_html_input

from websites import tags
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


class NumberField(serializers.FloatField):
    """A number, or its text in ASCII digits; the framework takes true for one, and the digits of every script."""

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


@extend_schema_field(
    {"type": "array", "maxItems": tags.TAGS_MAX, "items": {"type": "string", "maxLength": tags.TAG_MAX_LENGTH}}
)
class TagsField(serializers.Field[str, Any, list[str], Any]):
    """A list of texts, in a form one text with commas between; kept as `websites.tags` does."""

    initial: Any = ()
    default_error_messages = {"invalid": "Expected a list of strings."}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"base_template": "tags.html"})
        super().__init__(**kwargs)

    def get_value(self, dictionary: Mapping[Any, Any]) -> Any:
        if not is_html_input(dictionary):
            return super().get_value(dictionary)
        if self.field_name not in dictionary:
            return empty
        # Named twice in a form, it has the tags of both.
        written: list[Any] = dictionary.getlist(self.field_name)  # type: ignore[attr-defined]
        if not all(isinstance(text, str) for text in written):  # an uploaded file
            return written
        return [part for text in written for part in text.split(",") if part.strip()]

    def to_internal_value(self, data: Any) -> str:
        if not (isinstance(data, list) and all(isinstance(tag, str) for tag in data)):
            self.fail("invalid")
        # Serializers turn Django's ValidationError into the field's error.
        return tags.store(data)

    def to_representation(self, value: str) -> list[str]:
        return tags.read(value)


class FlagField(serializers.BooleanField):
    """A boolean that a form may leave out like any other field.

    Browsers do not send an unticked box, so the framework takes a missing one for False, which would pause every
    website added by a short form. Here missing means missing, and the browsable form has a yes/no choice instead.
    """

    default_empty_html = empty

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"base_template": "yes_no.html"})
        super().__init__(**kwargs)
