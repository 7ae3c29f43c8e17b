"""What channels and maintenance windows have in common: a name, and which websites they are about."""

from collections.abc import Mapping
from datetime import time
from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.html import is_html_input

from monitoring.models.scope import FOR_NONE, is_for_none
from monitoring.wall_clock import refuse_offset
from websites import locks
from websites.api.fields import FlagField, TagsField, WholeNumberField
from websites.api.metadata import ActionMetadata
from websites.api.pagination import WebsitePagination
from websites.api.parameters import KnownParameters
from websites.api.serializers import StrictFields, WebsiteSerializer
from websites.models import Website

WEBSITES_MAX = 1_000
# A bigint's largest.
ID_MAX = 2**63 - 1
CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"
_ID = WholeNumberField(min_value=1, max_value=ID_MAX)
# Websites are large, and nothing but their ids is shown.
WITH_WEBSITE_IDS = Prefetch("websites", Website.objects.only("pk").order_by())


@extend_schema_field(
    {"type": "array", "maxItems": WEBSITES_MAX, "items": {"type": "integer", "minimum": 1, "maximum": ID_MAX}}
)
class WebsiteIdsField(serializers.Field[list[int], Any, list[int], Any]):
    """Ids of websites that there are, each once; looked up together."""

    initial: Any = ()
    default_error_messages = {  # noqa: RUF012
        "not_a_list": "Expected a list of ids of websites.",
        "too_many": f"Name at most {WEBSITES_MAX} websites, or a tag that they share.",
        "unknown": "There is no website with the id {unknown}.",
    }

    def get_value(self, dictionary: Mapping[Any, Any]) -> Any:
        if not is_html_input(dictionary):
            return super().get_value(dictionary)
        written: list[Any] = dictionary.getlist(self.field_name)  # type: ignore[attr-defined]
        # A form that names none leaves them as they are.
        return [text for text in written if text != ""] or empty

    def to_internal_value(self, data: Any) -> list[int]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        if len(data) > WEBSITES_MAX:
            self.fail("too_many")
        website_ids = list(dict.fromkeys(_ID.run_validation(item) for item in data))
        there = set(Website.objects.filter(pk__in=website_ids).order_by().values_list("pk", flat=True))
        if unknown := [pk for pk in website_ids if pk not in there]:
            self.fail("unknown", unknown=unknown[0])
        return website_ids

    def to_representation(self, value: Any) -> list[int]:
        return sorted(website.pk for website in value.all())


# OpenAPI's format "time" is one with an offset from UTC, and these are what clocks show.
@extend_schema_field({"type": "string", "pattern": CLOCK_TIME, "example": "22:30:00"})
class ClockTimeField(serializers.TimeField):
    def to_internal_value(self, value: Any) -> time:
        # Serializers turn Django's ValidationError into the field's error.
        refuse_offset(value)
        return super().to_internal_value(value)


def flag(model: type[models.Model], name: str) -> FlagField:
    """The serializer's field of one of a model's flags."""
    model_field: Any = model._meta.get_field(name)
    return FlagField(
        label=model_field.verbose_name.capitalize(),
        required=False,
        initial=model_field.default,
        help_text=model_field.help_text or None,
    )


class ScopeSerializer(StrictFields, serializers.ModelSerializer[Any]):
    serializer_field_mapping = {  # noqa: RUF012
        **WebsiteSerializer.serializer_field_mapping,
        models.TimeField: ClockTimeField,
    }
    tags = TagsField(
        required=False, help_text="For websites with any of these tags. Without tags and websites: for all."
    )
    websites = WebsiteIdsField(required=False, help_text="Ids of websites that it is for besides.")
    for_all = FlagField(
        required=False,
        help_text="Whether it is for all websites. With tags or websites it is not; once those it was for are deleted, "
        "it is off and for none, until others are chosen or this is set to true.",
    )

    def whom(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What follows for `websites_gone`; takes `for_all` out of what is to be saved. Raises `ValidationError`."""
        model: Any = self.Meta.model
        scope = self.instance or model()
        tags = attrs.get("tags", scope.tags)
        websites = attrs.get("websites", scope.pk and scope.websites.all())
        is_gone = is_for_none(
            is_chosen=bool(tags or websites), is_gone=scope.websites_gone, for_all=attrs.pop("for_all", None)
        )
        if is_gone and attrs.get("is_active", scope.is_active):
            raise ValidationError({"websites": [FOR_NONE.format("set for_all to true")]}, code="for_none")
        return {"websites_gone": is_gone}

    def save(self, **kwargs: Any) -> Any:
        """Save; a name that somebody else took since validation is the same field error as before it."""
        model: Any = self.Meta.model
        try:
            with transaction.atomic():
                return super().save(**kwargs)
        except IntegrityError as error:
            others = model.objects.exclude(pk=self.instance.pk) if self.instance else model.objects.all()
            if not others.filter(name=self.validated_data.get("name")).exists():
                raise
            words = model._meta.get_field("name").error_messages["unique"]
            raise ValidationError({"name": [words]}, code="unique") from error


class ScopeViewSet(KnownParameters, viewsets.ModelViewSet[Any]):
    pagination_class = WebsitePagination
    metadata_class = ActionMetadata
    filter_backends = ()
    lookup_value_regex = "[0-9]+"
    # A sentence for where there is none.
    no_such: ClassVar[str]

    def get_object(self) -> Any:
        return self.get_named(self.get_queryset())

    def get_named(self, rows: Any) -> Any:
        try:
            return rows.get(pk=self.kwargs["pk"])
        except (rows.model.DoesNotExist, ValueError) as error:  # ValueError: more digits than Python reads
            raise NotFound(self.no_such) from error

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            # Websites that are there stay there, until it is written down that it is for them.
            locks.one_at_a_time()
            return super().create(request, *args, **kwargs)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            locks.one_at_a_time()
            row = self.get_named(self.get_queryset().select_for_update(no_key=True))
            serializer = self.get_serializer(row, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            serializer.save()
        return Response(serializer.data)
