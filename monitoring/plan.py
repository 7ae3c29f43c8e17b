"""When each website is due: phase-locked slots. Pure: no Django, no clock of its own.

Slot k of a website is at `phase + k * interval` since the epoch. The phase follows from what is
stored, so slots survive restarts and never drift: from the anchor, the moment of its first check,
where a website came alone or with few others; else from its id. Consecutive ids are spread over the
interval by the golden ratio (a Weyl sequence: the most even spread that needs no table), so that
websites that came in great number do not come in a herd for ever.
All times are whole milliseconds of Unix time, so that a slot is the same number everywhere.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from monitoring.overload import Misses, Reason

GOLDEN_RATIO = 0.6180339887498949

# A slot that could not be dispatched for longer than this is missed, not made up for: after
# a stall of a minute, everything at once would be a burst that helps nobody.
LATE_TOLERANCE_MS = 2_000
# Yet a website with a longer interval than this is checked soon after its missed slot.
PATIENT_INTERVAL_MS = 60_000
# Checks beside the slots (a new website, "check now"), each second, and saved up at most.
SOON_PER_SECOND = 100
# At a start, more new websites than this wait for their slots.
SOON_AT_START = 100

# Website id, and time due; None for a check beside the slots.
Slot = tuple[int, int | None]


class Version(NamedTuple):
    """How new what a worker knows of some websites has to be, which is sent along with their slots.

    `beat` names the process, whose readings of its plan are counted from 1: `reading` is the newest one, `changed` the
    one that showed the last change of these websites.
    """

    beat: str
    reading: int
    changed: int


class Row(NamedTuple):
    """What is stored of an active website: `task_id` is its periodic task's key, `anchor` is in ms.

    `changed_at` differs wherever the website was changed.
    """

    website_id: int
    task_id: int
    seconds: int
    anchor: int | None
    changed_at: datetime


@dataclass(slots=True)
class PlanEntry:
    """One active website; `due` is the slot it waits for, `changed` the reading that showed its last change."""

    task_id: int
    interval: int
    phase: int
    due: int
    changed_at: datetime
    changed: int


def phase_of(website_id: int, interval: int, anchor: int | None = None) -> int:
    """The offset of a website's slots within its interval (ms)."""
    return int(website_id * GOLDEN_RATIO % 1.0 * interval) if anchor is None else anchor % interval


def next_slot(phase: int, interval: int, now: int) -> int:
    """The first slot after `now`."""
    return now + interval - (now - phase) % interval


class Plan:
    """All active websites and what is due of them."""

    def __init__(self, misses: Misses | None = None) -> None:
        self.entries: dict[int, PlanEntry] = {}
        self.misses = misses or Misses()
        self._heap: list[tuple[int, int]] = []
        # Website ids in the order in which they asked, each with the slot to serve or None for no slot.
        self._soon: dict[int, int | None] = {}
        # Those that `take_due` handed out last because they had asked.
        self._taken_soon: set[int] = set()
        self._soon_credit = float(SOON_PER_SECOND)
        self._soon_counted_at: int | None = None

    @property
    def missed(self) -> int:
        """Slots that were not sent in time."""
        return self.misses.total

    def update(self, rows: Iterable[Row], now: int, reading: int) -> None:
        """Take over all rows, as one `reading` found them; what did not change keeps its slot."""
        before, self.entries = self.entries, {}
        for website_id, task_id, seconds, anchor, changed_at in rows:
            interval = seconds * 1000
            phase = phase_of(website_id, interval, anchor)
            entry = before.get(website_id)
            if entry is None or entry.interval != interval or entry.phase != phase:
                entry = PlanEntry(task_id, interval, phase, next_slot(phase, interval, now), changed_at, reading)
                heapq.heappush(self._heap, (entry.due, website_id))
            elif entry.changed_at != changed_at:
                entry.changed_at, entry.changed = changed_at, reading
            entry.task_id = task_id
            self.entries[website_id] = entry
        if len(self._heap) > 2 * len(self.entries) + 1000:
            self._heapify()

    def rebuild(self, now: int) -> None:
        """Start every website at its first slot after `now`: the clock was set."""
        for entry in self.entries.values():
            entry.due = next_slot(entry.phase, entry.interval, now)
        self._soon_counted_at = now
        self._heapify()

    def ask_soon(self, website_ids: Iterable[int]) -> None:
        """Check these beside their slots, as soon as the budget allows."""
        self._soon.update(dict.fromkeys(website_ids))

    def begin(self, website_ids: Iterable[int], anchor: int) -> None:
        """Check these as soon as the budget allows, as the first slot of a grid that begins at `anchor`."""
        for website_id in website_ids:
            entry = self.entries.get(website_id)
            if entry is not None:
                entry.phase = phase_of(website_id, entry.interval, anchor)
                entry.due = anchor + entry.interval
                heapq.heappush(self._heap, (entry.due, website_id))
                self._soon[website_id] = anchor

    def take_due(self, now: int) -> list[Slot]:
        """Everything to dispatch now, each website at most once; slots too late are counted in `misses`."""
        due = [*self._slots_due(now)]
        self._taken_soon = self._soon.keys() & {website_id for website_id, _ in due}
        for website_id in self._taken_soon:
            del self._soon[website_id]
        soon = self._soon_due(now)
        self._taken_soon.update(website_id for website_id, _ in soon)
        return due + soon

    def give_back(self, slots: Iterable[Slot], reason: Reason) -> None:
        """Take back slots that could not be dispatched: missed, but whoever had asked for a check still waits."""
        website_ids = [website_id for website_id, _ in slots]
        self.misses.add(reason, website_ids)
        self._soon.update((website_id, None) for website_id in website_ids if website_id in self._taken_soon)

    def waiting(self) -> list[int]:
        """The websites that asked for a check and have not had it yet."""
        return list(self._soon)

    def next_due(self) -> int | None:
        """When `take_due` will have a slot next; None where there is nothing to wait for."""
        while self._heap:
            slot, website_id = self._heap[0]
            entry = self.entries.get(website_id)
            if entry is not None and entry.due == slot:
                return slot
            # The website was changed or removed after this was pushed.
            heapq.heappop(self._heap)
        return None

    @property
    def has_soon(self) -> bool:
        return bool(self._soon)

    def _slots_due(self, now: int) -> Iterable[Slot]:
        while (slot := self.next_due()) is not None and slot <= now:
            website_id = self._heap[0][1]
            entry = self.entries[website_id]
            entry.due = slot + entry.interval
            if now - slot <= LATE_TOLERANCE_MS:
                yield website_id, slot
            else:
                entry.due = next_slot(entry.phase, entry.interval, now)
                self.misses.add(Reason.BEAT_HELD_UP, [website_id], (entry.due - slot) // entry.interval)
                if entry.interval > PATIENT_INTERVAL_MS:
                    self._soon[website_id] = None
            heapq.heapreplace(self._heap, (entry.due, website_id))

    def _soon_due(self, now: int) -> list[Slot]:
        elapsed = max(0, now - self._soon_counted_at) if self._soon_counted_at is not None else 0
        self._soon_counted_at = now
        self._soon_credit = min(SOON_PER_SECOND, self._soon_credit + elapsed * SOON_PER_SECOND / 1000)
        due: list[Slot] = []
        while self._soon and self._soon_credit >= 1:
            website_id = next(iter(self._soon))
            slot = self._soon.pop(website_id)
            if website_id in self.entries:
                self._soon_credit -= 1
                due.append((website_id, slot))
        return due

    def _heapify(self) -> None:
        self._heap = [(entry.due, website_id) for website_id, entry in self.entries.items()]
        heapq.heapify(self._heap)
