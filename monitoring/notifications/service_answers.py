"""Services that answer 200 and say in the body that they sent nothing; of these, Apprise reads the status alone.

Each is what the service's documentation says: an answer that says neither is taken for an acceptance, as sending again
what has arrived is no better.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests

Judgement = Callable[[Mapping[str, Any]], bool]


def is_refusal(module: str, answers: Iterable[requests.Response]) -> bool:
    """Whether the service of this plugin of Apprise has refused a message by one of these answers."""
    refuses = REFUSES.get(module)
    return refuses is not None and any(refuses(body) for body in map(_json, answers) if isinstance(body, dict))


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _other(name: str, *good: object) -> Judgement:
    """Whether the field is there and has none of these values; numbers may be sent as text."""
    accepted = {str(value).lower() for value in good}
    return lambda body: name in body and str(body[name]).lower() not in accepted


def _is(name: str, bad: object) -> Judgement:
    return lambda body: body.get(name) == bad


def _each(path: str, refuses: Judgement) -> Judgement:
    """Whether that is so of one of the objects in the list at this path."""

    def judge(body: Mapping[str, Any]) -> bool:
        found: Any = body
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return isinstance(found, list) and any(refuses(entry) for entry in found if isinstance(entry, dict))

    return judge


def _sent_to_nobody(body: Mapping[str, Any]) -> bool:
    return body.get("id") == "" and bool(body.get("errors"))


def _has_error_code(body: Mapping[str, Any]) -> bool:
    error = body.get("error")
    return isinstance(error, dict) and error.get("code", "SUCCESS") != "SUCCESS"


REFUSES: dict[str, Judgement] = {
    "burstsms": _has_error_code,
    "clicksend": _each("data.messages", _other("status", "SUCCESS")),
    "dingtalk": _other("errcode", 0),
    "join": _is("success", bad=False),
    "msg91": _is("type", "error"),
    "one_signal": _sent_to_nobody,
    "pushdeer": _other("code", 0),
    "serverchan": _other("code", 0),
    "seven": _other("success", 100),
    "splunk": _is("result", "failure"),
    "synology": _is("success", bad=False),
    "vonage": _each("messages", _other("status", 0)),
    "wecombot": _other("errcode", 0),
}
