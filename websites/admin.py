"""The admin's form and list of websites, before anything is known of watching them.

`monitoring.website_admin` adds state, checks and actions, and registers the whole.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from websites.models import MONITORING_INTERVAL_MAX, MONITORING_INTERVAL_MIN, Website
from websites.plain_text import inert

_INTERVAL: Any = Website._meta.get_field("monitoring_interval")


class WebsiteForm(forms.ModelForm[Website]):
    # By itself, the form would first say that the interval must not be below zero.
    monitoring_interval = _INTERVAL.formfield(min_value=MONITORING_INTERVAL_MIN, max_value=MONITORING_INTERVAL_MAX)

    class Meta:
        model = Website
        fields = ("website_url", "monitoring_interval", "regex", "is_active")
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "website_url": forms.TextInput(
                attrs={"class": "vLargeTextField", "inputmode": "url", "spellcheck": "false"}
            ),
            "regex": forms.TextInput(attrs={"class": "vLargeTextField wm-pattern", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pattern = self.instance.regex or ""
        if inert(pattern) != pattern:
            # An input shows such characters as they please, and so another pattern than there is.
            self.fields["regex"].help_text += f" This one has invisible characters, spelled out: {inert(pattern)}"


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
    fields = ("website_url", "monitoring_interval", "regex", "is_active")
    search_fields = ("website_url",)
    search_help_text = "Part of a URL"
    list_filter: ClassVar[Any] = ("is_active", IntervalFilter)
