"""Websites over HTTP: list, find, add, change, delete."""

from typing import Any

from django.db import transaction
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import status, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from websites.api.filters import WebsiteFilter
from websites.api.metadata import ActionMetadata
from websites.api.pagination import WebsitePagination
from websites.api.parameters import KnownParameters, StrictOrderingFilter, StrictSearchFilter
from websites.api.serializers import NamedWebsiteSerializer, WebsiteNameSerializer, WebsiteSerializer
from websites.models import Website, WebsiteQuerySet


def get_website(websites: WebsiteQuerySet, **name: Any) -> Website:
    """The website of this name (`pk=`, `website_id=` or `website_url=`); raises `NotFound` with a sentence."""
    try:
        return websites.get(**name)
    except (Website.DoesNotExist, ValueError) as error:  # ValueError: more digits than Python reads
        field, value = next(iter(name.items()))
        kind = "URL" if field == "website_url" else "id"
        raise NotFound(f"There is no website with the {kind} {str(value)[:200]}.") from error


class WebsiteViewSet(KnownParameters, viewsets.ModelViewSet[Website]):
    """The websites that are watched."""

    queryset = Website.objects.all()
    # What bodies are read by, and what every answer is written by.
    serializer_class: Any = WebsiteSerializer
    named_serializer_class: type[BaseSerializer[Website]] = NamedWebsiteSerializer
    answer_class: type[BaseSerializer[Website]] = WebsiteSerializer
    pagination_class = WebsitePagination
    metadata_class = ActionMetadata
    filter_backends = (DjangoFilterBackend, StrictSearchFilter, StrictOrderingFilter)
    filterset_class: Any = WebsiteFilter
    search_fields = ("website_url",)
    ordering_fields = ("website_id", "website_url", "monitoring_interval")
    lookup_value_regex = "[0-9]+"

    def get_view_name(self) -> str:
        """What the browsable page is called, whatever class extends this one."""
        name: str = super().get_view_name()
        return {"List": "Websites", "Instance": "Website"}.get(self.suffix or "", name)

    def get_serializer_class(self) -> Any:
        return self.named_serializer_class if self.action == "update_named" else super().get_serializer_class()

    def get_object(self) -> Website:
        return get_website(Website.objects.all(), pk=self.kwargs["pk"])

    def get_locked(self, **name: Any) -> Website:
        """Like `get_website`, held until the transaction ends: nobody else changes or deletes it meanwhile.

        Rows that refer to it may be written: a worker that does so may hold what this transaction needs next.
        """
        return get_website(Website.objects.select_for_update(no_key=True), **name)

    def answer(self, website: Website, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.answer_class(website, context=self.get_serializer_context()).data, status=code)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Watch a website. It is checked at once, then every `monitoring_interval` seconds."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save(), status.HTTP_201_CREATED)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a website. What is not named stays as it is."""
        with transaction.atomic():
            return self.change(self.get_locked(pk=self.kwargs["pk"]), request)

    def update_named(self, request: Request) -> Response:
        """Change the website that the body names by `website_url` or `website_id`."""
        name = WebsiteNameSerializer(data=request.data)
        name.is_valid(raise_exception=True)
        field = "website_id" if "website_id" in name.validated_data else "website_url"
        with transaction.atomic():
            return self.change(self.get_locked(**{field: name.validated_data[field]}), request)

    def change(self, website: Website, request: Request) -> Response:
        serializer = self.get_serializer(website, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save())
