"""What lists of websites and of monitoring data can be narrowed by."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as InvalidUrl
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from monitoring.api.moments import MomentFilter
from monitoring.current import in_state
from monitoring.models import RARE_STATUSES, CheckError, MonitoringData, Outcome, State
from websites.api.filters import IntegerFilter, KeywordFilter, WebsiteFilter
from websites.api.views import get_website
from websites.models import Website, WebsiteQuerySet
from websites.validators import normalise_url

# Beside the errors themselves.
NO_ERROR, ANY_ERROR = "none", "any"
# What one website is named by.
NAMES = ("website_url", "website_id")


class MonitoredWebsiteFilter(WebsiteFilter):
    state = filters.ChoiceFilter(choices=State.choices, method="in_state", help_text="Only websites in this state.")

    def in_state(self, websites: WebsiteQuerySet, _name: str, value: str) -> WebsiteQuerySet:
        return in_state(websites, value)


class MonitoredKeywordFilter(MonitoredWebsiteFilter, KeywordFilter):
    pass


class OfWebsiteFilter(filters.FilterSet):  # type: ignore[misc]
    """Rows of one website, which two parameters name together, or of all."""

    website_url = filters.CharFilter(method="by_website", label="URL", help_text="Of this website only.")
    website_id = IntegerFilter(method="by_website", label="website ID", help_text="Of this website only.")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        website = self._named_website()
        rows: QuerySet[Any] = super().filter_queryset(queryset)
        return rows if website is None else rows.filter(website=website)

    def by_website(self, rows: QuerySet[Any], _name: str, _value: object) -> QuerySet[Any]:
        # Both parameters name one website together: `filter_queryset` looks it up.
        return rows

    def _named_website(self) -> Website | None:
        self._refuse_empty_names()
        url, website_id = self.form.cleaned_data["website_url"], self.form.cleaned_data["website_id"]
        website = None
        if website_id is not None:
            website = get_website(Website.objects.all(), website_id=website_id)
        if url:
            website_by_url = get_website(Website.objects.all(), website_url=_normal(url))
            if website is not None and website != website_by_url:
                raise ValidationError({"website_id": ["It is not the website that website_url names."]})
            website = website_by_url
        return website

    def _refuse_empty_names(self) -> None:
        """An empty name is a mistake, never a wish for everybody's rows, but in a browser's form: it sends all."""
        if self.request.accepted_renderer.format == "api":
            return
        empty = [name for name in NAMES if name in self.data and self.form.cleaned_data[name] in ("", None)]
        if empty:
            raise ValidationError({name: ["This parameter may not be empty."] for name in empty})


class MonitoringDataFilter(OfWebsiteFilter):
    since = MomentFilter("entry_timestamp", "gte", help_text="Checks made at this time or later (UTC).")
    until = MomentFilter("entry_timestamp", "lt", help_text="Checks made before this time (UTC).")
    error = filters.ChoiceFilter(
        choices=[(NO_ERROR, "no error"), (ANY_ERROR, "any error"), *CheckError.choices],
        method="by_error",
        help_text="Checks that ended with this error.",
    )
    outcome = filters.ChoiceFilter(choices=Outcome.choices, method="by_outcome", help_text="Checks with this outcome.")
    http_status = IntegerFilter(
        method="by_status", label="HTTP status", help_text="Checks answered with this status; 0 where no answer came."
    )

    class Meta:
        model = MonitoringData
        fields: tuple[str, ...] = ()

    # What SQLite is to use an index for has the index's own condition in it.
    def by_error(self, rows: QuerySet[MonitoringData], _name: str, value: str) -> QuerySet[MonitoringData]:
        if value == NO_ERROR:
            return rows.filter(error="")
        rows = rows.filter(error__gt="")
        return rows if value == ANY_ERROR else rows.filter(error=value)

    def by_outcome(self, rows: QuerySet[MonitoringData], _name: str, value: str) -> QuerySet[MonitoringData]:
        rows = rows.filter(outcome=value)
        return rows if value == Outcome.UP else rows.exclude(outcome=Outcome.UP)

    def by_status(self, rows: QuerySet[MonitoringData], _name: str, value: int) -> QuerySet[MonitoringData]:
        rows = rows.filter(http_status=value)
        return rows.filter(http_status__gte=RARE_STATUSES) if value >= RARE_STATUSES else rows


def are_common(parameters: Mapping[str, str]) -> bool:
    """Whether what these leave is what most checks are, and so in no index: there may be none for a long time."""
    error, outcome, status = (parameters.get(name, "") for name in ("error", "outcome", "http_status"))
    if error not in ("", NO_ERROR) or outcome not in ("", Outcome.UP):
        return False
    return bool(error or outcome or status) and not (status.isdecimal() and _is_indexed(int(status)))


def _is_indexed(status: int) -> bool:
    return status == 0 or status >= RARE_STATUSES


def _normal(url: str) -> str:
    try:
        return normalise_url(url)
    except InvalidUrl as error:
        raise ValidationError({"website_url": error.messages}) from error
