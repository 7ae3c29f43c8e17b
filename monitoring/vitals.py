"""What a process says of itself every ten seconds: that it lives, what it missed, and whether that is too much."""

import logging

from monitoring import heartbeats, troubles
from monitoring.models import Heartbeat, TroubleKind
from monitoring.overload import Misses, Overload, Verdict

logger = logging.getLogger(__name__)


class Vitals:
    """Of one process as beat or worker; used by one thread."""

    def __init__(self, component: Heartbeat.Component, misses: Misses) -> None:
        self._component = component
        self._misses = misses
        self._overload = Overload()
        self._is_overloaded = False

    def say(self) -> None:
        """Called every `heartbeats.INTERVAL`. Raises `django.db.Error` alone."""
        heartbeats.write(self._component, self._misses.by_reason())
        verdict = self._overload.look(self._misses.take())
        self._log(verdict)
        if verdict is None:
            troubles.clear(TroubleKind.OVERLOADED, self._component)
        else:
            troubles.note(TroubleKind.OVERLOADED, *verdict, self._component)

    def _log(self, verdict: Verdict | None) -> None:
        if self._is_overloaded == (verdict is not None):
            return
        self._is_overloaded = verdict is not None
        if verdict is None:
            logger.warning("overloaded no more", extra={"component": self._component.value})
        else:
            extra = {"component": self._component.value, "why": verdict.words, "affected": verdict.affected}
            logger.error("overloaded", extra=extra)
