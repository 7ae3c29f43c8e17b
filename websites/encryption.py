"""Secrets as the database keeps them: encrypted with a key that is made of SECRET_KEY."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# Tells this key from others that are made of the same SECRET_KEY (RFC 5869, section 3.2).
PURPOSE = b"webmonitor: secrets in the database"


class UnreadableSecretError(Exception):
    """A stored secret that the present SECRET_KEY does not open."""


def encrypt(text: str) -> str:
    return _cipher(settings.SECRET_KEY).encrypt(text.encode()).decode("ascii")


def decrypt(stored: str) -> str:
    """Raises `UnreadableSecretError`."""
    try:
        return _cipher(settings.SECRET_KEY).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecretError("SECRET_KEY has changed since it was stored") from error


@lru_cache(maxsize=4)
def _cipher(secret_key: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))
