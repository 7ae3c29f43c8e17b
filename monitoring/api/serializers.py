"""Websites with what is known of them, and monitoring data."""

import json
from collections.abc import Collection
from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from monitoring.current import certificate_of, latest_checks, state_of
from monitoring.models import Certificate, CheckError, Incident, IncidentKind, MonitoringData, State
from websites.api.serializers import NamedWebsiteSerializer, WebsiteSerializer
from websites.models import Website

STRING = {"type": "string"}
MATCHES = {
    "type": "array",
    "nullable": True,
    "items": {"oneOf": [STRING, {"type": "array", "items": STRING}]},
    "description": (
        "Every match of the website's regex: its text, that of its one group, or a list where it has several. "
        "Empty where nothing matched, null where there was no regex or no body to look in."
    ),
    "example": ["ok"],
}


def matches_of(stored: str) -> Any:
    """The list of matches that is stored as JSON."""
    try:
        return json.loads(stored)
    except ValueError:  # written by hand or by another program: shown as it is
        return [stored]


@extend_schema_field(MATCHES)
class MatchesField(serializers.Field[Any, Any, Any, Any]):
    """Stored as JSON text, answered as the list that it is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, read_only=True)

    def to_representation(self, value: str) -> Any:
        return matches_of(value)


class ErrorField(serializers.ChoiceField):
    """Declared, since the framework forgets of a field that is only read that it may be blank."""

    def __init__(self) -> None:
        super().__init__(CheckError.choices, allow_blank=True, read_only=True, help_text="Blank for none.")


class LastCheckSerializer(serializers.ModelSerializer[MonitoringData]):
    error = ErrorField()
    regex_response = MatchesField()

    class Meta:
        model = MonitoringData
        fields = (
            "entry_timestamp",
            "outcome",
            "http_status",
            "response_time",
            "error",
            "error_detail",
            "regex_response",
        )
        read_only_fields = fields


class MonitoringDataSerializer(serializers.ModelSerializer[MonitoringData]):
    website_id = serializers.IntegerField(read_only=True)
    website_url = serializers.CharField(source="website.website_url", read_only=True)
    error = ErrorField()
    regex_response = MatchesField()

    class Meta:
        model = MonitoringData
        fields = (
            "id",
            "website_id",
            "website_url",
            "entry_timestamp",
            "http_status",
            "response_time",
            "regex_response",
            "scheduled_at",
            "outcome",
            "error",
            "error_detail",
            "dns_time",
            "connect_time",
            "tls_time",
            "first_byte_time",
            "remote_ip",
        )
        read_only_fields = fields

    @classmethod
    def rows(cls) -> QuerySet[MonitoringData, dict[str, Any]]:
        """What it shows, as dictionaries: model objects would take most of the time of a page of a thousand."""
        columns = [name for name in cls.Meta.fields if name != "website_url"]
        rows: QuerySet[MonitoringData, dict[str, Any]] = MonitoringData.objects.values(
            *columns, website_url=F("website__website_url")
        )
        return rows

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """A row of `rows`, in the order of the fields."""
        shown = {name: instance[name] for name in self.Meta.fields}
        if shown["regex_response"] is not None:
            shown["regex_response"] = matches_of(shown["regex_response"])
        return shown


class CertificateSerializer(serializers.ModelSerializer[Certificate]):
    names = serializers.ListField(child=serializers.CharField(), read_only=True)
    days_left = serializers.IntegerField(read_only=True, help_text="Whole days; negative where it has expired.")

    class Meta:
        model = Certificate
        fields = ("host", "subject", "issuer", "names", "not_before", "not_after", "days_left", "seen_at")
        read_only_fields = fields


class OpenIncidentSerializer(serializers.ModelSerializer[Incident]):
    class Meta:
        model = Incident
        fields = ("id", "started_at")
        read_only_fields = fields


def open_outages(website_ids: Collection[int]) -> dict[int, Incident]:
    """The incidents in which those of the websites that are down are so, by website id, in one query."""
    open_ones = Incident.objects.filter(website__in=website_ids, kind=IncidentKind.DOWN, ended_at=None)
    return {incident.website_id: incident for incident in open_ones}


class _PageOfWebsites(serializers.ListSerializer[Website]):
    """Looks up the latest checks and the open incidents of all its websites at once."""

    def to_representation(self, data: Any) -> list[Any]:
        websites: list[Website] = list(data)
        website_ids = [website.pk for website in websites]
        self.child.latest = latest_checks(website_ids)  # type: ignore[union-attr]
        self.child.outages = open_outages(website_ids)  # type: ignore[union-attr]
        return super().to_representation(websites)


@extend_schema_serializer(component_name="Website")
class MonitoredWebsiteSerializer(WebsiteSerializer):
    latest: dict[int, MonitoringData] | None = None
    outages: dict[int, Incident] | None = None
    state = serializers.SerializerMethodField()
    last_check = serializers.SerializerMethodField()
    incident = serializers.SerializerMethodField(help_text="The one in which it is down; null where it is not.")
    certificate = serializers.SerializerMethodField()

    class Meta(WebsiteSerializer.Meta):
        fields = (*WebsiteSerializer.Meta.fields, "state", "last_check", "incident", "certificate")
        list_serializer_class = _PageOfWebsites

    @extend_schema_field(serializers.ChoiceField(choices=State.choices))
    def get_state(self, website: Website) -> str:
        return state_of(website).value

    @extend_schema_field(LastCheckSerializer(allow_null=True))
    def get_last_check(self, website: Website) -> Any:
        latest = latest_checks([website.pk]) if self.latest is None else self.latest
        check = latest.get(website.pk)
        return None if check is None else LastCheckSerializer(check).data

    @extend_schema_field(OpenIncidentSerializer(allow_null=True))
    def get_incident(self, website: Website) -> Any:
        outages = open_outages([website.pk]) if self.outages is None else self.outages
        incident = outages.get(website.pk)
        return None if incident is None else OpenIncidentSerializer(incident).data

    @extend_schema_field(CertificateSerializer(allow_null=True))
    def get_certificate(self, website: Website) -> Any:
        certificate = certificate_of(website)
        return None if certificate is None else CertificateSerializer(certificate).data


@extend_schema_serializer(component_name="NamedWebsite")
class MonitoredNamedWebsiteSerializer(NamedWebsiteSerializer, MonitoredWebsiteSerializer):
    class Meta(MonitoredWebsiteSerializer.Meta):
        pass
