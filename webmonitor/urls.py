"""The URL map."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView, PasswordChangeDoneView
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.request import split_domain_port
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import include, path
from django.views import defaults

from monitoring import passing_errors
from monitoring.overview.views import overview
from webmonitor.middleware import AnswerForDatabase
from webmonitor.own_password import ChangePasswordView
from websites.plain_text import inert

HOST_SHOWN = 255
# What people look at, and type.
PAGES = ("/sites", "/status")
NOTHING = "There is nothing at this address."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Plain text, so that nothing in it is more than text; a host that is not allowed is told how it gets so.

    A session that cannot be kept since the database takes nothing is not the fault of who asks.
    """
    if isinstance(exception, SessionInterrupted) and (error := passing_errors.behind(exception)):
        return AnswerForDatabase.answer(request, error)
    text = "The request is malformed or too large.\n"
    if isinstance(exception, DisallowedHost):
        given = request.META.get("HTTP_HOST", "")
        name = split_domain_port(given)[0]
        text = f"webmonitor does not answer to this host name: {inert(given)[:HOST_SHOWN]}\n"
        if name:
            text += f"If it is the monitor's own, add {name} to ALLOWED_HOSTS in its settings and restart it.\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page for people, a sentence for programs."""
    if request.path.startswith("/admin/"):
        return defaults.page_not_found(request, exception)
    wants_page = request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    if wants_page and request.path.startswith(PAGES):
        return render(None, "monitoring/not_found.html", {"detail": NOTHING}, status=404)
    return JsonResponse({"detail": NOTHING}, status=404)


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for this address whatever the page says."""
    return HttpResponseRedirect(static("monitoring/favicon.svg"))


password_changed = PasswordChangeDoneView.as_view(
    template_name="monitoring/site_message.html",
    extra_context={
        "message_title": "Password changed",
        "message": "You stay signed in here and are signed out elsewhere. API tokens stay as they are.",
    },
)

handler400 = bad_request
handler404 = not_found

urlpatterns = [
    path("", overview, name="home"),
    path("favicon.ico", favicon, name="favicon"),
    # The admin's own are for staff.
    path("sign-out", LogoutView.as_view(next_page="home"), name="sign-out"),
    path("password", ChangePasswordView.as_view(), name="password"),
    path("password/changed", password_changed, name="password-changed"),
    path("admin/", admin.site.urls),
    path("", include("monitoring.urls")),
    path("", include("webmonitor.api")),
]
