"""A website's credentials: written as `Basic user:password` or `Bearer token`, kept as the scheme and a secret."""

import base64
import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from websites.encryption import decrypt, encrypt

MAX_LENGTH = 1_000
# Encrypted, each character may take four bytes, and those 4/3 of that.
STORED_MAX_LENGTH = 6_000
# RFC 7617: no colon in a name, no control characters; RFC 6750, section 2.1.
WRITTEN = re.compile(
    r"(?i:(Basic)) +([^:\x00-\x1f\x7f]*:[^\x00-\x1f\x7f]*)|(?i:(Bearer)) +([A-Za-z0-9._~+/-]+=*)", re.ASCII
)
HOW_TO_WRITE = 'Write "Basic user:password" or "Bearer token".'


def seal(written: str) -> str:
    """Credentials as they are stored. Raises `ValidationError` for what are none; never repeats them."""
    # By its length first: the pattern takes time by the square of what spaces there are.
    found = WRITTEN.fullmatch(written.strip("\r\n\t ")) if len(written) <= MAX_LENGTH else None
    if found is None:
        raise ValidationError(HOW_TO_WRITE, code="invalid")
    scheme, secret = (found[1], found[2]) if found[1] else (found[3], found[4])
    try:
        return f"{scheme.capitalize()} {encrypt(secret)}"
    except UnicodeEncodeError as error:
        raise ValidationError(HOW_TO_WRITE, code="invalid") from error


def refuse_elsewhere(url: str, new_url: str) -> None:
    """Raise `ValidationError` where stored credentials would go to another place than they were given for.

    Who may edit a website but not see its credentials could have them sent to a server of their own.
    """
    if urlsplit(url)[:2] != urlsplit(new_url)[:2]:
        words = "The website moves to another host: give its credentials again, or none."
        raise ValidationError({"http_auth": words})


def scheme_of(stored: str) -> str:
    """`Basic`, `Bearer`, or blank where there are no credentials."""
    return stored.partition(" ")[0]


def header(stored: str) -> str:
    """The value of the Authorization header. Raises `UnreadableSecretError`."""
    scheme, _, sealed = stored.partition(" ")
    secret = decrypt(sealed)
    return f"Bearer {secret}" if scheme == "Bearer" else f"Basic {base64.b64encode(secret.encode()).decode('ascii')}"
