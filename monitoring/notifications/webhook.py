"""Webhooks: a signed POST of JSON."""

import contextlib
import hashlib
import hmac
import http.client
import json
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from django.core.exceptions import ValidationError
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from monitoring import watchlist
from monitoring.notifications.deadlines import SHARE
from monitoring.notifications.guarded_http import BlockedAddressError, session
from monitoring.notifications.messages import RETRY_AFTER_MAX, Message, Receipt, unanswered
from websites.validators import normalise_url

WHO = "The receiver"
# So much of an answer is read, that whoever sends a short one can end it; nothing is made of it.
ANSWER_READ = 4096
# What these say of when to come again is heeded (RFC 9110, section 10.2.3).
BUSY = (429, 503)


def check(url: str) -> None:
    """Raises `ValidationError` for what no webhook's URL may be."""
    _address(url)


def deliver(url: str, secret: str, message: Message, seconds: float) -> Receipt:
    """POST the message's payload. Raises `ValidationError` where the URL is none."""
    address = _address(url)
    if not secret:
        return Receipt(False, "The channel has no secret to sign its messages with.")
    body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    with session(watchlist.guard(), SHARE * seconds) as client:
        try:
            headers = _headers(secret, message.key, body)
            with client.post(address, data=body, headers=headers, timeout=seconds, stream=True) as answer:
                if client.is_late:  # in the middle of the headers, which then seem to end there
                    return unanswered(WHO, seconds)
                receipt = _receipt(answer)
                _read_some(answer)
                return receipt
        except requests.RequestException as error:  # everything that the network and the receiver may do
            if client.is_late or isinstance(error, requests.Timeout):
                return unanswered(WHO, seconds)
            return Receipt(False, _words(error))


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The `Webmonitor-Signature` of a body that is sent at this time (Unix seconds).

    It is `v1=` and the HMAC-SHA256, in hexadecimal, of the timestamp in decimal, a full stop and the body as it goes
    over the wire; the key is the channel's secret in UTF-8. Whoever receives it computes it anew from the raw body and
    `Webmonitor-Timestamp`, compares in constant time, and refuses timestamps that are long past.
    """
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"


def _headers(secret: str, key: str, body: bytes) -> dict[str, str]:
    timestamp = int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": watchlist.user_agent(),
        "Accept-Encoding": "identity",
        "Idempotency-Key": key,
        "Webmonitor-Timestamp": str(timestamp),
        "Webmonitor-Signature": signature(secret, timestamp, body),
    }


def _address(url: str) -> str:
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    if "@" in authority:
        raise ValidationError(
            "A webhook's URL has no user name or password: its receiver knows the sender by the signature.",
            code="invalid",
        )
    return normalise_url(url)


def _receipt(answer: requests.Response) -> Receipt:
    status = answer.status_code
    if 200 <= status < 300:
        return Receipt(True, f"{WHO} answered {status}.")
    if 300 <= status < 400:
        return Receipt(False, f"{WHO} answered {status}: redirects are not followed.")
    pause = retry_after(answer.headers.get("Retry-After", "")) if status in BUSY else None
    return Receipt(False, f"{WHO} answered {status}.", pause)


def retry_after(value: str) -> float | None:
    """Seconds from now, of a header that has seconds or a date; None for anything else."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), RETRY_AFTER_MAX)
    try:
        moment = parsedate_to_datetime(value)
        pause = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, IndexError, OverflowError):  # no date, or none that there can be
        return None
    return min(max(pause, 0.0), RETRY_AFTER_MAX)


def _read_some(answer: requests.Response) -> None:
    # The status has said it all: whatever becomes of the rest changes nothing.
    with contextlib.suppress(HTTPError, http.client.HTTPException, OSError, ValueError):
        answer.raw.read(ANSWER_READ, decode_content=False)


def _words(error: requests.RequestException) -> str:
    if isinstance(error, BlockedAddressError):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return f"{WHO} has no valid certificate for its name, or does not speak TLS."
    # Where no connection was made, `requests` wraps an error of urllib3 that wraps the reason.
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, NameResolutionError):
        return f"{WHO}'s name could not be looked up."
    if isinstance(reason, NewConnectionError):
        return f"{WHO} could not be connected to."
    if isinstance(error, requests.ConnectionError):
        return f"{WHO} closed the connection without an answer."
    return "The URL cannot be used."
