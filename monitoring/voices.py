"""Who answered last, who was silent since, and whom to ask while it is in doubt whose fault failures are."""

import functools
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from monitoring.probe.names import name_in
from monitoring.witnesses import Place, Reach, domain_of

# Seconds for which a network that answered counts as one there is.
KNOWN_FOR = 3600.0


class Voice(NamedTuple):
    """A website, and when it answered (Unix time)."""

    website_id: int
    moment: float


class Voices:
    """Of each network and each domain the website that answered last; of each website whether it was silent since."""

    def __init__(self) -> None:
        self._networks: dict[Reach, dict[str, Voice]] = {reach: {} for reach in Reach}
        self._domains: dict[str, Voice] = {}
        # The newest mark of each website that was silent, and has not answered since.
        self._silent: dict[int, float] = {}
        # Those among them that were silent while another answered.
        self._refuted: set[int] = set()
        self._asked: dict[int, float] = {}

    def hear(self, website_id: int, place: Place, moment: float) -> None:
        """The website answered."""
        self._networks[place.reach][place.network] = Voice(website_id, moment)
        if self._silent and moment >= self._silent.get(website_id, moment):
            self._silent.pop(website_id, None)
            self._refuted.discard(website_id)

    def hear_name(self, website_id: int, domain: str, moment: float) -> None:
        """The website's name was found."""
        self._domains[domain] = Voice(website_id, moment)

    def miss(self, website_id: int, mark: float) -> None:
        """The website was silent."""
        self._silent[website_id] = max(mark, self._silent.get(website_id, mark))

    def refute(self, website_ids: Iterable[int]) -> None:
        """Another answered while they were silent: until they answer, their silence says nothing of the monitor."""
        self._refuted.update(self._silent.keys() & website_ids)

    def is_refuted(self, website_id: int) -> bool:
        return website_id in self._refuted

    def count(self, farthest: Reach) -> int:
        """The networks that can testify, without those that are nearer."""
        voices = (voice for reach in Reach if reach >= farthest for voice in self._networks[reach].values())
        return sum(voice.website_id not in self._refuted for voice in voices)

    def of_networks(self, farthest: Reach, besides: Collection[str]) -> list[Voice]:
        """Those that were not silent since, without some networks and what is nearer."""
        return [
            voice for reach in Reach if reach >= farthest for voice in self._unbroken(self._networks[reach], besides)
        ]

    def of_domains(self, besides: Collection[str]) -> list[Voice]:
        """Those that were not silent since, without some domains."""
        return self._unbroken(self._domains, besides)

    def choose(self, voices: Iterable[Voice], count: int, now: float) -> list[int]:
        """Whom to ask: those first who were not asked for longest, and of these who answered last."""
        order = sorted(voices, key=lambda voice: (self._asked.get(voice.website_id, 0.0), -voice.moment))
        chosen = [voice.website_id for voice in order[:count]]
        self._asked |= dict.fromkeys(chosen, now)
        return chosen

    def forget(self, now: float) -> None:
        """Forget what is long ago, and what was heard in a future that the clock was set back from."""
        self._networks = {reach: _lately(voices, now) for reach, voices in self._networks.items()}
        self._domains = _lately(self._domains, now)
        self._silent = {who: mark for who, mark in self._silent.items() if now - KNOWN_FOR < mark <= now}
        self._asked = {who: moment for who, moment in self._asked.items() if now - KNOWN_FOR < moment <= now}
        self._refuted &= self._silent.keys()

    def _unbroken(self, voices: Mapping[str, Voice], besides: Collection[str]) -> list[Voice]:
        return [voice for who, voice in voices.items() if who not in besides and voice.website_id not in self._silent]


@functools.lru_cache(maxsize=65_536)
def found_domain(url: str) -> str:
    """The domain for which a name server must have been heard if the name was found.

    Blank for addresses, and for names without a dot: they are often found on the way to it.
    """
    named = name_in(url)
    return domain_of(named[0]) if named is not None and "." in named[0] else ""


def _lately(voices: Mapping[str, Voice], now: float) -> dict[str, Voice]:
    return {who: voice for who, voice in voices.items() if now - KNOWN_FOR < voice.moment <= now}
