"""The admin site: what is watched comes first, and packages' names give way to what they hold."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

# Apps in the order of the index, with the titles they have there; None keeps an app's own.
APPS: dict[str, str | None] = {
    "websites": None,
    "monitoring": None,
    "django_celery_beat": None,
    "auth": "People",
    "knox": "API tokens",
    "axes": "Failed sign-ins",
}


class AdminSite(admin.AdminSite):
    site_header = site_title = "webmonitor"
    index_title = "Websites, checks and people"
    # The template has a link to the overview; lists of websites need the sidebar's room.
    site_url = None
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        from webmonitor.guarded_admin import guarded

        super().register(model_or_iterable, guarded(admin_class or admin.ModelAdmin), **options)

    def password_change(  # type: ignore[override]  # any answer will do
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Everybody's own page for that, where wrong passwords are counted."""
        return redirect("password")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        order = list(APPS)
        for app in apps:
            app["name"] = APPS.get(app["app_label"]) or app["name"]
        return sorted(apps, key=lambda app: order.index(app["app_label"]) if app["app_label"] in APPS else len(order))


class WebmonitorAdminConfig(AdminConfig):
    default_site = "webmonitor.admin_site.AdminSite"

    def ready(self) -> None:
        from django.contrib.auth.forms import AuthenticationForm

        # Everybody signs in here: who is no staff has the overview, and is told that the admin is not for them.
        admin.site.login_form = AuthenticationForm
        super().ready()
