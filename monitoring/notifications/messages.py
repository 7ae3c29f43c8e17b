"""What is sent to people, and what came of it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from django.db import models

DETAIL_MAX_LENGTH = 200
RETRY_AFTER_MAX = 86_400.0
# Of a website's incident, and of a trouble of the monitor itself.
ENDS = ("ended", "trouble_ended")


class Kind(models.TextChoices):
    """What a channel leads to."""

    APPRISE = "apprise", "Apprise service"
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook", "webhook"


class Stage(Enum):
    """What a message is to an incident as a service on call keeps it."""

    OPENS = auto()
    REMINDS = auto()
    # Some of its websites are well again, others are not.
    EASES = auto()
    CLOSES = auto()


class Step(NamedTuple):
    """Something that is done to the incident with this key."""

    stage: Stage
    key: str


class Urgency(Enum):
    OUTAGE = auto()
    WARNING = auto()
    OVER = auto()
    NEWS = auto()


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `key` is the same at every attempt; title (one line) and text are inert plain text.

    `payload` is what a webhook gets, as JSON (docs/alerts.md has its fields); it also says what kind of message it is.
    """

    key: str
    title: str
    text: str
    payload: dict[str, Any]

    @property
    def steps(self) -> list[Step]:
        """What it does to incidents that are kept elsewhere: each message of a beginning opens one, under its own key.

        An end or a reminder may be about several of them.
        """
        event = self.payload.get("event")
        is_end = event in ENDS
        if not is_end and event != "reminder":
            return [Step(Stage.OPENS, self.key)]
        unfinished = Stage.EASES if is_end else Stage.REMINDS
        began_in = self.payload.get("began_in") or [{"delivery": self.key, "is_over": is_end}]
        return [Step(Stage.CLOSES if told["is_over"] else unfinished, told["delivery"]) for told in began_in]

    @property
    def urgency(self) -> Urgency:
        match self.payload.get("event"):
            case event if event in ENDS:
                return Urgency.OVER
            case "trouble":
                return Urgency.OUTAGE
            case "began" | "reminder" | "flapping" if self._is_of_outages():
                return Urgency.OUTAGE
            case None | "test":
                return Urgency.NEWS
        return Urgency.WARNING

    def _is_of_outages(self) -> bool:
        websites = self.payload.get("websites") or []
        return any(website.get("incident", {}).get("kind") == "down" for website in websites)


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
