"""Who is calling the API: tokens, and user name with password, both throttled and safe against junk."""

import hashlib
import hmac
import secrets
import threading
import time
from http import HTTPStatus
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework import authentication
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from webmonitor.clients import client_address
from webmonitor.sign_in import Refusal, counts, refusal_of

# Seconds that a password check stays good in this process, and how many are kept.
REMEMBERED_FOR = 60.0
REMEMBERED_CAP = 1024
# As long as user names get; a longer one belongs to nobody.
USERNAME_CAP = 150
WRONG = "Wrong user name or password."


class RememberedPasswords:
    """Password checks that succeeded lately.

    PBKDF2 costs a third of a second on purpose, far more than the request it guards. Neither password nor
    anything that one could be guessed from is kept: the key is a MAC under a secret of this process alone, over
    the stored hash too, so that a changed password is forgotten with the change.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def knows(self, user: User, password: str) -> bool:
        with self._lock:
            return self._until.get(self._key(user, password), 0.0) > time.monotonic()

    def remember(self, user: User, password: str) -> None:
        key = self._key(user, password)
        with self._lock:
            # Written anew, so that the dictionary's order is that of the times.
            self._until.pop(key, None)
            self._until[key] = time.monotonic() + REMEMBERED_FOR
            while len(self._until) > REMEMBERED_CAP:
                del self._until[next(iter(self._until))]

    def _key(self, user: User, password: str) -> bytes:
        parts = (str(user.pk), user.password, password)
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self._secret, message, hashlib.sha256)


remembered = RememberedPasswords()


class BasicAuthentication(authentication.BasicAuthentication):
    """User name and password, counted and locked together with the admin's login (`webmonitor.sign_in`)."""

    www_authenticate_realm = "webmonitor"

    def authenticate_credentials(self, userid: str, password: str, request: Request | None = None) -> tuple[User, None]:
        """The user; raises `AuthenticationFailed` (401), or what `_refusal` says if no password is taken now."""
        assert request is not None  # noqa: S101  # given by the framework
        http_request: HttpRequest = request._request
        if "\0" in userid or len(userid) > USERNAME_CAP:
            raise AuthenticationFailed(WRONG)
        user = User.objects.filter(username=userid, is_active=True).first()
        if user is not None and remembered.knows(user, password):
            refuse_if_locked(http_request, userid)
            return user, None
        checked = authenticate(request=http_request, username=userid, password=password)
        if not isinstance(checked, User):
            raise _refusal(http_request)
        remembered.remember(checked, password)
        return checked, None


class Busy(Throttled):
    """429 with the refusal's own sentence; the framework's would add words to it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(detail=refusal.text)
        self.wait = refusal.seconds


def refuse_if_locked(http_request: HttpRequest, username: str) -> None:
    """Raise `PermissionDenied` for a password that need not be checked."""
    refusal = counts(username, client_address(http_request)).refusal(timezone.now())
    if refusal is not None:
        raise PermissionDenied(refusal.text)


def _refusal(http_request: HttpRequest) -> APIException:
    """401 for a wrong password, 403 for a lock, 429 if too many sign in at once."""
    refusal = refusal_of(http_request)
    if refusal is None:
        return AuthenticationFailed(WRONG)
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Busy(refusal)
    return PermissionDenied(refusal.text)


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token wm_...`; only a hash of each token is stored."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not token.isalnum() and not token.replace(b"_", b"").isalnum():
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)
