"""What the forms of channels and maintenance windows have in common."""

from datetime import time
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from monitoring.models import Channel
from monitoring.models.scope import FOR_NONE, Scope, is_for_none
from monitoring.wall_clock import refuse_offset, time_zones
from websites.plain_text import inert
from websites.tags import as_text, store_text

_TAGS: Any = Channel._meta.get_field("tags")


class TimeZoneSelect(forms.Select):
    """Every time zone there is; a letter typed leads to those that begin with it."""

    def __init__(self) -> None:
        super().__init__(choices=[(name, name) for name in sorted(time_zones())])


class ClockTimeField(forms.TimeField):
    def to_python(self, value: Any) -> time | None:
        refuse_offset(value)
        return super().to_python(value)


class ScopeForm(forms.ModelForm[Any]):
    for_all = forms.BooleanField(
        label="For all websites", required=False, help_text="Those it was for were deleted: it is off, and for none."
    )
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

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        is_gone = is_for_none(
            is_chosen=bool(values.get("tags") or values.get("websites")),
            is_gone=self.instance.websites_gone,
            for_all=values.get("for_all") or None,
        )
        if is_gone and values.get("is_active") and not {"tags", "websites"} & self.errors.keys():
            self.add_error("websites", FOR_NONE.format("tick that it is for all"))
        self.instance.websites_gone = is_gone
        return values


class ScopeAdmin(admin.ModelAdmin[Any]):
    # See `webmonitor.admin_site`.
    names_websites = True
    formfield_overrides: ClassVar[Any] = {models.TimeField: {"form_class": ClockTimeField}}
    autocomplete_fields = ("websites",)
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    # Texts in place of fields that whoever may only look at would see as they are stored.
    in_words: ClassVar[dict[str, str]] = {"tags": "tags_in_words", "for_all": "scope"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(website_count=Count("websites"))
        return counted

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets: Any = super().get_fieldsets(request, obj)
        if obj is not None and obj.websites_gone:
            fieldsets = [
                (title, options | {"fields": _with_for_all(options["fields"])}) for title, options in fieldsets
            ]
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
    """`all websites`, or what was chosen and is left of it."""
    nothing = "none: its websites were deleted" if scope.websites_gone else "all websites"
    websites = f"{website_count} website{'' if website_count == 1 else 's'}" if website_count else ""
    return "; ".join(filter(None, (inert(as_text(scope.tags)), websites))) or nothing


def _with_for_all(fields: Any) -> Any:
    return (*fields, "for_all") if "websites" in fields else fields
