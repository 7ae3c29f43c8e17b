"""Which channels are told of which websites."""

from collections.abc import Iterator

from monitoring.models import Channel, IncidentKind
from websites.models import Website

# What a channel must want to be told of an incident.
WANTED = {IncidentKind.DOWN: "wants_down", IncidentKind.SLOW: "wants_slow", IncidentKind.VALUE: "wants_value"}


class Routing:
    """The active channels, read once for any number of websites."""

    def __init__(self) -> None:
        self._channels = list(Channel.objects.filter(is_active=True))

    def of(self, website: Website, wanted: str) -> Iterator[Channel]:
        """Those that are told of this website, and want (`wants_down` and so on) what there is to tell."""
        for channel in self._channels:
            if getattr(channel, wanted) and channel.covers(website):
                yield channel
