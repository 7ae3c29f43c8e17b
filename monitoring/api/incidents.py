"""Incidents over HTTP: what was wrong, from when to when, and who looks after it."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.acknowledgements import acknowledge
from monitoring.api.filters import OfWebsiteFilter
from monitoring.api.moments import MomentFilter
from monitoring.api.pagination import MonitoringDataPagination
from monitoring.models import CheckError, EndReason, Incident, IncidentKind
from monitoring.models.states import NOTE_MAX_LENGTH
from websites import locks
from websites.api.filters import FlagFilter
from websites.api.metadata import ActionMetadata
from websites.api.parameters import KnownParameters
from websites.api.permissions import VIEW, ModelPermissions
from websites.api.serializers import StrictFields

MOMENT = {"type": "string", "format": "date-time", "nullable": True}
BETWEEN = {"type": "array", "minItems": 2, "maxItems": 2, "items": MOMENT}
NO_SUCH_INCIDENT = "There is no such incident."

_written = serializers.DateTimeField().to_representation


@extend_schema_field(BETWEEN)
class BetweenField(serializers.Field[Any, Any, Any, Any]):
    """The moments of two fields of a row, such as `started_after` and `started_before`; null where none is known."""

    def __init__(self, after: str, before: str, **kwargs: Any) -> None:
        super().__init__(**kwargs, source="*", read_only=True)
        self._names = after, before

    def to_representation(self, value: Any) -> list[str | None]:
        moments: list[datetime | None] = [getattr(value, name) for name in self._names]
        return [None if moment is None else _written(moment) for moment in moments]


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    website_id = serializers.IntegerField(read_only=True)
    website_url = serializers.CharField(read_only=True)
    end_reason = serializers.ChoiceField(EndReason.choices, allow_blank=True, read_only=True)
    error = serializers.ChoiceField(CheckError.choices, allow_blank=True, read_only=True)
    started_between = BetweenField(
        "started_after",
        "started_before",
        help_text=(
            "It began after the first and before the second moment; null where no earlier check is known. Where that "
            "check is gone, the first is the beginning of its hour."
        ),
    )
    ended_between = BetweenField(
        "ended_after",
        "ended_before",
        help_text="The same of its end; nulls while it lasts, or where no check ended it.",
    )
    acknowledged_by = serializers.CharField(
        source="acknowledged_by_name", read_only=True, allow_null=True, help_text="A user's name."
    )

    class Meta:
        model = Incident
        fields = (
            "id",
            "website_id",
            "website_url",
            "kind",
            "started_at",
            "started_between",
            "ended_at",
            "ended_between",
            "opened_at",
            "closed_at",
            "end_reason",
            "http_status",
            "error",
            "error_detail",
            "remote_ip",
            "acknowledged_at",
            "acknowledged_by",
            "note",
        )
        read_only_fields = fields


class AcknowledgementSerializer(StrictFields):
    note = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=NOTE_MAX_LENGTH,
        style={"base_template": "textarea.html", "rows": 3},
        help_text="What others should know. Left out, it stays as it is.",
    )


class IncidentFilter(OfWebsiteFilter):
    kind = filters.ChoiceFilter(choices=IncidentKind.choices, help_text="Only incidents of this kind.")
    open = FlagFilter("ended_at", "isnull", label="open", help_text="Only incidents that last, or only ended ones.")
    since = MomentFilter("started_at", "gte", help_text="Incidents that began at this time or later (UTC).")
    until = MomentFilter("started_at", "lt", help_text="Incidents that began before this time (UTC).")

    class Meta:
        model = Incident
        fields: tuple[str, ...] = ()


class IncidentPagination(MonitoringDataPagination):
    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("-started_at", "-id")


class AcknowledgePermissions(ModelPermissions):
    """Whoever may change websites may say that somebody looks after one."""

    perms_map = {**ModelPermissions.perms_map, "POST": [*VIEW, "websites.change_website"]}  # noqa: RUF012


NEWEST_FIRST = "Incidents, newest first, a page at a time. Name one website by `website_url` or `website_id`, or none."


@extend_schema_view(
    list=extend_schema(description=NEWEST_FIRST),
    retrieve=extend_schema(description="One incident."),
)
class IncidentViewSet(
    KnownParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Incident]
):
    """Times in which something was wrong with a website."""

    # Websites are large; of each incident's, only the URL is shown.
    queryset = Incident.objects.annotate(
        website_url=F("website__website_url"), acknowledged_by_name=F("acknowledged_by__username")
    )
    serializer_class: Any = IncidentSerializer
    pagination_class = IncidentPagination
    metadata_class = ActionMetadata
    filter_backends = (filters.DjangoFilterBackend,)
    filterset_class: Any = IncidentFilter
    lookup_value_regex = "[0-9]+"

    def get_object(self) -> Any:
        try:
            return self.get_queryset().get(pk=self.kwargs["pk"])
        except (Incident.DoesNotExist, ValueError) as error:  # ValueError: more digits than Python reads
            raise NotFound(NO_SUCH_INCIDENT) from error

    @extend_schema(request=AcknowledgementSerializer, responses=IncidentSerializer)
    @action(
        detail=True,
        methods=["post"],
        permission_classes=[AcknowledgePermissions],
        serializer_class=AcknowledgementSerializer,
    )
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Say that you look after an incident, which ends its reminders; said again, it changes the note.

        The server notes who was the first to say so, and when. An incident that has ended may be acknowledged too.
        """
        wish = self.get_serializer(data=request.data)
        wish.is_valid(raise_exception=True)
        with transaction.atomic():
            # Held, so that it does not go with its website meanwhile.
            locks.hold_to_change(Incident, [self.get_object().pk])
            acknowledge(self.get_object().pk, cast("User", request.user), wish.validated_data.get("note"))
            return Response(IncidentSerializer(self.get_object()).data)
