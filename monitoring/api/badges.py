"""Who may see badges, and what they are asked for with."""

import re
from typing import Any

from django import forms
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from monitoring.api.pagination import DIGITS_CAP
from monitoring.public_websites import is_public
from monitoring.website_badges import BADGES
from websites.api.permissions import VIEW, ModelPermissions

LABEL_MAX_LENGTH = 60
ANY_BADGE = "|".join(map(re.escape, BADGES))
BADGE_PARAMETERS = [
    OpenApiParameter("badge", OpenApiTypes.STR, OpenApiParameter.PATH, enum=BADGES, description="What it shows."),
    OpenApiParameter(
        "label",
        {"type": "string", "maxLength": LABEL_MAX_LENGTH},
        description="What stands on its left side; what it shows where it is not named.",
    ),
]


class BadgeForm(forms.Form):
    label = forms.CharField(required=False, max_length=LABEL_MAX_LENGTH)


class StatisticsPermissions(ModelPermissions):
    """For what is made of checks: whoever may see websites and monitoring data."""

    perms_map = {  # noqa: RUF012
        **ModelPermissions.perms_map,
        **{method: [*VIEW, "monitoring.view_monitoringdata"] for method in SAFE_METHODS},
    }


class BadgePermissions(StatisticsPermissions):
    """And everybody, for websites that are shown to everybody.

    Of all others, nobody who may not see them learns whether they exist.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) or (
            request.method in SAFE_METHODS and is_public_path(view.kwargs["pk"])
        )


def is_public_path(digits: str) -> bool:
    return len(digits) <= DIGITS_CAP and is_public(int(digits))


class AnyAccept(BaseContentNegotiation):
    """A badge is a picture and an error is JSON, whatever was asked for: pages that show pictures ask for anything."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
