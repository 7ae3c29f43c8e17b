"""What websites' regexes extract: the first match of a check is the website's value."""

import json
import math
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery

from monitoring import id_lists
from monitoring.models import ExtractedValue
from monitoring.models.states import VALUE_MAX_LENGTH
from monitoring.probe.types import Matches
from websites.models import Website


class Change(NamedTuple):
    """A value that is not the one before; that is None where there was none yet."""

    website: Website
    old: str | None
    new: str
    seen_at: datetime


def first(matches: Matches) -> str:
    """The value: the first match, its groups with commas between; blank where nothing matched."""
    if not matches:
        return ""
    match = matches[0]
    return (match if isinstance(match, str) else ", ".join(match))[:VALUE_MAX_LENGTH]


def first_stored(regex_response: str) -> str:
    """The value of matches as they are stored."""
    return first(json.loads(regex_response))


def problem(website: Website, value: str) -> str:
    """What is wrong with a value, in a sentence; blank where it is as the website wants it."""
    low, high = website.value_min, website.value_max
    is_bounded = low is not None or high is not None
    if not value:
        return "The regex matches nothing." if is_bounded or website.alert_on_value_missing else ""
    if not is_bounded:
        return ""
    number = as_number(value)
    if number is None:
        return "The value is not a number."
    if low is not None and number < low:
        return f"The value {number:g} is below {low:g}."
    return f"The value {number:g} is above {high:g}." if high is not None and number > high else ""


def as_number(value: str) -> float | None:
    """The number that a value is, written with a point; None where it is none."""
    try:
        number = float(value) if value.isascii() and "_" not in value else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def write(changes: Sequence[Change]) -> None:
    """Add to the history of values. Raises `django.db.Error`."""
    unsure = [change.website.pk for change in changes if change.old is None]
    last = _last_written(unsure) if unsure else {}
    ExtractedValue.objects.bulk_create(
        ExtractedValue(website=change.website, value=change.new, seen_at=change.seen_at)
        for change in changes
        # The same as before a pause is no change.
        if change.old is not None or last.get(change.website.pk) != change.new
    )


def history(website_id: int, since: datetime | None, until: datetime | None) -> QuerySet[ExtractedValue]:
    """The values of a website that were first seen from one moment on and before another, where they are given."""
    rows = ExtractedValue.objects.filter(website=website_id)
    if since is not None:
        rows = rows.filter(seen_at__gte=since)
    return rows if until is None else rows.filter(seen_at__lt=until)


def _last_written(website_ids: Collection[int]) -> dict[int, str]:
    newest = ExtractedValue.objects.filter(website=OuterRef("pk")).order_by("-seen_at", "-pk").values("value")[:1]
    websites = Website.objects.filter(pk__in=id_lists.chosen(website_ids)).order_by().annotate(last=Subquery(newest))
    return {pk: last for pk, last in websites.values_list("pk", "last") if last is not None}
