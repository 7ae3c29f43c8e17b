"""The API's URL map: its resources, its schema and its documentation."""

from django.urls import re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import Route, SimpleRouter

from monitoring.api.channels import ChannelViewSet
from monitoring.api.deliveries import DeliveryViewSet
from monitoring.api.filters import MonitoredKeywordFilter
from monitoring.api.incidents import IncidentViewSet
from monitoring.api.maintenance import MaintenanceWindowViewSet
from monitoring.api.status_page import StatusPageViewSet
from monitoring.api.views import MonitoredWebsiteViewSet, MonitoringDataViewSet
from webmonitor import openapi  # noqa: F401  # registers the authentication schemes
from webmonitor.tokens import TokenViewSet


class Router(SimpleRouter):
    """Takes every path with and without a trailing slash, and writes it without.

    `PUT` on a list goes to the viewset's `update_named`, where it has one.
    """

    routes = [  # noqa: RUF012
        route._replace(mapping={**route.mapping, "put": "update_named"})
        if isinstance(route, Route) and not route.detail
        else route
        for route in SimpleRouter.routes
    ]

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


class SchemaView(SpectacularAPIView):
    """Public: it tells no more than the source code does."""

    authentication_classes = ()


class DocsView(SpectacularSwaggerSplitView):
    template_name = "monitoring/docs.html"
    # The page's template shows nothing but the page.
    http_method_names = ("get", "head")
    authentication_classes = ()


router = Router()
router.register("websites", MonitoredWebsiteViewSet, "website")
router.register("monitoring", MonitoringDataViewSet, "monitoring")
router.register("incidents", IncidentViewSet, "incident")
router.register("channels", ChannelViewSet, "channel")
router.register("deliveries", DeliveryViewSet, "delivery")
router.register("maintenance-windows", MaintenanceWindowViewSet, "maintenance-window")
router.register("tokens", TokenViewSet, "token")

by_keyword = MonitoredWebsiteViewSet.as_view(
    {"get": "list"}, filterset_class=MonitoredKeywordFilter, name="Website by keyword"
)

status_page = StatusPageViewSet.as_view(
    {"get": "retrieve", "put": "update", "patch": "partial_update"}, detail=True, name="Status page"
)

urlpatterns = [
    *router.urls,
    re_path(r"^status-page/?$", status_page, name="status-page-detail"),
    re_path(r"^website/?$", by_keyword, name="website-by-keyword"),
    re_path(r"^schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?$", DocsView.as_view(), name="docs"),
]
