"""The admin's form and list of websites, before anything is known of watching them.

`monitoring.website_admin` adds state, checks and actions, and registers the whole.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from websites import http_auth
from websites.models import MONITORING_INTERVAL_MAX, MONITORING_INTERVAL_MIN, Website
from websites.plain_text import inert
from websites.request_options import BODY_MAX_LENGTH, HEADERS_MAX_LENGTH
from websites.validators import REGEX_MAX_LENGTH, normalise_url

FIELDSETS: Any = (
    (None, {"fields": ("website_url", "monitoring_interval", "regex", "is_active")}),
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
)
CODE = {"class": "vLargeTextField wm-pattern", "rows": 3, "spellcheck": "false"}

_INTERVAL: Any = Website._meta.get_field("monitoring_interval")
_REGEX: Any = Website._meta.get_field("regex")
_HEADERS: Any = Website._meta.get_field("request_headers")
_BODY: Any = Website._meta.get_field("request_body")


class LinesField(forms.CharField):
    """Text as it was typed: browsers end lines with CR LF, and white space counts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, strip=False)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class WebsiteForm(forms.ModelForm[Website]):
    # By itself, the form would first say that the interval must not be below zero.
    monitoring_interval = _INTERVAL.formfield(min_value=MONITORING_INTERVAL_MIN, max_value=MONITORING_INTERVAL_MAX)

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
        self.initial["http_auth"] = ""
        if scheme := http_auth.scheme_of(self.instance.http_auth):
            words = f"{scheme} credentials are kept and not shown. Left empty, they stay."
            self.fields["http_auth"].help_text = f"{words} {http_auth.HOW_TO_WRITE}"

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


class BaseWebsiteAdmin(admin.ModelAdmin[Website]):
    form = WebsiteForm
    search_fields = ("website_url",)
    search_help_text = "Part of a URL"
    list_filter: ClassVar[Any] = ("is_active", IntervalFilter)

    def get_fieldsets(self, request: HttpRequest, obj: Website | None = None) -> Any:
        """Without the way to forget credentials where there are none, and in a word for whoever may only look."""
        shown: dict[str, str | None] = {} if obj is not None and obj.http_auth else {"forget_http_auth": None}
        if obj is not None and not self.has_change_permission(request, obj):
            shown = {"http_auth": "credentials", "forget_http_auth": None}
        return [
            (title, options | {"fields": tuple(filter(None, (shown.get(name, name) for name in options["fields"])))})
            for title, options in FIELDSETS
        ]

    @admin.display(description="credentials")
    def credentials(self, website: Website) -> str:
        return http_auth.scheme_of(website.http_auth) or "-"
