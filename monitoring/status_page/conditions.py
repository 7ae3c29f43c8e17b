"""How shown websites are, in the public's words, and what that comes to as a whole."""

from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from monitoring.models import State


class Condition(Enum):
    """Worst first. A word for a website, words for how many there are, a sign, and the state whose colours it has."""

    DOWN = ("Outage", "with an outage", "✕", "down")
    DEGRADED = ("Degraded", "degraded", "!", "unknown")
    MAINTENANCE = ("Maintenance", "under maintenance", "⚙\ufe0e", "maintenance")
    UNKNOWN = ("Unknown", "unknown", "?", "unknown")
    OPERATIONAL = ("Operational", "operational", "✓", "up")
    PAUSED = ("Not monitored", "not monitored", "❙❙", "paused")

    def __init__(self, word: str, counted: str, sign: str, look: str) -> None:
        self.word = word
        self.counted = counted
        self.sign = sign
        self.look = look


# Where some are so, and where all are.
_WORDS = {
    Condition.DOWN: ("Partial outage", "Major outage"),
    Condition.DEGRADED: ("Some systems are degraded", "Degraded service"),
    Condition.MAINTENANCE: ("Some systems are under maintenance", "Under maintenance"),
    Condition.UNKNOWN: ("The status of some systems is unknown", "Status unknown"),
    Condition.OPERATIONAL: ("All monitored systems operational", "All systems operational"),
    Condition.PAUSED: ("Not monitored at present", "Not monitored at present"),
}


class Headline(NamedTuple):
    condition: Condition
    words: str
    # How many websites are how.
    details: str


def condition(
    state: State, *, is_fresh: bool = True, is_degraded: bool = False, in_maintenance: bool = False
) -> Condition:
    """Of a website; fresh is one that was checked lately: of another, the state says what was once."""
    if in_maintenance:
        return Condition.MAINTENANCE
    if state == State.PAUSED:
        return Condition.PAUSED
    if state == State.UNKNOWN or not is_fresh:
        return Condition.UNKNOWN
    if state == State.DOWN:
        return Condition.DOWN
    return Condition.DEGRADED if is_degraded else Condition.OPERATIONAL


def headline(conditions: Sequence[Condition]) -> Headline:
    """All of them in one sentence, which is that of the worst; what is not monitored is neither good nor bad."""
    counts = Counter(conditions)
    worst = next((one for one in Condition if counts[one]), Condition.UNKNOWN)
    details = ", ".join(f"{counts[one]} {one.counted}" for one in Condition if counts[one])
    if not conditions:
        return Headline(worst, "Nothing is shown here yet", details)
    some, every = _WORDS[worst]
    are_all = counts[worst] + (0 if worst in (Condition.OPERATIONAL, Condition.PAUSED) else counts[Condition.PAUSED])
    return Headline(worst, every if are_all == len(conditions) else some, details)
