"""Request bodies with bounds: whatever is sent, it is parsed cheaply or refused with a sentence."""

import io
import re
from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import SuspiciousOperation
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser, FormParser, JSONParser, MultiPartParser

# Room for a field of a megabyte, which is then refused by its name.
BODY_CAP = 2 * 1024 * 1024
# Every program that encodes forms encodes all but these: browsers, curl --data-urlencode, the languages' libraries.
HAND_WRITTEN = re.compile(rb"[^A-Za-z0-9*._~!'()&=+%-]")
# No field takes more than a list; what comes deeper would only wear out the stack further on.
NESTING_CAP = 16


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The request body is larger than {BODY_CAP >> 20} MiB."
    default_code = "body_too_large"


def refuse_if_large(context: Mapping[str, Any]) -> None:
    """Raise `BodyTooLarge` by the announced length: more than that no server hands on."""
    if int(context["request"].META.get("CONTENT_LENGTH") or 0) > BODY_CAP:
        raise BodyTooLarge


class _Bounded(BaseParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The parsed body; raises `BodyTooLarge` or `ParseError` with a sentence."""
        context = parser_context or {}
        refuse_if_large(context)
        try:
            return super().parse(stream, media_type, context)
        except SuspiciousOperation as error:
            raise ParseError("The form has too many fields or is malformed.") from error


class BoundedJSONParser(_Bounded, JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        if _is_nested_deeper(data, NESTING_CAP):
            raise ParseError("The JSON is nested too deeply.")
        return data


class BoundedFormParser(_Bounded, FormParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Like any form, except that "+" is a space only in fields that a program may have encoded.

        In `curl -d 'regex=(\\w+)'` a person wrote it, and meant a plus; a field beside it may be a program's
        all the same, as with `--data-urlencode`.
        """
        refuse_if_large(parser_context or {})
        body: bytes = stream.read()
        pairs = [
            pair.replace(b"+", b"%2B") if b"+" in pair and HAND_WRITTEN.search(pair) else pair
            for pair in body.split(b"&")
        ]
        return super().parse(io.BytesIO(b"&".join(pairs)), media_type, parser_context)


class BoundedMultiPartParser(_Bounded, MultiPartParser):
    pass


def _is_nested_deeper(data: Any, levels: int) -> bool:
    layer = [data]
    for _ in range(levels):
        layer = [
            item
            for value in layer
            if isinstance(value, list | dict)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not layer:
            return False
    return any(isinstance(value, list | dict) for value in layer)
