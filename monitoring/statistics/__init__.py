"""What checks showed over any time: from rollups, and from the checks of what is not rolled up yet.

Uptime is up / (up + down): of the slots whose check said something of the website, those in which it was up.
Coverage is (up + down) / expected: how much of the time that is. Both are told together. A slot without a check, or
whose check failed by the monitor's own fault, is in neither up nor down; maintenance is left out of all.
"""

from monitoring.statistics.recent import Recent, recent
from monitoring.statistics.summaries import summaries
from monitoring.statistics.summary import PHASES, Counts, Summary
from monitoring.statistics.timelines import Point, days, series

__all__ = ["PHASES", "Counts", "Point", "Recent", "Summary", "days", "recent", "series", "summaries"]
