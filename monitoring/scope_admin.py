"""What the forms of channels and maintenance windows have in common."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from monitoring.models import Channel
from monitoring.models.scope import Scope
from monitoring.wall_clock import time_zones
from websites.plain_text import inert
from websites.tags import as_text, store_text

_TAGS: Any = Channel._meta.get_field("tags")


class TimeZoneSelect(forms.Select):
    """Every time zone there is; a letter typed leads to those that begin with it."""

    def __init__(self) -> None:
        super().__init__(choices=[(name, name) for name in sorted(time_zones())])


class ScopeForm(forms.ModelForm[Any]):
    tags = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"class": "vLargeTextField", "spellcheck": "false"}),
        help_text=_TAGS.help_text,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = as_text(self.instance.tags)

    def clean_tags(self) -> str:
        return store_text(str(self.cleaned_data["tags"]))


class ScopeAdmin(admin.ModelAdmin[Any]):
    autocomplete_fields = ("websites",)
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    # Texts in place of fields that whoever may only look at would see as they are stored.
    in_words: ClassVar[dict[str, str]] = {"tags": "tags_in_words"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(website_count=Count("websites"))
        return counted

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets: Any = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, options | {"fields": tuple(self.in_words.get(name, name) for name in options["fields"])})
            for title, options in fieldsets
        ]

    @admin.display(description="for")
    def scope(self, row: Any) -> str:
        return scope_in_words(row, row.website_count)

    @admin.display(description="tags")
    def tags_in_words(self, row: Any) -> str:
        return inert(as_text(row.tags)) or "-"


def scope_in_words(scope: Scope, website_count: int) -> str:
    """`all websites`, or what was chosen."""
    websites = f"{website_count} website{'' if website_count == 1 else 's'}" if website_count else ""
    return "; ".join(filter(None, (inert(as_text(scope.tags)), websites))) or "all websites"
