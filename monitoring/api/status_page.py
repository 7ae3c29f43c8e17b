"""The status page over HTTP: what the public is shown, as one document."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from monitoring.api.scope import ID_MAX, flag
from monitoring.models import ShownWebsite, StatusGroup, StatusPage
from monitoring.models.status_page import GROUPS_MAX, NAME_MAX_LENGTH, ONLY, SHOWN_MAX, check_name
from websites import locks
from websites.api.fields import WholeNumberField
from websites.api.metadata import ActionMetadata
from websites.api.serializers import StrictFields
from websites.models import Website

NON_FIELD_ERRORS_KEY = api_settings.NON_FIELD_ERRORS_KEY


class Whole(StrictFields):
    """Has all that is required also within a document of which parts may be left out."""

    def validate(self, attrs: Any) -> Any:
        missing = [name for name, field in self.fields.items() if field.required and name not in attrs]
        if missing:
            raise serializers.ValidationError({name: self.fields[name].error_messages["required"] for name in missing})
        return attrs


class ShownWebsiteSerializer(Whole):
    website_id = WholeNumberField(min_value=1, max_value=ID_MAX)
    name = serializers.CharField(
        max_length=NAME_MAX_LENGTH, validators=[check_name], help_text="By what the public knows it."
    )
    show_url = flag(ShownWebsite, "show_url")


class StatusGroupSerializer(Whole):
    name = serializers.CharField(
        max_length=NAME_MAX_LENGTH, allow_blank=True, help_text="Blank for those that stand in no group."
    )
    websites = ShownWebsiteSerializer(many=True)

    def validate_name(self, name: str) -> str:
        if name:
            check_name(name)
        return name


@extend_schema_field(StatusGroupSerializer(many=True))
class GroupsField(serializers.ListSerializer[Any]):
    """All groups with their websites, in the order of the page."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=StatusGroupSerializer(), max_length=GROUPS_MAX + 1, **kwargs)

    def get_attribute(self, instance: StatusPage) -> Any:
        websites: dict[int | None, list[ShownWebsite]] = defaultdict(list)
        for row in ShownWebsite.objects.all():
            websites[row.group_id].append(row)
        groups = [{"name": group.name, "websites": websites[group.pk]} for group in StatusGroup.objects.all()]
        return [{"name": "", "websites": websites[None]}, *groups] if websites[None] else groups

    def run_validation(self, data: Any = empty) -> Any:
        """Errors are sentences, as everywhere; each says first where it is."""
        try:
            return super().run_validation(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError(list(_sentences(error.detail))) from error

    def validate(self, attrs: Any) -> Any:
        names = [group["name"].casefold() for group in attrs]
        ids = [website["website_id"] for group in attrs for website in group["websites"]]
        if len(set(names)) < len(names):
            raise serializers.ValidationError("Name each group once.", code="unique")
        if len(ids) > SHOWN_MAX:
            raise serializers.ValidationError(f"A status page shows at most {SHOWN_MAX} websites.", code="max_length")
        if len(set(ids)) < len(ids):
            raise serializers.ValidationError("Name each website once.", code="unique")
        there = set(Website.objects.filter(pk__in=ids).order_by().values_list("pk", flat=True))
        if unknown := [pk for pk in ids if pk not in there]:
            raise serializers.ValidationError(f"There is no website with the id {unknown[0]}.", code="unknown")
        return attrs


def _sentences(detail: Any, place: str = "") -> Iterator[str]:
    """Of errors at any depth, such as `[0].websites[2].name: This field is required.`."""
    if isinstance(detail, Mapping):
        for name, errors in detail.items():
            part = f"[{name}]" if str(name).isdecimal() else "" if name == NON_FIELD_ERRORS_KEY else f".{name}"
            yield from _sentences(errors, place + part)
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for number, errors in enumerate(detail):
            yield from _sentences(errors, place if isinstance(errors, str) else f"{place}[{number}]")
    else:
        yield f"{place}: {detail}" if place else str(detail)


class StatusPageSerializer(StrictFields, serializers.ModelSerializer[StatusPage]):
    is_public = flag(StatusPage, "is_public")
    groups = GroupsField(required=False)

    class Meta:
        model = StatusPage
        fields = ("is_public", "title", "introduction", "days", "groups", "changed_at")

    def update(self, instance: StatusPage, validated_data: Any) -> StatusPage:
        groups = validated_data.pop("groups", None)
        saved = super().update(instance, validated_data)
        if groups is not None:
            _replace(groups)
        return saved


def _replace(groups: Sequence[Any]) -> None:
    """Put these groups and websites in place of those there are."""
    ShownWebsite.objects.all().delete()
    StatusGroup.objects.all().delete()
    for position, group in enumerate(groups):
        made = StatusGroup.objects.create(name=group["name"], position=position) if group["name"] else None
        ShownWebsite.objects.bulk_create(
            ShownWebsite(group=made, position=number, **website) for number, website in enumerate(group["websites"])
        )


class StatusPageViewSet(viewsets.GenericViewSet[StatusPage]):
    """The public status page at `/status`: whether it is on, and what it shows."""

    queryset = StatusPage.objects.all()
    serializer_class: Any = StatusPageSerializer
    metadata_class = ActionMetadata
    filter_backends = ()
    pagination_class = None

    def get_object(self) -> StatusPage:
        return StatusPage.objects.filter(pk=ONLY).first() or StatusPage()

    @extend_schema(description="The status page's settings, groups and websites.")
    def retrieve(self, request: Request) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        description="Change the status page. What is not named stays as it is; `groups` are replaced as a whole.",
        request=StatusPageSerializer(partial=True),
    )
    def update(self, request: Request) -> Response:
        with transaction.atomic():
            # Websites that are there stay there, until it is written down that they are shown.
            locks.one_at_a_time()
            StatusPage.objects.get_or_create(pk=ONLY)
            page = StatusPage.objects.select_for_update().get(pk=ONLY)
            serializer = self.get_serializer(page, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            serializer.save()
        return Response(serializer.data)

    @extend_schema(
        description="Change the status page. What is not named stays as it is; `groups` are replaced as a whole."
    )
    def partial_update(self, request: Request) -> Response:
        return self.update(request)
