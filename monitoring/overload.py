"""Whether this process has more checks to make than it has room for. Pure: no Django, no database.

`Misses` counts slots that are not checked, by reason. `Overload` looks at what came to them every ten seconds and says
whether that is a lack of room that lasts: missed in three of the last six looks, that is for more than twenty seconds
of a minute. What is made and comes to be stored much too late is as bad as missed. One stall of the machine or one
short storm shows in one look or two, and whoever is told could do nothing about it. It is over after a whole minute
without a miss, so that what comes and goes is one overload.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

# Looks of ten seconds: as many are remembered, and so many of them with a miss are an overload.
LOOKS = 6
LOOKS_WITH_MISSES = 3
# Seconds from a check's end until it comes to be stored, from which on it is as bad as missed.
LATE = 10.0


class Reason(StrEnum):
    """Why a slot is not checked, in words that follow "checks missed: "."""

    NO_ROOM = "no room for more checks"
    NO_ROOM_FOR_BODIES = "no room for bodies"
    UNDER_WAY = "the website's check before it was still under way"
    EXPIRED = "they expired before they were checked"
    EXPIRED_IN_QUEUE = "their message expired in the queue"
    BEAT_HELD_UP = "beat was held up"
    NO_LEAD = "beat lost the lead"
    NO_BROKER = "the broker takes nothing"
    NO_WORKER = "no worker empties the queue"
    NO_DATABASE = "the database cannot be read"
    NOT_STORED = "they could not be stored"
    NO_ENGINE = "the probe engine has ended"
    STOPPING = "the worker was told to stop"


# What more workers, longer intervals or a faster machine would mend; the rest is told of otherwise.
OF_LOAD = frozenset(
    (Reason.NO_ROOM, Reason.NO_ROOM_FOR_BODIES, Reason.EXPIRED, Reason.EXPIRED_IN_QUEUE, Reason.BEAT_HELD_UP)
)


class Missed(NamedTuple):
    """What was missed within a time: slots by reason, and the websites that missed one for lack of room.

    And how many seconds late checks came to be stored at most, if that was too much; `website_ids` has these as well.
    """

    by_reason: Counter[str]
    website_ids: frozenset[int]
    late: float = 0.0

    @property
    def is_too_much(self) -> bool:
        return bool(self.by_reason or self.late)


class Misses:
    """Slots that this process missed. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_reason: Counter[str] = Counter()
        self._new: Counter[str] = Counter()
        self._websites: set[int] = set()
        self._late = 0.0

    def add(self, reason: str, website_ids: Iterable[int], slots: int | None = None) -> None:
        """Count so many slots of these websites; without `slots`, one a website id, which may come twice."""
        ids = list(website_ids)
        count = len(ids) if slots is None else slots
        with self._lock:
            self._by_reason[reason] += count
            self._new[reason] += count
            if reason in OF_LOAD:
                self._websites.update(ids)

    def note_late(self, seconds: float, website_ids: Iterable[int]) -> None:
        """Say that checks come to be stored so long after their end; what is less than `LATE` is passed over."""
        if seconds > LATE:
            with self._lock:
                self._late = max(self._late, seconds)
                self._websites.update(website_ids)

    @property
    def total(self) -> int:
        """Slots since the process started."""
        with self._lock:
            return self._by_reason.total()

    def by_reason(self) -> Counter[str]:
        """Slots since the process started."""
        with self._lock:
            return self._by_reason.copy()

    def take(self) -> Missed:
        """What came since the last call."""
        with self._lock:
            taken = Missed(self._new, frozenset(self._websites), self._late)
            self._new, self._websites, self._late = Counter(), set(), 0.0
        return taken


class Verdict(NamedTuple):
    """Why a process counts as overloaded, in words without a full stop, and how many websites that affects."""

    words: str
    affected: int


class Overload:
    """Decides from one look after the other; used by one thread."""

    def __init__(self) -> None:
        self._looks: deque[Missed] = deque(maxlen=LOOKS)
        self._is_overloaded = False

    def look(self, missed: Missed) -> Verdict | None:
        """Take in what was missed since the last look, ten seconds ago; None while the process is not overloaded."""
        of_load = Counter({reason: slots for reason, slots in missed.by_reason.items() if reason in OF_LOAD and slots})
        self._looks.append(missed._replace(by_reason=of_load))
        with_misses = sum(look.is_too_much for look in self._looks)
        self._is_overloaded = with_misses >= (1 if self._is_overloaded else LOOKS_WITH_MISSES)
        return self._verdict() if self._is_overloaded else None

    def _verdict(self) -> Verdict:
        slots: Counter[str] = sum((look.by_reason for look in self._looks), Counter())
        websites = frozenset[int]().union(*(look.website_ids for look in self._looks))
        late = max(look.late for look in self._looks)
        said = [f"what checks found is stored {late:.0f} s late"] if late else []
        if slots:
            reasons = " and ".join(reason for reason, _ in slots.most_common(2))
            said.insert(0, f"{_checks(slots.total())} missed in the last minute: {reasons}")
        return Verdict("; ".join(said), len(websites))


def _checks(count: int) -> str:
    return f"{count:,} {'check' if count == 1 else 'checks'}"
