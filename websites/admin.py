"""The admin's form and list of websites, before anything is known of watching them.

`monitoring.website_admin` adds state, checks and actions, and registers the whole.
"""

from collections import Counter
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from websites import http_auth
from websites.alert_options import IN_A_ROW_MAX, IN_A_ROW_MIN
from websites.models import MONITORING_INTERVAL_MAX, MONITORING_INTERVAL_MIN, Website, WebsiteQuerySet
from websites.plain_text import inert
from websites.request_options import BODY_MAX_LENGTH, HEADERS_MAX_LENGTH
from websites.search import SearchedByWords
from websites.tags import as_text, normal_tag, read, store_text
from websites.validators import REGEX_MAX_LENGTH, normalise_url

FIELDSETS: Any = (
    (None, {"fields": ("website_url", "monitoring_interval", "tags", "regex", "is_active")}),
    (
        "What counts as up",
        {"classes": ("collapse",), "fields": ("accepted_statuses", "regex_must_match", "timeout")},
    ),
    (
        "Request",
        {
            "classes": ("collapse",),
            "fields": (
                *("method", "request_headers", "request_body", "http_auth", "forget_http_auth"),
                *("follow_redirects", "verify_tls", "ip_version"),
            ),
        },
    ),
    (
        "Alerts",
        {
            "classes": ("collapse",),
            "fields": (
                *("failures_before_down", "successes_before_up", "slow_threshold", "slow_checks"),
                *("alert_on_value_change", "alert_on_value_missing", "value_min", "value_max"),
            ),
        },
    ),
)
# The filter offers the tags that are most used, as far as it reads how websites are tagged.
TAGS_OFFERED = 50
TAGGINGS_READ = 5_000
CODE = {"class": "vLargeTextField wm-pattern", "rows": 3, "spellcheck": "false"}

_TAGS: Any = Website._meta.get_field("tags")
_REGEX: Any = Website._meta.get_field("regex")
_HEADERS: Any = Website._meta.get_field("request_headers")
_BODY: Any = Website._meta.get_field("request_body")


def whole_number(name: str, low: int, high: int) -> Any:
    """A form's field for one of a website's; by itself, it would first say that it must not be below zero."""
    model_field: Any = Website._meta.get_field(name)
    return model_field.formfield(min_value=low, max_value=high)


class LinesField(forms.CharField):
    """Text as it was typed: browsers end lines with CR LF, and white space counts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, strip=False)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class WebsiteForm(forms.ModelForm[Website]):
    monitoring_interval = whole_number("monitoring_interval", MONITORING_INTERVAL_MIN, MONITORING_INTERVAL_MAX)
    failures_before_down = whole_number("failures_before_down", IN_A_ROW_MIN, IN_A_ROW_MAX)
    successes_before_up = whole_number("successes_before_up", IN_A_ROW_MIN, IN_A_ROW_MAX)
    slow_checks = whole_number("slow_checks", IN_A_ROW_MIN, IN_A_ROW_MAX)

    tags = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"class": "vLargeTextField", "spellcheck": "false"}),
        help_text=_TAGS.help_text,
    )
    regex = LinesField(
        required=False,
        max_length=REGEX_MAX_LENGTH,
        widget=forms.TextInput(attrs={"class": "vLargeTextField wm-pattern", "spellcheck": "false"}),
        help_text=_REGEX.help_text,
    )
    request_headers = LinesField(
        required=False, max_length=HEADERS_MAX_LENGTH, widget=forms.Textarea(attrs=CODE), help_text=_HEADERS.help_text
    )
    request_body = LinesField(
        required=False, max_length=BODY_MAX_LENGTH, widget=forms.Textarea(attrs=CODE), help_text=_BODY.help_text
    )
    http_auth = forms.CharField(
        label="Credentials",
        required=False,
        max_length=http_auth.MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"class": "vLargeTextField", "autocomplete": "new-password"}),
        help_text=http_auth.HOW_TO_WRITE,
    )
    forget_http_auth = forms.BooleanField(label="Forget the credentials", required=False)

    class Meta:
        model = Website
        fields = tuple(name for name in flatten_fieldsets(FIELDSETS) if name != "forget_http_auth")
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "website_url": forms.TextInput(
                attrs={"class": "vLargeTextField", "inputmode": "url", "spellcheck": "false"}
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pattern = self.instance.regex or ""
        # Whoever may only look gets no fields.
        if "regex" in self.fields and inert(pattern) != pattern:
            # An input shows such characters as they please, and so another pattern than there is.
            self.fields["regex"].help_text += f" This one has invisible characters, spelled out: {inert(pattern)}"
        self.initial["tags"] = as_text(self.instance.tags)
        self.initial["http_auth"] = ""
        if scheme := http_auth.scheme_of(self.instance.http_auth):
            words = f"{scheme} credentials are kept and not shown. Left empty, they stay."
            self.fields["http_auth"].help_text = f"{words} {http_auth.HOW_TO_WRITE}"

    def clean_tags(self) -> str:
        return store_text(str(self.cleaned_data["tags"]))

    def clean_http_auth(self) -> str:
        written = str(self.cleaned_data["http_auth"])
        return http_auth.seal(written) if written else ""

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        kept = self.instance.http_auth
        if not (values.get("http_auth") or values.get("forget_http_auth")):
            values["http_auth"] = kept
            if kept and "website_url" in values:
                self._refuse_elsewhere(values["website_url"])
        # Also where a script left the box out.
        self.instance.http_auth = values.get("http_auth", kept)
        return values

    def _refuse_elsewhere(self, url: str) -> None:
        try:
            new_url = normalise_url(url)
        except ValidationError:  # told beside the URL
            return
        http_auth.refuse_elsewhere(self.initial["website_url"], new_url)


class IntervalFilter(admin.SimpleListFilter):
    """Websites by ranges of their interval."""

    title = "interval"
    parameter_name = "interval"
    ranges: ClassVar[dict[str, tuple[int, int]]] = {
        "5-14": (5, 14),
        "15-59": (15, 59),
        "60-119": (60, 119),
        "120-300": (120, 300),
    }

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, f"{low} to {high} s") for name, (low, high) in self.ranges.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Website]) -> QuerySet[Website]:
        limits = self.ranges.get(self.value() or "")
        return queryset.filter(monitoring_interval__range=limits) if limits else queryset


class TagFilter(admin.SimpleListFilter):
    """Websites by one of the tags in use."""

    title = "tag"
    parameter_name = "tag"

    def value(self) -> str | None:
        try:
            return normal_tag(super().value() or "")
        except ValidationError:  # no tag at all: nothing is hidden
            return None

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        taggings = Website.objects.exclude(tags="").order_by().values_list("tags").annotate(Count("pk"))
        counts = Counter[str]()
        for tagging, count in taggings[:TAGGINGS_READ]:
            counts.update(dict.fromkeys(read(tagging), count))
        offered = {tag for tag, _ in counts.most_common(TAGS_OFFERED)}
        if chosen := self.value():
            offered.add(chosen)
        return [(tag, inert(tag)) for tag in sorted(offered)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Website]) -> QuerySet[Website]:
        tag = self.value()
        return cast("WebsiteQuerySet", queryset).tagged(tag) if tag else queryset


class BaseWebsiteAdmin(SearchedByWords, admin.ModelAdmin[Website]):
    form = WebsiteForm
    search_fields = ("website_url",)
    search_help_text = "Part of a URL"
    list_filter: ClassVar[Any] = ("is_active", IntervalFilter, TagFilter)

    def get_fieldsets(self, request: HttpRequest, obj: Website | None = None) -> Any:
        """Without the way to forget credentials where there are none, and in words for whoever may only look."""
        shown: dict[str, str | None] = {} if obj is not None and obj.http_auth else {"forget_http_auth": None}
        if obj is not None and not self.has_change_permission(request, obj):
            shown = {"tags": "tags_in_words", "http_auth": "credentials", "forget_http_auth": None}
        return [
            (title, options | {"fields": tuple(filter(None, (shown.get(name, name) for name in options["fields"])))})
            for title, options in FIELDSETS
        ]

    @admin.display(description="tags")
    def tags_in_words(self, website: Website) -> str:
        return inert(as_text(website.tags)) or "-"

    @admin.display(description="credentials")
    def credentials(self, website: Website) -> str:
        return http_auth.scheme_of(website.http_auth) or "-"
