"""How shares of time are written, and the times in which something was amiss."""

import math
from collections.abc import Sequence

NOTHING = "-"


def newest(names: Sequence[str], most: int) -> str:
    """The last so many of names that are in the order of time, newest first, and how many there were before them."""
    earlier = f" and {len(names) - most} earlier" if len(names) > most else ""
    return ", ".join(reversed(names[-most:])) + earlier


def percent(share: float | None) -> str:
    """`100 %`, `99.98 %` or `0 %` of a share from 0 to 1; a dash for None.

    Rounded down, so that what says 100 % was never anything else.
    """
    if share is None:
        return NOTHING
    # What floats lack of a hundredth is made up for first.
    hundredths = math.floor(share * 10_000 + 1e-6)
    whole, rest = divmod(hundredths, 100)
    return f"{whole} %" if share in (0.0, 1.0) else f"{whole}.{rest:02} %"
