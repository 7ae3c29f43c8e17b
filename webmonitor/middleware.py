"""What HTTP itself asks of every answer, whichever view it comes from."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

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


def refuse_unknown_length(get_response: Answer) -> Answer:
    """Answers 411 to a body in chunks, which Django would take for none."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        in_chunks = "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH")
        if in_chunks and request.method not in WITHOUT_BODY:
            return JsonResponse({"detail": "Send the body with a Content-Length, not in chunks."}, status=411)
        return get_response(request)

    return answer
