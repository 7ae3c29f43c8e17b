"""How shares of time are written: uptime and coverage."""

import math

NOTHING = "-"


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
