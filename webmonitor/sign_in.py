"""Who may try a password now: wrong ones are counted by name and address and by address alone, for all processes.

Ten wrong passwords for a name from an address lock that name for that address, thirty in all lock the address, for
fifteen minutes from the last wrong one. Everybody else, and the same person from elsewhere, is let in meanwhile.
django-axes has the table, the admin's list of it, and the hooks: https://django-axes.readthedocs.io/
"""

import contextlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.backends import AxesBackend
from axes.handlers.base import AxesHandler
from axes.models import AccessAttempt
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from webmonitor.clients import client_address

logger = logging.getLogger(__name__)

NAME_LIMIT, ADDRESS_LIMIT = 10, 30
LOCKED_FOR = timedelta(minutes=15)
# While locked, a password is looked at once in so long: enough to tell the last wrong one, too rare to cost anything.
LOOKED_AT_EACH = timedelta(minutes=1)
# The row of an address counts under the name that nobody has.
NOBODY = ""
NAME_CAP = 255
# In a process: passwords hashed at once (each takes a core for a third of a second), and threads that may wait for
# that, in all and for one address. The others are for pages.
HASHED_AT_ONCE, WAITING_IN_ALL, WAITING_EACH = 1, 5, 4
BUSY = "Too many people are signing in just now. Try again in a few seconds."
BUSY_SECONDS = 2


@dataclass(frozen=True)
class Refusal:
    """Why no password was taken, and in how many seconds it may be."""

    text: str
    status: int
    seconds: int


@dataclass(frozen=True)
class Counts:
    """Wrong passwords of a name from an address, and of the address in all, each with the time of the last one."""

    name: int = 0
    name_last: datetime | None = None
    address: int = 0
    address_last: datetime | None = None

    @property
    def name_is_locked(self) -> bool:
        return self.name >= NAME_LIMIT

    @property
    def address_is_locked(self) -> bool:
        return self.address >= ADDRESS_LIMIT

    @property
    def last(self) -> datetime | None:
        """The last wrong password of what is locked; None if nothing is."""
        found = [(self.name_is_locked, self.name_last), (self.address_is_locked, self.address_last)]
        return max((last for is_locked, last in found if is_locked and last is not None), default=None)

    def refusal(self, now: datetime) -> Refusal | None:
        if self.last is None:
            return None
        seconds = max(1, math.ceil((self.last + LOCKED_FOR - now).total_seconds()))
        minutes = math.ceil(seconds / 60)
        whose = "from your address" if self.address_is_locked else "for this user from your address"
        wait = f"{minutes} minute{'s' if minutes > 1 else ''}"
        return Refusal(f"Too many wrong passwords {whose}. Try again in {wait}.", 403, seconds)


def counts(username: str, address: str | None) -> Counts:
    """One query; what is older than a lock is forgotten."""
    since = timezone.now() - LOCKED_FOR
    rows = AccessAttempt.objects.filter(
        username__in={_kept(username), NOBODY}, ip_address=address, user_agent="", attempt_time__gt=since
    )
    found = {row[0]: row[1:] for row in rows.values_list("username", "failures_since_start", "attempt_time")}
    return Counts(*found.get(_kept(username), (0, None)), *found.get(NOBODY, (0, None)))


def note_wrong(username: str, address: str | None, before: Counts) -> None:
    """Count a wrong password; those for a name that is locked anyway do not bring the address nearer to its lock."""
    now = timezone.now()
    AccessAttempt.objects.filter(attempt_time__lte=now - LOCKED_FOR).delete()
    with transaction.atomic():
        _count(_kept(username), address, now, 1)
        if not before.name_is_locked:
            _count(NOBODY, address, now, 1)
    logger.warning("wrong password", extra={"address": address, "user": repr(username)})
    if before.last is None and counts(username, address).last is not None:
        logger.warning("sign-in is locked for a while", extra={"address": address, "user": repr(username)})


def forgive(username: str, address: str | None) -> None:
    """Forget the wrong passwords of a name from an address: its owner has signed in from there."""
    before = counts(username, address)
    if before.name:
        rows = AccessAttempt.objects.filter(ip_address=address, user_agent="")
        with transaction.atomic():
            rows.filter(username=_kept(username)).delete()
            rows.filter(username=NOBODY, failures_since_start__gte=before.name).update(
                failures_since_start=F("failures_since_start") - before.name
            )


def _count(username: str, address: str | None, now: datetime, number: int) -> None:
    rows = AccessAttempt.objects.filter(username=username, ip_address=address, user_agent="")
    is_old = Q(attempt_time__lte=now - LOCKED_FOR)
    failures = Case(When(is_old, then=Value(number)), default=F("failures_since_start") + number)
    if rows.update(failures_since_start=failures, attempt_time=now):
        return
    first = AccessAttempt(username=username, ip_address=address, user_agent="", failures_since_start=0)
    AccessAttempt.objects.bulk_create([first], ignore_conflicts=True)
    rows.update(failures_since_start=F("failures_since_start") + number, attempt_time=now)


def _kept(username: str) -> str:
    return username.replace("\0", "")[:NAME_CAP]


class Places:
    """Room for those whose passwords are hashed, and for a few who wait: never for all threads of the process."""

    def __init__(self) -> None:
        self._hashing = threading.Semaphore(HASHED_AT_ONCE)
        self._lock = threading.Lock()
        self._waiting: Counter[str | None] = Counter()

    @contextlib.contextmanager
    def place(self, address: str | None) -> Iterator[bool]:
        """Wait for one's turn; yields False at once if there is no room to wait."""
        with self._lock:
            has_room = self._waiting.total() < WAITING_IN_ALL and self._waiting[address] < WAITING_EACH
            self._waiting += Counter({address: int(has_room)})
        if not has_room:
            yield False
            return
        try:
            with self._hashing:
                yield True
        finally:
            with self._lock:
                self._waiting -= Counter({address: 1})


places = Places()


class PasswordBackend(AxesBackend):  # type: ignore[misc]
    """Django's own check of a password, for those who may try one now."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The user, or None. Raises `PermissionDenied` with `refusal_of(request)` set if none may be let in now."""
        if request is None or username is None or password is None:
            return None
        address = client_address(request)
        _refuse_if_locked(request, counts(username, address))
        with places.place(address) as has_place:
            if not has_place:
                raise _refused(request, Refusal(BUSY, 429, BUSY_SECONDS))
            # Others may have been wrong while this one waited.
            before = counts(username, address)
            _refuse_if_locked(request, before)
            user = ModelBackend.authenticate(self, request, username=username, password=password)
            if user is None:
                note_wrong(username, address, before)
                before = counts(username, address)
        refusal = before.refusal(timezone.now())
        if refusal is not None:
            raise _refused(request, refusal)
        return user if isinstance(user, User) else None


def _refuse_if_locked(request: HttpRequest, now_counted: Counts) -> None:
    """Raise `PermissionDenied` without a look at the password, unless it is time for one."""
    now = timezone.now()
    refusal = now_counted.refusal(now)
    if refusal is not None and now_counted.last is not None and now - now_counted.last < LOOKED_AT_EACH:
        raise _refused(request, refusal)


def _refused(request: HttpRequest, refusal: Refusal) -> PermissionDenied:
    # The middleware of django-axes then answers with `refused`.
    request.axes_locked_out = True  # type: ignore[attr-defined]
    request.sign_in_refusal = refusal  # type: ignore[attr-defined]
    return PermissionDenied(refusal.text)


def refusal_of(request: HttpRequest) -> Refusal | None:
    """Why the password that came with a request was not taken; whoever asks answers the request."""
    request.axes_locked_out = False  # type: ignore[attr-defined]
    return getattr(request, "sign_in_refusal", None)


def refused(request: HttpRequest, _answer: HttpResponse | None = None, _credentials: Any = None) -> HttpResponse:
    """The answer to a sign-in, or to a change of a password, that is refused for now."""
    refusal: Refusal = request.sign_in_refusal  # type: ignore[attr-defined]
    wants_page = request.get_preferred_type(["application/json", "text/html"]) != "application/json"
    context = {"message_title": "Not now", "message": refusal.text}
    response: HttpResponse = (
        render(request, "monitoring/site_message.html", context, status=refusal.status)
        if wants_page
        else JsonResponse({"detail": refusal.text}, status=refusal.status)
    )
    response.headers["Retry-After"] = str(refusal.seconds)
    return response


class Handler(AxesHandler):  # type: ignore[misc]
    """What django-axes would do with each wrong password, the backend does.

    Basic authentication forgives nothing: a script that is let in all the time would let everybody behind its address
    guess without end.
    """

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
        forgive(user.get_username(), client_address(request))

    def post_save_access_attempt(self, instance: AccessAttempt, **_: Any) -> None:
        pass

    def post_delete_access_attempt(self, instance: AccessAttempt, **_: Any) -> None:
        pass
