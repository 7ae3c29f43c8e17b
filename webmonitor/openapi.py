"""What the OpenAPI document says beyond what the views tell of themselves."""

from typing import Any

from drf_spectacular.authentication import BasicScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

SENTENCE = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
FIELD_ERRORS = {
    "type": "object",
    "description": "Sentences by the name of the field or parameter they are about.",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "example": {"monitoring_interval": ["Ensure this value is greater than or equal to 5."]},
}
UNSAFE_METHODS = {"POST", "PUT", "PATCH"}


class Schema(AutoSchema):
    """Adds the errors that every operation can answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        responses = operation["responses"]
        has_query = any(parameter["in"] == "query" for parameter in operation.get("parameters", ()))
        if self.method in UNSAFE_METHODS or has_query:
            _add(responses, "400", "Bad input.", {"oneOf": [FIELD_ERRORS, SENTENCE]})
        _add(responses, "401", "Not signed in: no credentials, or wrong, expired or revoked ones.", SENTENCE)
        _add(responses, "403", "Signed in without the permission, or locked out.", SENTENCE)
        if "{" in self.path or self._is_list_view() or self.method == "PUT":
            _add(responses, "404", "There is no such thing.", SENTENCE)
        if "requestBody" in operation:
            _add(responses, "413", "The body is too large.", SENTENCE)
            _add(responses, "415", "The body is of a type that is not read.", SENTENCE)
        return operation


def _add(responses: dict[str, Any], code: str, description: str, schema: dict[str, Any]) -> None:
    responses.setdefault(code, {"description": description, "content": {"application/json": {"schema": schema}}})


def without_trailing_slash(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """Both spellings of a path work; the document shows the one without the slash."""
    return [(path.rstrip("/") or "/", regex, method, callback) for path, regex, method, callback in endpoints]


class PasswordScheme(BasicScheme):  # type: ignore[no-untyped-call]
    target_class = "webmonitor.authentication.BasicAuthentication"
    priority = 0


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "webmonitor.authentication.TokenAuthentication"
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": 'The word "Token", a space, and a token made at /tokens.',
        }
