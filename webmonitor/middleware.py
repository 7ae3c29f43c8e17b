"""What HTTP itself asks of every answer, whichever view it comes from."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from psycopg import errors

from monitoring import passing_errors

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponseBase]


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


class AnswerForDatabase:
    """Answers 503 if the database is away, takes no writes, or if somebody keeps a lock on it for too long.

    And 409 if somebody else did something just then that leaves no room for this, and no view was ready for it.
    """

    text = "The database cannot do this just now. Try again in a moment."
    overtaken = "Somebody else has just deleted or added what this is about. Look at it again."
    retry_after = 10  # seconds

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if _is_overtaken(exception):
            # With all there is to say of it: it may be a fault of the monitor's own.
            logger.error("a request came too late", exc_info=exception)
            return self._answer(request, self.overtaken, HTTPStatus.CONFLICT)
        return self.answer(request, exception) if passing_errors.of_database(exception) else None

    @classmethod
    def answer(cls, request: HttpRequest, error: BaseException) -> HttpResponse:
        logger.warning("the database cannot serve a request", extra={"error": passing_errors.words(error)})
        response = cls._answer(request, cls.text, HTTPStatus.SERVICE_UNAVAILABLE)
        response.headers["Retry-After"] = str(cls.retry_after)
        return response

    @staticmethod
    def _answer(request: HttpRequest, text: str, status: HTTPStatus) -> HttpResponse:
        if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
            return HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
        return JsonResponse({"detail": text}, status=status)


def _is_overtaken(error: Exception) -> bool:
    """Whether PostgreSQL refused a row since one that it refers to has gone, or one like it has come."""
    states = (errors.ForeignKeyViolation, errors.UniqueViolation)
    return isinstance(error, IntegrityError) and isinstance(error.__cause__, states)
