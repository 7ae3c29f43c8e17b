"""What HTTP itself asks of every answer, whichever view it comes from."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponseBase]
# Nobody reads a body that comes with these.
WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE"}


def empty_head(get_response: Answer) -> Answer:
    """Answers HEAD without a body but with its length: https://www.rfc-editor.org/rfc/rfc9110#name-head"""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response

    return answer


def content_security_policy(get_response: Answer) -> Answer:
    """Says what a browser may load and run for an answer, unless its view said so: https://www.w3.org/TR/CSP3/"""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Django's own report of an error, for developers, brings its styles and its script with it.
        if not (settings.DEBUG and response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR):
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    return answer


def refuse_unknown_length(get_response: Answer) -> Answer:
    """Answers 411 to a body in chunks, which Django would take for none."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        in_chunks = "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH")
        if in_chunks and request.method not in WITHOUT_BODY:
            return JsonResponse({"detail": "Send the body with a Content-Length, not in chunks."}, status=411)
        return get_response(request)

    return answer


class AnswerForDatabase:
    """Answers 503 where the database is away, or where somebody keeps a lock on it for too long."""

    text = "The database cannot do this just now. Try again in a moment."
    retry_after = 10  # seconds

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, (OperationalError, InterfaceError)):
            return None
        logger.warning("the database cannot serve a request", extra={"error": str(exception).strip()})
        wants_page = request.get_preferred_type(["application/json", "text/html"]) == "text/html"
        response = (
            HttpResponse(self.text, content_type="text/plain; charset=utf-8", status=503)
            if wants_page
            else JsonResponse({"detail": self.text}, status=503)
        )
        response.headers["Retry-After"] = str(self.retry_after)
        return response
