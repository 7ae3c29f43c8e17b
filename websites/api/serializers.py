"""Websites as the API reads and writes them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.validators import UniqueValidator

from websites import http_auth
from websites.api.fields import FlagField, NumberField, TagsField, UrlField, WholeNumberField, WordField
from websites.api.parameters import refusals
from websites.models import Website
from websites.request_options import IpVersion, Method, check_together
from websites.tags import TAG_MAX_LENGTH, TAGS_MAX

TAKEN = "A website with this URL exists already."
# What browsers' forms send along.
FORM_FIELDS = {"csrfmiddlewaretoken"}
STRICT_FIELDS: dict[type[serializers.Field[Any, Any, Any, Any]], type[serializers.Field[Any, Any, Any, Any]]] = {
    serializers.IntegerField: WholeNumberField,
    serializers.FloatField: NumberField,
}


def help_text(name: str) -> str:
    return str(Website._meta.get_field(name).help_text)  # type: ignore[union-attr]


def flag(name: str) -> FlagField:
    """The serializer's field of one of a website's flags."""
    model_field: Any = Website._meta.get_field(name)
    return FlagField(
        label=model_field.verbose_name.capitalize(),
        required=False,
        initial=model_field.default,
        help_text=model_field.help_text,
    )


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
        model_field: STRICT_FIELDS.get(field, field)
        for model_field, field in serializers.ModelSerializer.serializer_field_mapping.items()
    }
    website_url = UrlField(
        label="URL",
        help_text=help_text("website_url"),
        validators=[UniqueValidator(Website.objects.all(), message=TAKEN)],
    )
    tags = TagsField(
        required=False,
        help_text=f"Words to find the website by: at most {TAGS_MAX}, each of at most {TAG_MAX_LENGTH} characters.",
    )
    is_active = flag("is_active")
    regex_must_match = flag("regex_must_match")
    method = WordField(Method.choices, required=False, help_text="The method of the request.")
    http_auth = serializers.CharField(
        label="Credentials",
        required=False,
        allow_null=True,
        allow_blank=True,
        write_only=True,
        max_length=http_auth.MAX_LENGTH,
        style={"base_template": "secret.html"},
        help_text=f"{http_auth.HOW_TO_WRITE} Kept encrypted and never answered; null or blank forgets them.",
    )
    http_auth_scheme = serializers.SerializerMethodField(help_text="Basic, Bearer, or blank without credentials.")
    follow_redirects = flag("follow_redirects")
    verify_tls = flag("verify_tls")
    ip_version = WordField(IpVersion.choices, required=False, help_text="Dial addresses of this version of IP only.")
    alert_on_value_change = flag("alert_on_value_change")
    alert_on_value_missing = flag("alert_on_value_missing")

    class Meta:
        model = Website
        fields: tuple[str, ...] = (
            "website_id",
            "website_url",
            "monitoring_interval",
            "tags",
            "regex",
            "is_active",
            "regex_must_match",
            "accepted_statuses",
            "timeout",
            "method",
            "request_headers",
            "request_body",
            "http_auth",
            "http_auth_scheme",
            "follow_redirects",
            "verify_tls",
            "ip_version",
            "failures_before_down",
            "successes_before_up",
            "slow_threshold",
            "slow_checks",
            "alert_on_value_change",
            "alert_on_value_missing",
            "value_min",
            "value_max",
        )
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {
            "regex": {"trim_whitespace": False},
            "request_headers": {"style": {"base_template": "textarea.html", "rows": 3}},
            "request_body": {"trim_whitespace": False, "style": {"base_template": "textarea.html", "rows": 3}},
        }

    @extend_schema_field({"type": "string", "enum": ["", "Basic", "Bearer"]})
    def get_http_auth_scheme(self, website: Website) -> str:
        return http_auth.scheme_of(website.http_auth)

    def validate_regex(self, regex: str | None) -> str | None:
        return regex or None

    def validate_http_auth(self, written: str | None) -> str:
        return http_auth.seal(written) if written else ""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        website = self.instance or Website()
        check_together(vars(website) | attrs)
        if website.http_auth and "http_auth" not in attrs:
            http_auth.refuse_elsewhere(website.website_url, attrs.get("website_url", website.website_url))
        return attrs

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
