"""The status page and its feed over HTTP. Who asks, and with which parameters, makes no difference."""

import re

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date

from monitoring.status_page.feed import HERE
from monitoring.status_page.kept import FEED, PAGE, Kept

_TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def status_page(request: HttpRequest) -> HttpResponseBase:
    kept = PAGE.get()
    body = _of(kept)
    packs = _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")) is not None
    response = HttpResponse(kept.packed if packs else body, content_type="text/html; charset=utf-8")
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return _answer(request, response, kept)


def status_feed(request: HttpRequest) -> HttpResponseBase:
    kept = FEED.get()
    here = request.build_absolute_uri("/")
    body = _of(kept).replace(HERE.encode(), here.encode())
    return _answer(request, HttpResponse(body, content_type="application/atom+xml; charset=utf-8"), kept)


def _of(kept: Kept) -> bytes:
    """What there is to show. Raises `Http404` where the page is off."""
    if kept.body is None:
        raise Http404("The status page is off.")
    return kept.body


def _answer(request: HttpRequest, response: HttpResponse, kept: Kept) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    response.headers["ETag"] = kept.etag
    response.headers["Last-Modified"] = http_date(kept.modified)
    response.headers["Cache-Control"] = f"public, max-age={kept.max_age}"
    return get_conditional_response(request, kept.etag, kept.modified, response) or response
