"""What the product's processes use while a benchmark runs."""

import contextlib
import re
import statistics
import time
from pathlib import Path

import psutil

from bench.report import RANGE

# The processes that count, by words of their command lines.
PARTS = {
    "beat": r"celery .* beat( -S \S+)?$",
    "worker": r"celery .* worker$",
    "redis": r"(redis|valkey)-server",
    "postgresql": "postgres",
}


class Usage:
    """CPU time, memory and descriptors of the parts, each with all its processes."""

    def __init__(self) -> None:
        # Megabytes (proportional set size).
        self.peak: dict[str, float] = {}
        # Megabytes (resident set) that the largest process of the part had since its start.
        self.peak_rss: dict[str, float] = {}
        # By part: moments of the monotonic clock, megabytes and descriptors then.
        self._samples: dict[str, list[tuple[float, float, int]]] = {}

    def sample(self) -> dict[str, float]:
        """Seconds of CPU time so far, by part; also of processes that have ended, through their parents."""
        spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        memory: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        descriptors: dict[str, int] = dict.fromkeys(PARTS, 0)
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                part = _part_of(process)
                if part is None:
                    continue
                times = process.cpu_times()
                spent[part] += times.user + times.system
                if part == "postgresql":
                    spent[part] += times.children_user + times.children_system
                # Shared memory counts once a part, not once a process.
                memory[part] += process.memory_full_info().pss / 1e6
                descriptors[part] += process.num_fds()
                self.peak_rss[part] = max(self.peak_rss.get(part, 0.0), _peak_rss(process.pid))
        now = time.monotonic()
        for part, size in memory.items():
            self.peak[part] = max(self.peak.get(part, 0.0), size)
            self._samples.setdefault(part, []).append((now, size, descriptors[part]))
        return spent

    def growth(self, part: str) -> dict[str, float]:
        """Of the second half of the samples: megabytes a minute (least squares), fewest and most descriptors."""
        samples = self._samples[part]
        half = samples[len(samples) // 2 :]
        slope = statistics.linear_regression([at for at, _, _ in half], [size for _, size, _ in half]).slope
        used = [descriptors for _, _, descriptors in half]
        sizes = [size for _, size, _ in half]
        return {
            "mb_per_minute": round(60 * slope, 3),
            RANGE: round(max(sizes) - min(sizes), 1),
            "fewest_descriptors": min(used),
            "most_descriptors": max(used),
        }


def _peak_rss(pid: int) -> float:
    """VmHWM of proc(5), in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), 0.0)


def _part_of(process: psutil.Process) -> str | None:
    command = " ".join(process.cmdline())
    return next((part for part, words in PARTS.items() if re.search(words, command)), None)
