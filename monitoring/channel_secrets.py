"""Where a channel leads and what its messages are signed with: given once, kept encrypted, and only hinted at."""

import re
import secrets
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from monitoring.models import Channel, ChannelKind
from monitoring.notifications.senders import check_target
from websites.encryption import UnreadableSecretError, decrypt, encrypt

SECRET_MAX_LENGTH = 200
SECRET_BYTES = 32
UNREADABLE = "unreadable: SECRET_KEY has changed"
SCHEME = re.compile(r"([A-Za-z0-9+.-]{1,32})://")


class Sealed(NamedTuple):
    """What is stored of a channel, and the secret in the clear where one was made just now (else blank)."""

    target: str
    secret: str
    made: str = ""


def seal(kept: Channel, kind: str, target: str, secret: str | None) -> Sealed:
    """What to store of a channel (a new one, or as it is kept) that gets this kind.

    A blank target leaves the kept one. So does None for a secret; a blank one, or None where a webhook has none, makes
    a new one. Raises `ValidationError`, by field, with sentences that repeat no secret.
    """
    is_other = kind != kept.kind
    errors: dict[str, Any] = {}
    if target:
        try:
            check_target(kind, target)
        except ValidationError as error:
            errors["target"] = error.messages
    elif not kept.target:
        errors["target"] = "Say where the messages go."
    elif is_other:
        errors["target"] = "Say where the messages go: a channel of another kind leads to another place."
    if secret and kind != ChannelKind.WEBHOOK:
        errors["secret"] = "Only what is sent to webhooks is signed with a secret."  # noqa: S105
    if errors:
        raise ValidationError(errors)
    stored = encrypt(target) if target else kept.target
    if kind != ChannelKind.WEBHOOK:
        return Sealed(stored, "")
    if secret:
        return Sealed(stored, encrypt(secret))
    if secret is None and kept.secret and not is_other:
        return Sealed(stored, kept.secret)
    made = secrets.token_urlsafe(SECRET_BYTES)
    return Sealed(stored, encrypt(made), made)


def hint(channel: Channel) -> str:
    """Enough of where it leads to tell channels apart, and nothing that opens anything.

    `a***@example.org` for each address of e-mail, `https://host/…` of a webhook, `scheme://…` of an Apprise service.
    """
    try:
        target = decrypt(channel.target)
    except UnreadableSecretError:
        return UNREADABLE
    if channel.kind == ChannelKind.EMAIL:
        addresses = (address.strip() for address in re.split(r"[,\r\n]", target))
        return ", ".join(_masked(address) for address in addresses if address)
    scheme = SCHEME.match(target)
    if scheme is None:
        return "…"
    host = _host(target) if channel.kind == ChannelKind.WEBHOOK else ""
    return f"{scheme[1].lower()}://{host}…"


def _masked(address: str) -> str:
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"


def _host(url: str) -> str:
    """With the port and a slash; blank where there is none, and never with what stands before an `@`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # written past the checks
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}/" if port else f"{host}/"
