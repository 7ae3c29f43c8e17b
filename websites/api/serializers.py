"""Websites as the API reads and writes them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.validators import UniqueValidator

from websites.api.fields import FlagField, UrlField, WholeNumberField
from websites.api.parameters import refusals
from websites.models import Website

TAKEN = "A website with this URL exists already."
# What browsers' forms send along.
FORM_FIELDS = {"csrfmiddlewaretoken"}


class StrictFields(serializers.Serializer[Any]):
    """Refuses fields that do not exist, so that a typo is never silently dropped.

    Read-only fields are let pass: people send back what they got.
    """

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            errors |= refusals(data.keys() - FORM_FIELDS, self.fields.keys(), "field")
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            if not errors or not isinstance(error.detail, dict):
                raise
            errors |= error.detail
        if errors:
            raise ValidationError(errors)
        return values


class WebsiteSerializer(StrictFields, serializers.ModelSerializer[Website]):
    serializer_field_mapping = {  # noqa: RUF012
        model_field: WholeNumberField if field is serializers.IntegerField else field
        for model_field, field in serializers.ModelSerializer.serializer_field_mapping.items()
    }
    website_url = UrlField(
        label="URL",
        help_text=Website._meta.get_field("website_url").help_text,
        validators=[UniqueValidator(Website.objects.all(), message=TAKEN)],
    )
    is_active = FlagField(
        label="Active", required=False, initial=True, help_text="A website that is not active is paused."
    )

    class Meta:
        model = Website
        fields: tuple[str, ...] = ("website_id", "website_url", "monitoring_interval", "regex", "is_active")
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {"regex": {"trim_whitespace": False}}

    def validate_regex(self, regex: str | None) -> str | None:
        return regex or None

    def save(self, **kwargs: Any) -> Website:
        """Save; a URL that somebody else took since validation is the same field error as before it."""
        try:
            with transaction.atomic():
                return super().save(**kwargs)
        except IntegrityError as error:
            others = Website.objects.exclude(pk=self.instance.pk) if self.instance else Website.objects.all()
            if not others.filter(website_url=self.validated_data.get("website_url")).exists():
                raise
            raise ValidationError({"website_url": [TAKEN]}, code="unique") from error


class NamedWebsiteSerializer(WebsiteSerializer):
    """A change whose body also says which website is meant."""

    website_id = WholeNumberField(
        label="ID", required=False, min_value=1, help_text="Which website; its URL says so where this is left out."
    )


class WebsiteNameSerializer(serializers.Serializer[Any]):
    """What names a website in a body: `website_id`, or else `website_url`."""

    website_id = WholeNumberField(required=False, min_value=1)
    website_url = UrlField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise ValidationError({"website_url": ["Name the website by website_url or by website_id."]})
        return attrs
