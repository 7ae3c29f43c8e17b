"""The page of one website, and what can be done there."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring import schedule, troubles
from monitoring.absences import absences, warnings
from monitoring.website_page import header, ranges
from monitoring.website_page.report import report
from websites.models import Website

# In the address of what the page refreshes itself with.
FRAGMENT = "fragment"
VIEW, CHANGE = "websites.view_website", "websites.change_website"


@never_cache
@login_required
@require_safe
def site(request: HttpRequest, website_id: str) -> HttpResponse:
    if not request.user.has_perm(VIEW):
        return _refused(request, "You may not look at websites. An administrator can give you a role that may.")
    website = _find(website_id)
    if website is None:
        return _missing(request, website_id)
    watched = report(request.user, website, request.GET.get("range"))
    said = {"absences": absences(), "warnings": warnings(), "troubles": troubles.current()}
    shown = {**header.header(request.user, website), "report": watched, "now": timezone.now(), **said}
    template = "site_live" if FRAGMENT in request.GET else "site"
    return render(request, f"monitoring/{template}.html", shown, status=400 if watched["range_problem"] else 200)


@never_cache
@login_required
def check(request: HttpRequest, website_id: str) -> HttpResponse:
    return _act(request, website_id, _check)


@never_cache
@login_required
def pause(request: HttpRequest, website_id: str) -> HttpResponse:
    return _act(request, website_id, _pause)


@never_cache
@login_required
def resume(request: HttpRequest, website_id: str) -> HttpResponse:
    return _act(request, website_id, _resume)


def _act(request: HttpRequest, website_id: str, action: Callable[[HttpRequest, Website], None]) -> HttpResponse:
    """Do something with a website and lead back to its page."""
    # From signing in, for one.
    if request.method != "POST":
        return redirect("site", website_id)
    if not request.user.has_perm(CHANGE):
        return _refused(request, "You may not change websites. An administrator can give you a role that may.")
    website = _find(website_id)
    if website is None:
        return _missing(request, website_id)
    action(request, website)
    return HttpResponseRedirect(_back(request, website))


def _check(request: HttpRequest, website: Website) -> None:
    if schedule.request_check([website.pk]):
        messages.success(request, "It is checked at once.")
    else:
        messages.warning(request, "A paused website is not checked. Resume it first.")


def _pause(request: HttpRequest, website: Website) -> None:
    Website.objects.filter(pk=website.pk).update(is_active=False)
    messages.success(request, "Paused: it is not checked any more.")


def _resume(request: HttpRequest, website: Website) -> None:
    Website.objects.filter(pk=website.pk).update(is_active=True)
    messages.success(request, "Resumed: it is checked at once.")


def _back(request: HttpRequest, website: Website) -> str:
    """The page, with the range that it was left with."""
    address = reverse("site", args=[website.pk])
    asked = request.POST.get("range")
    known = {found.key for found in ranges.RANGES} - {ranges.DEFAULT.key}
    return f"{address}?range={asked}" if asked in known else address


def _find(website_id: str) -> Website | None:
    try:
        return Website.objects.select_related("current_state", "certificate").filter(pk=website_id).first()
    except ValueError:  # more digits than Python reads
        return None


def _refused(request: HttpRequest, words: str) -> HttpResponse:
    return _message(request, "Not allowed", words, 403)


def _missing(request: HttpRequest, website_id: str) -> HttpResponse:
    shown_id = website_id if len(website_id) <= 20 else f"{website_id[:20]}…"
    return _message(request, "No such website", f"There is no website with the id {shown_id}, or not any more.", 404)


def _message(request: HttpRequest, title: str, words: str, status: int) -> HttpResponse:
    shown: dict[str, Any] = {"message_title": title, "message": words}
    return render(request, "monitoring/site_message.html", shown, status=status)
