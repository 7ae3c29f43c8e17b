"""Answers whose text drives no terminal and turns no line around, whatever a website put into it."""

import json
import sys
import unicodedata
from typing import Any

from rest_framework.renderers import JSONRenderer
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
