"""For how long a state is believed: where nobody checks any more, it says what was once."""

from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery

from monitoring.current import KNOWN, state_of
from monitoring.models import MonitoringData, Outcome, State
from websites.models import Website

# A state is believed for so many of the website's intervals, and a minute, after its last check that said something.
BELIEVED_INTERVALS = 3
BELIEVED_BESIDES = timedelta(minutes=1)
# More than that is for the longest interval; older checks are not looked for. Later than that was made by a clock that
# was ahead.
LOOKED_BACK, LOOKED_AHEAD = timedelta(minutes=30), timedelta(minutes=1)


def last_checked(website: OuterRef, now: datetime) -> Subquery:
    """When a check last said something of a website; NULL where that is longer ago than any state is believed."""
    return Subquery(_newest(now).filter(website=website).values("entry_timestamp")[:1])


def is_fresh(website: Website, checked_at: datetime | None, now: datetime) -> bool:
    """Whether the state of a website of which a check last said something at this moment is believed still."""
    believed = BELIEVED_INTERVALS * timedelta(seconds=website.monitoring_interval) + BELIEVED_BESIDES
    return checked_at is not None and now - checked_at <= believed


def believed_state(website: Website, now: datetime) -> State:
    """As `state_of`, but unknown where no check said something of it lately; costs a query."""
    state = state_of(website)
    if state not in KNOWN:
        return state
    checked_at = _newest(now).filter(website=website).values_list("entry_timestamp", flat=True).first()
    return state if is_fresh(website, checked_at, now) else State.UNKNOWN


def _newest(now: datetime) -> QuerySet[MonitoringData]:
    rows = MonitoringData.objects.filter(entry_timestamp__gte=now - LOOKED_BACK, entry_timestamp__lt=now + LOOKED_AHEAD)
    # The fault of the others was the monitor's own.
    return rows.exclude(outcome=Outcome.UNKNOWN).order_by("-entry_timestamp")
