"""What lists of websites can be narrowed by."""

from typing import Any

from django import forms
from django_filters import rest_framework as filters

from websites.models import Website, WebsiteQuerySet
from websites.tags import normal_tag
from websites.written_values import is_whole_number, read_flag


class FlagField(forms.CharField):
    """True or false; anything else is an error, where Django's own would quietly mean "not given"."""

    def clean(self, value: Any) -> bool | None:
        text = super().clean(value)
        try:
            return read_flag(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from error


class FlagFilter(filters.BooleanFilter):  # type: ignore[misc]
    field_class = FlagField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Select(choices=[("", "any"), ("true", "yes"), ("false", "no")]))
        super().__init__(*args, **kwargs)


class WholeNumberField(forms.IntegerField):
    def to_python(self, value: Any) -> int | None:
        if value not in self.empty_values and not is_whole_number(str(value)):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class IntegerFilter(filters.NumberFilter):  # type: ignore[misc]
    field_class = WholeNumberField


class TagField(forms.CharField):
    def clean(self, value: Any) -> str:
        text = super().clean(value)
        return normal_tag(text) if text else ""


class TagFilter(filters.CharFilter):  # type: ignore[misc]
    field_class = TagField


class WebsiteFilter(filters.FilterSet):  # type: ignore[misc]
    is_active = FlagFilter(label="active", help_text="Only websites that are watched, or only paused ones.")
    monitoring_interval = IntegerFilter(label="interval", help_text="Seconds, exactly.")
    monitoring_interval_min = IntegerFilter(
        "monitoring_interval", "gte", label="interval from", help_text="Seconds, at least."
    )
    monitoring_interval_max = IntegerFilter(
        "monitoring_interval", "lte", label="interval to", help_text="Seconds, at most."
    )
    tag = TagFilter(method="tagged", label="tag", help_text="Only websites with exactly this tag, in any case.")

    class Meta:
        model = Website
        fields: tuple[str, ...] = ()

    def tagged(self, websites: WebsiteQuerySet, _name: str, tag: str) -> WebsiteQuerySet:
        return websites.tagged(tag)


class KeywordFilter(WebsiteFilter):
    keyword = filters.CharFilter(
        "website_url", "icontains", required=True, label="keyword", help_text="Any part of the URL, in any case."
    )
