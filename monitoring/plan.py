"""When each website is due: phase-locked slots. Pure: no Django, no clock of its own.

Slot k of a website is at `phase + k * interval` since the epoch. The phase follows from the
website's id alone, so slots survive restarts and never drift; consecutive ids are spread over
the interval by the golden ratio (a Weyl sequence: the most even spread that needs no table).
All times are whole milliseconds of Unix time, so that a slot is the same number everywhere.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

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

Slot = tuple[int, int]  # website id, time due


@dataclass(slots=True)
class PlanEntry:
    """One active website. `task_id` is its periodic task's key; `due` the slot it waits for."""

    task_id: int
    interval: int
    due: int


def phase_of(website_id: int, interval: int) -> int:
    """The offset of a website's slots within its interval (ms)."""
    return int(website_id * GOLDEN_RATIO % 1.0 * interval)


def next_slot(website_id: int, interval: int, now: int) -> int:
    """The first slot after `now`."""
    return now + interval - (now - phase_of(website_id, interval)) % interval


class Plan:
    """All active websites and what is due of them."""

    def __init__(self) -> None:
        self.entries: dict[int, PlanEntry] = {}
        self.missed = 0
        self._heap: list[tuple[int, int]] = []
        self._soon: dict[int, None] = {}
        self._soon_credit = float(SOON_PER_SECOND)
        self._soon_counted_at: int | None = None

    def update(self, rows: Iterable[tuple[int, int, int]], now: int) -> None:
        """Take over the rows `(website_id, task_id, interval in seconds)`; what did not change keeps its slot."""
        before, self.entries = self.entries, {}
        for website_id, task_id, seconds in rows:
            interval = seconds * 1000
            entry = before.get(website_id)
            if entry is None or entry.interval != interval or entry.task_id != task_id:
                entry = PlanEntry(task_id, interval, next_slot(website_id, interval, now))
                heapq.heappush(self._heap, (entry.due, website_id))
            self.entries[website_id] = entry
        if len(self._heap) > 2 * len(self.entries) + 1000:
            self._heapify()

    def rebuild(self, now: int) -> None:
        """Start every website at its first slot after `now`: the clock was set."""
        for website_id, entry in self.entries.items():
            entry.due = next_slot(website_id, entry.interval, now)
        self._soon_counted_at = now
        self._heapify()

    def ask_soon(self, website_ids: Iterable[int]) -> None:
        """Check these beside their slots, as soon as the budget allows."""
        self._soon.update(dict.fromkeys(website_ids))

    def take_due(self, now: int) -> list[Slot]:
        """Everything to dispatch now, each website at most once; slots too late are counted in `missed`."""
        due = [*self._slots_due(now)]
        for website_id, _ in due:
            self._soon.pop(website_id, None)
        due += self._soon_due(now)
        return due

    def next_due(self) -> int | None:
        """When `take_due` will have something next; None where there is nothing to wait for."""
        return self._heap[0][0] if self._heap else None

    @property
    def has_soon(self) -> bool:
        return bool(self._soon)

    def _slots_due(self, now: int) -> Iterable[Slot]:
        heap, entries = self._heap, self.entries
        while heap and heap[0][0] <= now:
            slot, website_id = heap[0]
            entry = entries.get(website_id)
            if entry is None or entry.due != slot:
                # The website was changed or removed after this was pushed.
                heapq.heappop(heap)
                continue
            entry.due = slot + entry.interval
            if now - slot <= LATE_TOLERANCE_MS:
                yield website_id, slot
            else:
                entry.due = next_slot(website_id, entry.interval, now)
                self.missed += (entry.due - slot) // entry.interval
                if entry.interval > PATIENT_INTERVAL_MS:
                    self._soon[website_id] = None
            heapq.heapreplace(heap, (entry.due, website_id))

    def _soon_due(self, now: int) -> list[Slot]:
        elapsed = max(0, now - self._soon_counted_at) if self._soon_counted_at is not None else 0
        self._soon_counted_at = now
        self._soon_credit = min(SOON_PER_SECOND, self._soon_credit + elapsed * SOON_PER_SECOND / 1000)
        due: list[Slot] = []
        while self._soon and self._soon_credit >= 1:
            website_id = next(iter(self._soon))
            del self._soon[website_id]
            if website_id in self.entries:
                self._soon_credit -= 1
                due.append((website_id, now))
        return due

    def _heapify(self) -> None:
        self._heap = [(entry.due, website_id) for website_id, entry in self.entries.items()]
        heapq.heapify(self._heap)
