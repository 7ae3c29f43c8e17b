"""The websites of the overview, worst first."""

from collections.abc import Mapping
from typing import cast

from django.core.cache import cache
from django.db.models import BooleanField, Case, Count, ExpressionWrapper, F, Q, QuerySet, Value, When

from monitoring.current import KNOWN
from monitoring.models import Incident, IncidentKind, State
from websites import search as search_words
from websites import tags
from websites.models import Website, WebsiteQuerySet

PER_PAGE = 50
# Seconds, and how many there are to choose from.
TAGS_CACHED_FOR = 30
TAGS_MAX = 500


def narrowed(search: str = "", tag: str = "") -> WebsiteQuerySet:
    """Websites with this tag, whose URL has each of the words in it: what the API's parameters of these names find."""
    websites = Website.objects.tagged(tag) if tag else Website.objects.all()
    for word in search_words.words(search):
        websites = websites.filter(website_url__icontains=word)
    return websites


def counts(websites: WebsiteQuerySet) -> dict[State, int]:
    """How many of the websites are in each state."""
    found = dict.fromkeys((State.DOWN, State.UNKNOWN, State.UP, State.PAUSED), 0)
    groups = websites.order_by().values_list("is_active", "current_state__state")
    for is_active, state, count in groups.annotate(count=Count("pk")):
        known = State(state) if state in KNOWN else State.UNKNOWN
        found[known if is_active else State.PAUSED] += count
    return found


def worst_first(websites: WebsiteQuerySet) -> QuerySet[Website]:
    """Down, unknown, slow or with a value out of bounds, up, paused; in each, what changed last comes first."""
    bad_values = Incident.objects.filter(ended_at=None, kind=IncidentKind.VALUE).order_by().values("website")
    rank = Case(
        When(is_active=False, then=Value(4)),
        When(current_state__state=State.DOWN, then=Value(0)),
        When(Q(current_state=None) | ~Q(current_state__state=State.UP), then=Value(1)),
        When(Q(current_state__is_slow=True) | Q(bad_value=True), then=Value(2)),
        default=Value(3),
    )
    shown = ("website_url", "tags", "is_active")
    state = ("state", "since", "is_slow", "value")
    return (
        websites.select_related("current_state")
        .annotate(bad_value=ExpressionWrapper(Q(pk__in=bad_values), output_field=BooleanField()))
        .only(*shown, *(f"current_state__{name}" for name in state))
        .order_by(rank, F("current_state__since").desc(nulls_last=True), "pk")
    )


def has_bad_value(website: Website) -> bool:
    """Whether an incident says so; of a website read by `worst_first`."""
    return bool(getattr(website, "bad_value"))  # noqa: B009  # an annotation


def page_of(websites: QuerySet[Website], number: int) -> list[Website]:
    """The websites of a page, which counts from 1."""
    return list(websites[(number - 1) * PER_PAGE : number * PER_PAGE])


def pages(counted: Mapping[State, int], state: str = "") -> int:
    """How many pages there are, at least one."""
    count = counted[State(state)] if state else sum(counted.values())
    return max(1, -(-count // PER_PAGE))


def all_tags() -> list[str]:
    """The tags that there are, in order of the alphabet; some seconds old."""
    return cast("list[str]", cache.get_or_set("overview-tags", _read_tags, TAGS_CACHED_FOR))


def _read_tags() -> list[str]:
    texts = Website.objects.exclude(tags="").order_by().values_list("tags", flat=True).distinct()
    return sorted({tag for text in texts for tag in tags.read(text)})[:TAGS_MAX]
