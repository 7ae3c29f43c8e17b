"""Pages of the monitor itself."""

from django.urls import re_path

from monitoring import views

urlpatterns = [
    re_path(r"^healthz/?$", views.healthz, name="healthz"),
    re_path(r"^readyz/?$", views.readyz, name="readyz"),
]
