"""How long answers took, as counts in fixed logarithmic buckets that can be added up.

Bucket n holds times from `LOWEST` * `GROWTH` ** n up to the next one's; each stands for the time in it that is off by
the same share of any other, at most 4.8 %: the mapping of DDSketch (Masson, Rim and Lee, 2019, section 2.2).
"""

import json
import math
from collections import Counter
from collections.abc import Iterable

GROWTH = 1.1
# Seconds; what is shorter counts as this.
LOWEST = 0.0001
# `json.loads` would make one for each text.
_PAIRS = json.JSONDecoder(object_pairs_hook=list)


def bucket_of(seconds: float) -> int:
    return math.floor(math.log(max(seconds, LOWEST) / LOWEST) / math.log(GROWTH))


def time_of(bucket: int) -> float:
    """The seconds that a bucket stands for."""
    return float(LOWEST * GROWTH**bucket * 2 * GROWTH / (1 + GROWTH))


def read(text: str) -> list[tuple[str, int]]:
    """Counts by name, as rollups keep them: `"12":3,"13":1`. A name may come more than once; its counts add up."""
    pairs: list[tuple[str, int]] = _PAIRS.decode(f"{{{text}}}") if text else []
    return pairs


class Histogram:
    """Counts by bucket."""

    __slots__ = ("counts",)

    def __init__(self, times: Iterable[float] = ()) -> None:
        self.counts = Counter(map(bucket_of, times))

    @property
    def total(self) -> int:
        return self.counts.total()

    @classmethod
    def read(cls, text: str) -> "Histogram":
        """The one that a rollup keeps."""
        histogram = cls()
        histogram.add(text)
        return histogram

    def add(self, text: str) -> None:
        """Add the one that a rollup keeps."""
        counts = self.counts
        for bucket, count in read(text):
            counts[int(bucket)] += count

    def merge(self, other: "Histogram") -> None:
        self.counts.update(other.counts)

    def percentile(self, percent: float) -> float | None:
        """The seconds that so many percent of the times do not exceed (nearest rank); None where there are none."""
        rank = max(1, math.ceil(self.total * percent / 100))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return time_of(bucket)
        return None
