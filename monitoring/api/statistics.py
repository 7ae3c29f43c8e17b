"""What checks of one website showed, over HTTP: in numbers, as a series, as values, and as a badge."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from monitoring import statistics, values, website_badges, windows
from monitoring.api.badges import (
    ANY_BADGE,
    BADGE_PARAMETERS,
    AnyAccept,
    BadgeForm,
    BadgePermissions,
    StatisticsPermissions,
    is_public_path,
)
from monitoring.api.pagination import MonitoringDataPagination
from monitoring.api.windows import (
    POINTS,
    POINTS_PARAMETER,
    WINDOW_PARAMETERS,
    SeriesForm,
    WindowForm,
    read_form,
    read_window,
    told,
)
from monitoring.figures import PERCENTILES, facts, figures
from monitoring.models import ExtractedValue
from monitoring.statistics import PHASES, Point
from websites.api.permissions import VIEW, ModelPermissions
from websites.models import Website

# Seconds that a badge may be kept: pages that show many ask for each of them at every look.
BADGE_AGE = 60


def _number(help_text: str) -> serializers.Field[Any, Any, Any, Any]:
    return serializers.FloatField(allow_null=True, help_text=help_text)


SHARE = "0 to 1; null where there was nothing."
OutagesSerializer = inline_serializer(
    "Outages",
    {
        "count": serializers.IntegerField(help_text="Incidents of the kind down that were within the window."),
        "at_least": serializers.FloatField(help_text="Seconds for which it was seen down."),
        "at_most": serializers.FloatField(help_text="Seconds for which it may have been down."),
    },
)
ResponseTimesSerializer = inline_serializer(
    "ResponseTimes",
    {name: _number("Seconds.") for name in ("mean", "min", "max")}
    | {f"p{percent}": _number("Seconds, off by at most 5 %.") for percent in PERCENTILES},
)
PhasesSerializer = inline_serializer("Phases", {name: _number("Mean seconds.") for name in PHASES})
# "from" is no name that a class body takes.
PointSerializer = inline_serializer(
    "Point",
    {
        "from": serializers.DateTimeField(),
        "to": serializers.DateTimeField(),
        "uptime": _number(SHARE),
        "coverage": _number(SHARE),
        "p50": _number("Seconds."),
        "p95": _number("Seconds."),
        "count": serializers.IntegerField(help_text="Checks that said something of the website."),
    },
    many=True,
)


class OfWindowSerializer(serializers.Serializer[Any]):
    website_id = serializers.IntegerField()
    since = serializers.DateTimeField(help_text="Where the window begins that this is of.")
    until = serializers.DateTimeField()


class StatsSerializer(OfWindowSerializer):
    expected = serializers.FloatField(help_text="Slots: the time in which it was watched, over its interval.")
    observed = serializers.IntegerField(help_text="Checks that said something of it: up and down.")
    up = serializers.IntegerField()
    down = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Checks that failed by the monitor's own fault.")
    uptime = _number("up / observed, 0 to 1; null where nothing was observed.")
    coverage = _number("observed / expected, 0 to 1; null where nothing was to be expected.")
    outages = OutagesSerializer
    response_time = ResponseTimesSerializer
    phases = PhasesSerializer
    errors: Any = serializers.DictField(child=serializers.IntegerField(), help_text="Failed checks by kind of error.")


class SeriesSerializer(OfWindowSerializer):
    points = PointSerializer


class ExtractedValueSerializer(serializers.ModelSerializer[ExtractedValue]):
    value = serializers.CharField(read_only=True, help_text="Blank where the regex matched nothing.")
    seen_at = serializers.DateTimeField(read_only=True, help_text="When the check was made that first saw it.")

    class Meta:
        model = ExtractedValue
        fields = ("seen_at", "value")


class ValuePermissions(ModelPermissions):
    """Whoever may see websites and extracted values."""

    perms_map = {  # noqa: RUF012
        **ModelPermissions.perms_map,
        **{method: [*VIEW, "monitoring.view_extractedvalue"] for method in SAFE_METHODS},
    }


class ValuePagination(MonitoringDataPagination):
    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("-seen_at", "-id")


def _point(point: Point) -> dict[str, Any]:
    (since, until), summary = point
    return {
        "from": since,
        "to": until,
        "uptime": summary.uptime,
        "coverage": summary.coverage,
        "p50": summary.percentile(50),
        "p95": summary.percentile(95),
        "count": summary.observed,
    }


class WebsiteStatistics(GenericViewSet[Website]):
    """Mixin for the viewset of websites."""

    @extend_schema(parameters=WINDOW_PARAMETERS, responses=StatsSerializer)
    @action(detail=True, methods=["get"], permission_classes=[StatisticsPermissions], serializer_class=StatsSerializer)
    def stats(self, request: Request, pk: str) -> Response:
        """What the checks of a website showed within a window, the last 24 hours where none is named.

        The answer says which window it is of: it is wider where single checks of the past are gone (by whole hours or
        days, UTC), and begins with the first data there is. Maintenance is left out of everything.
        """
        website_id = self.get_object().pk
        window = read_window(website_id, **read_form(WindowForm, request))
        (since, until), found = figures([website_id], window)
        return Response({"website_id": website_id, "since": since, "until": until, **facts(*found[website_id])})

    @extend_schema(parameters=[*WINDOW_PARAMETERS, POINTS_PARAMETER], responses=SeriesSerializer)
    @action(detail=True, methods=["get"], permission_classes=[StatisticsPermissions], serializer_class=SeriesSerializer)
    def series(self, request: Request, pk: str) -> Response:
        """A window of a website, the last 24 hours where none is named, in pieces of one width, oldest first.

        Each piece says what the checks in it showed. The first piece may begin before the window, the last one
        ends with it, or with the hour or day (UTC) where single checks of the past are gone.
        """
        website_id = self.get_object().pk
        asked = read_form(SeriesForm, request)
        window = read_window(website_id, asked["since"], asked["until"])
        points = statistics.series(website_id, window, asked["points"] or POINTS)
        body = {"website_id": website_id, "since": points[0].span.since, "until": points[-1].span.until}
        return Response({**body, "points": [_point(point) for point in points]})

    @extend_schema(parameters=WINDOW_PARAMETERS, responses=ExtractedValueSerializer(many=True), filters=False)
    @action(
        detail=True,
        methods=["get"],
        permission_classes=[ValuePermissions],
        serializer_class=ExtractedValueSerializer,
        pagination_class=ValuePagination,
        filter_backends=(),
    )
    def values(self, request: Request, pk: str) -> Response:
        """What the regex of a website extracted: each value that was not the one before, newest first, by page.

        Within a window, or all that is kept where none is named.
        """
        website_id = self.get_object().pk
        asked = read_form(WindowForm, request, known=("cursor", "page_size"))
        with told():
            windows.check(**asked, now=timezone.now())
        rows: Any = values.history(website_id, **asked)
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(ExtractedValueSerializer(page, many=True).data)

    @extend_schema(parameters=BADGE_PARAMETERS, responses={(200, "image/svg+xml"): OpenApiTypes.STR})
    @action(
        detail=True,
        methods=["get"],
        url_path=rf"badge/(?P<badge>{ANY_BADGE})\.svg",
        url_name="badge",
        permission_classes=[BadgePermissions],
        content_negotiation_class=AnyAccept,
    )
    def badge(self, request: Request, pk: str, badge: str) -> HttpResponse:
        """A small picture for other pages: the state, the uptime of 24 hours, 7 or 30 days, or the 95th percentile.

        Websites on the public status page have theirs for everybody, without signing in.
        """
        website = self.get_object()
        label = read_form(BadgeForm, request)["label"]
        drawn = website_badges.draw(website, badge, label, timezone.now())
        response = HttpResponse(drawn, content_type="image/svg+xml")
        shared = {"public": True} if is_public_path(pk) else {"private": True}
        patch_cache_control(response, max_age=BADGE_AGE, **shared)
        return response
