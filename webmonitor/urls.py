"""The URL map."""

from django.contrib import admin
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.request import split_domain_port
from django.shortcuts import resolve_url
from django.templatetags.static import static
from django.urls import include, path
from django.views import defaults
from django.views.decorators.cache import never_cache

from websites.plain_text import inert

HOST_SHOWN = 255


@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Leads to the admin, or to its login."""
    return HttpResponseRedirect(resolve_url("admin:index" if request.user.is_authenticated else "admin:login"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Plain text, so that nothing in it is more than text; a host that is not allowed is told how it gets so."""
    text = "The request is malformed or too large.\n"
    if isinstance(exception, DisallowedHost):
        given = request.META.get("HTTP_HOST", "")
        name = split_domain_port(given)[0]
        text = f"webmonitor does not answer to this host name: {inert(given)[:HOST_SHOWN]}\n"
        if name:
            text += f"If it is the monitor's own, add {name} to ALLOWED_HOSTS in its settings and restart it.\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page in the admin, a sentence for programs everywhere else."""
    if request.path.startswith("/admin/"):
        return defaults.page_not_found(request, exception)
    return JsonResponse({"detail": "There is nothing at this address."}, status=404)


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for this address whatever the page says."""
    return HttpResponseRedirect(static("monitoring/favicon.svg"))


handler400 = bad_request
handler404 = not_found

urlpatterns = [
    path("", home, name="home"),
    path("favicon.ico", favicon, name="favicon"),
    path("admin/", admin.site.urls),
    path("", include("monitoring.urls")),
    path("", include("webmonitor.api")),
]
