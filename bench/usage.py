"""What the product's processes use while a benchmark runs."""

import contextlib
import re

import psutil

# The processes that count, by words of their command lines.
PARTS = {
    "beat": r"celery .* beat$",
    "worker": r"celery .* worker$",
    "redis": r"(redis|valkey)-server",
    "postgresql": "postgres",
}


class Usage:
    """CPU time and memory of the parts, each with all its processes."""

    def __init__(self) -> None:
        self.peak: dict[str, float] = {}

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU time so far, by part; also of processes that have ended, through their parents."""
        spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        memory: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                part = _part_of(process)
                if part is None:
                    continue
                times = process.cpu_times()
                spent[part] += times.user + times.system
                if part == "postgresql":
                    spent[part] += times.children_user + times.children_system
                # Shared memory counts once a part, not once a process.
                memory[part] += process.memory_full_info().pss / 1e6
        for part, size in memory.items():
            self.peak[part] = max(self.peak.get(part, 0.0), size)
        return spent


def _part_of(process: psutil.Process) -> str | None:
    command = " ".join(process.cmdline())
    return next((part for part, words in PARTS.items() if re.search(words, command)), None)
