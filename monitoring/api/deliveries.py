"""Deliveries over HTTP: what was sent through which channel, and what became of it."""

from typing import Any

from django.db.models import F, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from monitoring.api.pagination import MonitoringDataPagination
from monitoring.models import Channel, Delivery, DeliveryAttempt
from monitoring.notifications import deliveries
from websites.api.filters import IntegerFilter
from websites.api.metadata import ActionMetadata
from websites.api.parameters import KnownParameters
from websites.api.permissions import ChangePermissions


class NotFailed(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "Only a delivery that failed is sent again, and this one did not."
    default_code = "not_failed"


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    channel_id = serializers.IntegerField(read_only=True)
    channel_name = serializers.CharField(read_only=True)
    due_at = serializers.SerializerMethodField(help_text="When it is tried next; null where it is not.")
    attempt_count = serializers.IntegerField(source="attempts", read_only=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            "id",
            "channel_id",
            "channel_name",
            "key",
            "title",
            "text",
            "status",
            "created_at",
            "due_at",
            "sent_at",
            "attempt_count",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_due_at(self, delivery: Delivery) -> str | None:
        if delivery.status != Delivery.Status.PENDING:
            return None
        return str(serializers.DateTimeField().to_representation(delivery.due_at))


class DeliveryAttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ("begun_at", "seconds", "is_delivered", "detail")
        read_only_fields = fields


class DeliveryWithAttemptsSerializer(DeliverySerializer):
    attempts = DeliveryAttemptSerializer(source="attempt_set", many=True, read_only=True)

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "attempts")
        read_only_fields = fields


class DeliveryFilter(filters.FilterSet):  # type: ignore[misc]
    channel = IntegerFilter(method="of_channel", label="channel", help_text="The id of a channel: only what it sent.")
    status = filters.ChoiceFilter(choices=Delivery.Status.choices, help_text="Only deliveries with this status.")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = ()

    def of_channel(self, rows: QuerySet[Delivery], _name: str, value: int) -> QuerySet[Delivery]:
        if not Channel.objects.filter(pk=value).exists():
            raise NotFound(f"There is no channel with the id {value}.")
        return rows.filter(channel=value)


class DeliveryPagination(MonitoringDataPagination):
    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("-created_at", "-id")


@extend_schema_view(
    list=extend_schema(description="Deliveries, newest first, a page at a time."),
    retrieve=extend_schema(description="One delivery, with every attempt to send it."),
)
class DeliveryViewSet(
    KnownParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Delivery]
):
    """Messages to channels."""

    queryset = Delivery.objects.annotate(channel_name=F("channel__name")).defer("payload")
    serializer_class: Any = DeliverySerializer
    pagination_class = DeliveryPagination
    metadata_class = ActionMetadata
    filter_backends = (filters.DjangoFilterBackend,)
    filterset_class: Any = DeliveryFilter
    lookup_value_regex = "[0-9]+"

    def get_serializer_class(self) -> Any:
        return DeliveryWithAttemptsSerializer if self.action == "retrieve" else super().get_serializer_class()

    def get_object(self) -> Any:
        try:
            return self.get_queryset().get(pk=self.kwargs["pk"])
        except (Delivery.DoesNotExist, ValueError) as error:  # ValueError: more digits than Python reads
            raise NotFound("There is no such delivery.") from error

    @extend_schema(
        request=None,
        responses={
            202: OpenApiResponse(DeliverySerializer, "Accepted."),
            409: OpenApiResponse(OpenApiTypes.OBJECT, "It did not fail."),
        },
    )
    @action(detail=True, methods=["post"], permission_classes=[ChangePermissions], serializer_class=Serializer)
    def replay(self, request: Request, pk: str) -> Response:
        """Have a delivery that failed sent again, at once and for a day more. The answer does not wait for it."""
        if not deliveries.replay([self.get_object()]):
            raise NotFailed
        return Response(DeliverySerializer(self.get_object()).data, status=status.HTTP_202_ACCEPTED)
