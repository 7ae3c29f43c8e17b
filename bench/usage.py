"""What the product's processes use while a benchmark runs."""

import contextlib
import re
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.report import PSS_RANGE, RSS_RANGE

# The processes that count, by words of their command lines.
PARTS = {
    "beat": r"celery .* beat( -S \S+)?$",
    "worker": r"celery .* worker$|-m monitoring\.probe\.",
    "redis": r"(redis|valkey)-server",
    "postgresql": "postgres",
}
# The share of the window in which memory settles: caches and thread pools fill.
SETTLING = 0.2


class Sample(NamedTuple):
    """What a part has at a moment of the monotonic clock."""

    at: float
    # Megabytes: the proportional set size of all its processes, and the resident set size of the largest.
    pss: float
    rss: float
    descriptors: int


class Usage:
    """CPU time, memory and descriptors of the parts, each with all its processes."""

    def __init__(self) -> None:
        # Megabytes (proportional set size).
        self.peak: dict[str, float] = {}
        # Megabytes (resident set) that the largest process of the part had since its start.
        self.peak_rss: dict[str, float] = {}
        self._samples: dict[str, list[Sample]] = {}

    def sample(self) -> dict[str, float]:
        """Seconds of CPU time so far, by part; also of processes that have ended, through their parents."""
        spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        now = time.monotonic()
        had = dict.fromkeys(PARTS, Sample(now, 0.0, 0.0, 0))
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                part = _part_of(process)
                if part is None:
                    continue
                times = process.cpu_times()
                spent[part] += times.user + times.system + times.children_user + times.children_system
                memory, (_, pss, rss, descriptors) = process.memory_full_info(), had[part]
                # Shared memory counts once a part, not once a process.
                pss += memory.pss / 1e6
                had[part] = Sample(now, pss, max(rss, memory.rss / 1e6), descriptors + process.num_fds())
                self.peak_rss[part] = max(self.peak_rss.get(part, 0.0), _peak_rss(process.pid))
        for part, sample in had.items():
            self.note(part, sample)
        return spent

    def note(self, part: str, sample: Sample) -> None:
        self.peak[part] = max(self.peak.get(part, 0.0), sample.pss)
        self._samples.setdefault(part, []).append(sample)

    def growth(self, part: str) -> dict[str, float]:
        """Megabytes a minute (PSS, least squares) and descriptors over the second half of the samples.

        And megabytes between the least and the most of all samples but the first ones, in which memory settles.
        """
        samples = self._samples[part]
        half, settled = samples[len(samples) // 2 :], samples[int(SETTLING * len(samples)) :]
        slope = statistics.linear_regression([sample.at for sample in half], [sample.pss for sample in half]).slope
        used = [sample.descriptors for sample in half]
        return {
            "mb_per_minute": round(60 * slope, 3),
            RSS_RANGE: _range([sample.rss for sample in settled]),
            PSS_RANGE: _range([sample.pss for sample in settled]),
            "fewest_descriptors": min(used),
            "most_descriptors": max(used),
        }


def _range(sizes: list[float]) -> float:
    return round(max(sizes) - min(sizes), 1)


def _peak_rss(pid: int) -> float:
    """VmHWM of proc(5), in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), 0.0)


def _part_of(process: psutil.Process) -> str | None:
    command = " ".join(process.cmdline())
    return next((part for part, words in PARTS.items() if re.search(words, command)), None)
