"""Ours or theirs: whether the monitor itself is cut off, so that a fault on our side never becomes an outage of theirs.

A failure is our own only with evidence. Each that is looked at here is silent: the check made no connection, and no
name server said that there is no such name.

| evidence                                                                        | excuses                        |
|---------------------------------------------------------------------------------|--------------------------------|
| reference addresses are asked at the time, and neither they nor others answer   | what is silent                 |
| the same, and one answers                                                       | nothing                        |
| several networks are silent, and since then nobody in reach was connected to    | what is silent and in reach    |
| the names of several domains are silent, and since then no name was found       | names that are silent          |

Several are three, or all that there are, but never one: see `monitoring.witnesses` for who counts as one. As long as
that is in doubt or holds, websites of others that answered last are checked out of turn: one answer ends it. Whoever
was silent while another answered is no witness until it answers again, so that many that are dead never outvote one.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from monitoring.models import State
from monitoring.probe.names import name_in
from monitoring.probe.types import ErrorKind
from monitoring.references import Look, References
from monitoring.voices import Voice, Voices, found_domain
from monitoring.witnesses import RETRY, Reach, Silence, domain_of, place_of

logger = logging.getLogger(__name__)

# How a website looks to a monitor without a connection.
KINDS = frozenset((ErrorKind.DNS, ErrorKind.CONNECT, ErrorKind.TIMEOUT))
# What never went out.
UNSENT = frozenset((ErrorKind.INTERNAL, ErrorKind.BLOCKED_ADDRESS))
# So many witnesses must be silent, where there are so many; never fewer than the second.
ENOUGH, FEWEST = 3, 2
# Seconds for which a look at the references says something of a check.
LOOK_COUNTS = 10.0
# Seconds between two times of forgetting what is long ago.
SWEEP_INTERVAL = 60.0
# An answer says that everything is in reach that is as near.
NEARER = {reach: [other for other in Reach if other <= reach] for reach in Reach}
# Witnesses that the log names.
SHOWN = 10
# Seconds between two turns of asking others, and how many at a time for each question.
ASK_INTERVAL = 5.0
ASKED = 3
AGAIN = 100  # Websites checked again as soon as a time is over in which they were excused.


class Reason(StrEnum):
    """Why failures are our own."""

    REFERENCES = "references"
    LINE = "line"
    NAMES = "names"


class Observation(NamedTuple):
    """A check as it is judged here: which website, its error (blank for none), what is known of the website.

    Further whether anything was heard from outside, when it was begun and over (Unix times), and the URL asked for and
    the address dialled (blank for none).
    """

    website_id: int
    error: str
    known: str
    is_heard: bool = False
    began: float = 0.0
    ended: float = 0.0
    url: str = ""
    address: str = ""

    @property
    def is_silent(self) -> bool:
        return not self.is_heard and self.error in KINDS and bool(self.address or self.error == ErrorKind.DNS)

    @property
    def heard_at(self) -> float:
        """At the end; but where the rest was silent, of the beginning alone it is known."""
        return self.began if self.error == ErrorKind.TIMEOUT else self.ended

    @property
    def mark(self) -> float:
        return min(self.began + RETRY, self.ended)


class Connectivity:
    """Used by the one thread that writes checks."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._line = {reach: Silence() for reach in Reach}
        self._names = Silence()
        self._voices = Voices()
        self._asked_at = self._swept_at = 0.0
        self._again: list[int] = []
        # Whether a reference ever answered, and whether it was said that none does.
        self._has_answered = self._is_said = False

    def excused(self, checks: Sequence[Observation]) -> dict[int, Reason]:
        """Which of the checks, by their places, failed by our own fault, and why.

        That excuses websites that are not down.
        """
        self._sweep()
        if not any(check.is_silent for check in checks):
            self._hear([check for check in checks if _says_something(check)])
            return {}
        for _, take, check in sorted(self._events(checks), key=itemgetter(0)):
            take(check)
        found = {place: self._reason(check) for place, check in enumerate(checks) if check.is_silent}
        return {place: reason for place, reason in found.items() if reason is not None}

    def lasting(self) -> set[Reason]:
        """The reasons that hold still."""
        looks = filter(None, (self._references.latest(kind) for kind in (ErrorKind.DNS, ErrorKind.CONNECT)))
        lasts = {
            Reason.REFERENCES: any(not look.is_answered for look in looks),
            Reason.LINE: any(line.lasts for line in self._line.values()),
            Reason.NAMES: self._names.lasts,
        }
        return {reason for reason, is_so in lasts.items() if is_so}

    def to_ask(self) -> list[int]:
        """Websites whose answer, or silence, would tell whose fault the latest failures are; mostly none."""
        now = time.time()
        if again := self._again:
            self._again = []
            return again
        if now < self._asked_at + ASK_INTERVAL:
            return []
        asked = {who: None for voices in self._questions(now) for who in self._voices.choose(voices, ASKED, now)}
        if asked:
            self._asked_at = now
        return list(asked)

    def _questions(self, now: float) -> Iterator[list[Voice]]:
        """For each that is open, who could answer it."""
        open_lines = [reach for reach, line in self._line.items() if line.is_open(now)]
        if self._names.is_open(now):
            yield self._voices.of_domains(self._names.marks)
            # Without a line, no name is found either.
            open_lines = open_lines or [Reach.GLOBAL]
        if open_lines:
            farthest = max(open_lines)
            yield self._voices.of_networks(farthest, self._line[farthest].marks)

    # --- What was heard, and what was not -------------------------------------------------

    def _events(
        self, checks: Sequence[Observation]
    ) -> Iterator[tuple[float, Callable[[Observation], None], Observation]]:
        """What the checks say, each with the moment that it is about."""
        for check in checks:
            if check.is_silent:
                yield check.ended, self._note, check
                if check.error != ErrorKind.DNS:
                    # So its name was found.
                    yield check.began, lambda found: self._hear_names([found]), check
            elif _says_something(check):
                yield check.heard_at, lambda heard: self._hear([heard]), check

    def _hear(self, checks: Sequence[Observation]) -> None:
        newest: dict[Reach, float] = {}
        for check in checks:
            if check.address:
                moment, place = check.heard_at, place_of(check.address)
                if moment > newest.get(place.reach, 0.0):
                    newest[place.reach] = moment
        for reach, moment in newest.items():
            for nearer in NEARER[reach]:
                if moment > self._line[nearer].heard_at:
                    self._contradict(self._line[nearer], moment)
        self._hear_names(checks)
        for check in checks:
            if check.address:
                self._voices.hear(check.website_id, place_of(check.address), check.heard_at)

    def _hear_names(self, checks: Sequence[Observation]) -> None:
        named_at = self._names.heard_at
        for check in checks:
            if domain := found_domain(check.url):
                self._voices.hear_name(check.website_id, domain, check.began)
                named_at = max(named_at, check.began)
        if named_at > self._names.heard_at:
            self._contradict(self._names, named_at)

    def _contradict(self, silence: Silence, moment: float) -> None:
        """If that ends it, ask them at once: who was cut off answers, and is a witness should the line go again."""
        lasted, contradicted = silence.lasts, silence.hear(moment)
        self._voices.refute(contradicted)
        if lasted and not silence.lasts:
            self._again += contradicted[:AGAIN]

    def _note(self, check: Observation) -> None:
        website_id, mark = check.website_id, check.mark
        self._voices.miss(website_id, mark)
        if check.known not in (State.UP, State.UNKNOWN):
            return
        is_name = check.error == ErrorKind.DNS
        place = None if is_name else place_of(check.address)
        silence = self._names if place is None else self._line[place.reach]
        if mark <= silence.heard_at:
            # Begun in the dark and over afterwards, it says nothing of the website either.
            if not silence.covers(check.began, mark):
                self._voices.refute([website_id])
        elif self._voices.is_refuted(website_id):
            silence.doubt(mark)
        else:
            silence.testify(_domain(check.url) if place is None else place.network, website_id, mark)
            self._conclude()

    def _conclude(self) -> None:
        undecided = [silence for silence in (*self._line.values(), self._names) if silence.marks and not silence.lasts]
        if not undecided:
            return
        enough = self._enough()
        if len(self._names.marks) >= enough and self._names in undecided:
            self._begin(self._names, "no name is found any more, the name servers may be away")
        lines = [silence for silence in undecided if silence is not self._names]
        if lines and len(self._silent()) >= enough:
            for silence in lines:
                self._begin(silence, "nothing can be connected to any more, the monitor may be cut off")

    def _begin(self, silence: Silence, words: str) -> None:
        logger.warning(words, extra={"silent": sorted(self._silent())[:SHOWN]})
        silence.begin()

    def _silent(self) -> dict[str, float]:
        """Who is silent, and nothing contradicts that; names too, as it takes a line to reach their servers."""
        heard_at = self._line[Reach.GLOBAL].heard_at
        silent = {who: mark for who, mark in self._names.marks.items() if mark > heard_at}
        for silence in self._line.values():
            silent |= silence.marks
        return silent

    def _enough(self) -> int:
        farthest = max((reach for reach in Reach if self._line[reach].marks), default=Reach.LOOPBACK)
        return min(ENOUGH, max(FEWEST, self._voices.count(farthest)))

    def _sweep(self) -> None:
        """Forget networks that answer no more, and what was heard in a future that the clock was set back from."""
        now = time.time()
        if self._swept_at <= now < self._swept_at + SWEEP_INTERVAL:
            return
        self._swept_at = now
        self._voices.forget(now)
        self._doubt_references()
        if any(silence.heard_at > now + LOOK_COUNTS for silence in (*self._line.values(), self._names)):
            self._line, self._names = {reach: Silence() for reach in Reach}, Silence()

    def _doubt_references(self) -> None:
        """Say once if none ever answered, though websites do: they are wrong, or what is sent to them is dropped."""
        look = self._references.latest(ErrorKind.CONNECT)
        self._has_answered = self._has_answered or (look is not None and look.is_answered)
        is_wrong = look is not None and any(line.heard_at >= look.asked_at for line in self._line.values())
        if is_wrong and not self._has_answered and not self._is_said:
            self._is_said = True
            logger.warning("no reference address ever answered, though websites do: look at REFERENCE_ADDRESSES")

    # --- Whose fault it is ----------------------------------------------------------------

    def _reason(self, check: Observation) -> Reason | None:
        look = self._references.latest(check.error)
        if look is not None and _is_of_its_time(look, check):
            if look.is_answered:
                return None
            if not self._is_contradicted(check):
                return Reason.REFERENCES
        is_name = check.error == ErrorKind.DNS
        # Whoever is asked for a name is somewhere on the line.
        lines = list(self._line.values()) if is_name else [self._line[place_of(check.address).reach]]
        if any(line.covers(check.began, check.mark) for line in lines):
            return Reason.LINE
        return Reason.NAMES if is_name and self._names.covers(check.began, check.mark) else None

    def _is_contradicted(self, check: Observation) -> bool:
        """Whether another that is as far was heard, at the time, when this one could have been."""
        is_name = check.error == ErrorKind.DNS
        silence = self._names if is_name else self._line[place_of(check.address).reach]
        return check.mark <= silence.heard_at <= check.ended + LOOK_COUNTS


def _says_something(check: Observation) -> bool:
    return check.is_heard or check.is_silent or (check.error not in KINDS and check.error not in UNSENT)


def _is_of_its_time(look: Look, check: Observation) -> bool:
    return check.began - LOOK_COUNTS <= look.asked_at <= check.ended + LOOK_COUNTS


def _domain(url: str) -> str:
    named = name_in(url)
    return domain_of(named[0] if named else url)
