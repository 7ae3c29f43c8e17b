"""Pages of the monitor itself."""

from django.urls import re_path

from monitoring import views
from monitoring.status_page.views import status_feed, status_page
from monitoring.website_page.views import check, pause, resume, site

urlpatterns = [
    re_path(r"^healthz/?$", views.healthz, name="healthz"),
    re_path(r"^readyz/?$", views.readyz, name="readyz"),
    re_path(r"^sites/(?P<website_id>[0-9]+)/?$", site, name="site"),
    re_path(r"^sites/(?P<website_id>[0-9]+)/check/?$", check, name="site-check"),
    re_path(r"^sites/(?P<website_id>[0-9]+)/pause/?$", pause, name="site-pause"),
    re_path(r"^sites/(?P<website_id>[0-9]+)/resume/?$", resume, name="site-resume"),
    re_path(r"^status/?$", status_page, name="status-page"),
    re_path(r"^status/feed/?$", status_feed, name="status-feed"),
]
