"""What is sent to people, and what came of it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import models

DETAIL_MAX_LENGTH = 200
RETRY_AFTER_MAX = 86_400.0


class Kind(models.TextChoices):
    """What a channel leads to."""

    APPRISE = "apprise", "Apprise service"
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook", "webhook"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `key` is the same at every attempt; title (one line) and text are inert plain text.

    `payload` is what a webhook gets, as JSON.
    """

    key: str
    title: str
    text: str
    payload: dict[str, Any]


class Receipt(NamedTuple):
    """What came of one attempt, in a short sentence that holds no secret.

    `retry_after` (seconds, at most `RETRY_AFTER_MAX`) is what the receiver asked for.
    """

    is_delivered: bool
    detail: str
    retry_after: float | None = None


def refusal(address: str) -> str:
    """Of an address that the guard does not allow."""
    return f"The address {address} is not in a network that may be reached."


def unanswered(who: str, seconds: float) -> Receipt:
    return Receipt(False, f"{who} did not answer in {seconds:g} s.")
