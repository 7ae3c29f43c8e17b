"""How a message goes out through a channel, whatever its kind; when it does is decided elsewhere."""

import logging
import queue
import threading

from django.core.exceptions import ValidationError

from monitoring.notifications import apprise_services, mail, webhook
from monitoring.notifications.messages import DETAIL_MAX_LENGTH, Kind, Message, Receipt, unanswered

__all__ = ["SEND_TIMEOUT", "Kind", "check_target", "send"]

logger = logging.getLogger(__name__)

# Seconds, in total.
SEND_TIMEOUT = 15.0
WHO: dict[str, str] = {Kind.APPRISE: apprise_services.WHO, Kind.EMAIL: mail.WHO, Kind.WEBHOOK: webhook.WHO}


def check_target(kind: str, target: str) -> None:
    """Raises `ValidationError` with a sentence where a channel of this kind cannot lead there."""
    match _kind(kind):
        case Kind.APPRISE:
            apprise_services.check(target)
        case Kind.EMAIL:
            mail.check(target)
        case Kind.WEBHOOK:
            webhook.check(target)


def send(kind: str, target: str, secret: str, message: Message, seconds: float = SEND_TIMEOUT) -> Receipt:
    """Make one attempt. Never raises, and ends within so many seconds, whatever the receiver does."""
    receipts: queue.SimpleQueue[Receipt] = queue.SimpleQueue()

    def attempt() -> None:
        receipts.put(_attempt(kind, target, secret, message, seconds))

    try:
        # Each sender has a deadline of its own, but nothing interrupts the look-up of a name.
        threading.Thread(target=attempt, name="sending", daemon=True).start()
        receipt = receipts.get(timeout=seconds)
    except queue.Empty:
        receipt = unanswered(WHO.get(kind, "The receiver"), seconds)
    except RuntimeError:  # there can be no more threads
        receipt = Receipt(False, "The monitor had no thread left to send with.")
    return receipt._replace(detail=receipt.detail[:DETAIL_MAX_LENGTH])


def _attempt(kind: str, target: str, secret: str, message: Message, seconds: float) -> Receipt:
    try:
        match _kind(kind):
            case Kind.APPRISE:
                return apprise_services.deliver(target, message, seconds)
            case Kind.EMAIL:
                return mail.deliver(target, message, seconds)
            case Kind.WEBHOOK:
                return webhook.deliver(target, secret, message, seconds)
    except ValidationError as error:  # stored past the checks, or when they were others
        return Receipt(False, error.messages[0])
    except Exception as error:  # noqa: BLE001 - libraries raise what they like, and whoever sends must go on
        # No traceback: it ends with words that may hold the target.
        fault = type(error).__name__
        fields = {"kind": kind, "key": message.key, "fault": fault}
        logger.error("a message was not sent by a fault", extra=fields)  # noqa: TRY400 - see above
        return Receipt(False, f"The monitor failed to send it ({fault}).")


def _kind(kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError as error:  # none of them
        raise ValidationError(f"There are no channels of the kind {kind!r}.", code="invalid") from error
