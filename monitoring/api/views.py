"""Websites with their state, what to do with them, and what watching them showed."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from monitoring import schedule
from monitoring.api.filters import MonitoredWebsiteFilter, MonitoringDataFilter
from monitoring.api.pagination import MonitoringDataPagination
from monitoring.api.serializers import (
    MonitoredNamedWebsiteSerializer,
    MonitoredWebsiteSerializer,
    MonitoringDataSerializer,
)
from monitoring.api.statistics import WebsiteStatistics
from monitoring.models import MonitoringData
from websites.api.parameters import KnownParameters
from websites.api.permissions import ChangePermissions
from websites.api.views import WebsiteViewSet
from websites.models import Website

ACCEPTED = OpenApiResponse(MonitoredWebsiteSerializer, "Accepted.")
on_one_website: dict[str, Any] = {
    "detail": True,
    "methods": ["post"],
    "permission_classes": [ChangePermissions],
    "serializer_class": Serializer,
}


class Paused(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This website is paused. Resume it to have it checked."
    default_code = "paused"


@extend_schema_view(
    list=extend_schema(description="All websites, a page at a time."),
    retrieve=extend_schema(description="One website."),
    partial_update=extend_schema(description="Change a website. What is not named stays as it is."),
    update=extend_schema(request=MonitoredWebsiteSerializer(partial=True)),
    destroy=extend_schema(description="Stop watching a website and delete its monitoring data."),
)
class MonitoredWebsiteViewSet(WebsiteStatistics, WebsiteViewSet):
    """The websites that are watched, what they are now, and their latest check."""

    queryset = Website.objects.select_related("current_state", "certificate")
    serializer_class: Any = MonitoredWebsiteSerializer
    named_serializer_class = MonitoredNamedWebsiteSerializer
    answer_class = MonitoredWebsiteSerializer
    filterset_class: Any = MonitoredWebsiteFilter

    @extend_schema(
        operation_id="websites_update_named",
        request=MonitoredNamedWebsiteSerializer(partial=True),
        responses=MonitoredWebsiteSerializer,
        filters=False,
    )
    def update_named(self, request: Request) -> Response:
        """Change the website that the body names by `website_url` or `website_id`.

        What is not named stays as it is. With both, the website of that id gets that URL.
        """
        return super().update_named(request)

    @extend_schema(request=None, responses={202: ACCEPTED, 409: OpenApiResponse(OpenApiTypes.OBJECT, "Paused.")})
    @action(**on_one_website)
    def check(self, request: Request, pk: str) -> Response:
        """Check a website now. The answer does not wait for the check."""
        with transaction.atomic():
            website = self.get_locked(pk=pk)
            if not schedule.request_check([website.pk]):
                raise Paused
        return self.answer(website, status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: ACCEPTED})
    @action(**on_one_website)
    def pause(self, request: Request, pk: str) -> Response:
        """Stop checking a website; what was seen is kept."""
        return self.activate(active=False)

    @extend_schema(request=None, responses={202: ACCEPTED})
    @action(**on_one_website)
    def resume(self, request: Request, pk: str) -> Response:
        """Check a paused website again, at once and then in its interval."""
        return self.activate(active=True)

    def activate(self, *, active: bool) -> Response:
        with transaction.atomic():
            website = self.get_locked(pk=self.kwargs["pk"])
            if website.is_active != active:
                website.is_active = active
                website.save(update_fields=["is_active"])
        return self.answer(website, status.HTTP_202_ACCEPTED)


NEWEST_FIRST = "Checks, newest first, a page at a time. Name one website by `website_url` or `website_id`, or none."


@extend_schema_view(
    list=extend_schema(description=NEWEST_FIRST),
    retrieve=extend_schema(
        description="One check.",
        parameters=[OpenApiParameter("id", OpenApiTypes.INT64, OpenApiParameter.PATH)],
    ),
)
class MonitoringDataViewSet(
    KnownParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[MonitoringData]
):
    """What the checks saw."""

    queryset = MonitoringData.objects.all()
    serializer_class = MonitoringDataSerializer
    pagination_class = MonitoringDataPagination
    filter_backends = (DjangoFilterBackend,)
    filterset_class = MonitoringDataFilter
    lookup_value_regex = "[0-9]+"

    def get_queryset(self) -> QuerySet[MonitoringData, Any]:
        return MonitoringDataSerializer.rows()

    def get_object(self) -> Any:
        try:
            return self.get_queryset().get(pk=self.kwargs["pk"])
        except (MonitoringData.DoesNotExist, ValueError) as error:  # ValueError: more digits than Python reads
            raise NotFound("There is no such check; old ones are deleted.") from error
