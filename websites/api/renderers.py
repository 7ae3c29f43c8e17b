"""Answers whose text drives no terminal and turns no line around, whatever a website put into it."""

import json
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

# Control and format characters (escape sequences, direction overrides), odd line ends, lone surrogates.
UNPRINTED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
ESCAPES = {
    code: json.dumps(chr(code))[1:-1]
    for code in range(0x7F, sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in UNPRINTED_CATEGORIES
}


class InertJSONEncoder(JSONEncoder):
    def encode(self, o: Any) -> str:
        # Such characters stand only inside JSON strings, where their escapes mean the same.
        return super().encode(o).translate(ESCAPES)


class InertJSONRenderer(JSONRenderer):
    encoder_class = InertJSONEncoder


class BrowsableRenderer(BrowsableAPIRenderer):
    """The browsable pages; a list's PUT, which names its website in the body, has the raw form only.

    A form that does not know the website would send its empty boxes, and so empty what the website has.
    """

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> Any:
        if renderer_context is not None:
            # The framework's templates have styles in attributes, such as that of the box to search in.
            policy = f"{settings.CONTENT_SECURITY_POLICY}; style-src-attr 'unsafe-inline'"
            renderer_context["response"].headers["Content-Security-Policy"] = policy
        return super().render(data, accepted_media_type, renderer_context)

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        if method == "PUT" and view.suffix == "List":
            return None
        return super().get_rendered_html_form(data, view, method, request)
