"""The status page in the admin: one form with its groups and websites; many websites have a list of their own."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from monitoring import admin_display as display
from monitoring.models import ShownWebsite, StatusGroup, StatusPage
from monitoring.models.status_page import DAYS_MAX, DAYS_MIN, GROUPS_MAX, NAME_MAX_LENGTH, ONLY, check_name
from websites.plain_text import inert
from websites.search import SearchedByWords

# With more websites than that, the form would have more fields than a request may have (and people can look over).
INLINE_MAX = 80
GROUPS_LIST = "wm-groups"
PAGE_ORDER = ("group__position", "group", "position", "pk")

_DAYS: Any = StatusPage._meta.get_field("days")


class StatusPageForm(forms.ModelForm[StatusPage]):
    # By itself, it would first say that it must not be below zero.
    days = _DAYS.formfield(min_value=DAYS_MIN, max_value=DAYS_MAX)

    class Meta:
        model = StatusPage
        fields = ("is_public", "title", "introduction", "days")
        widgets: ClassVar[dict[str, Any]] = {"introduction": forms.Textarea(attrs={"rows": 4, "cols": 80})}


class ShownWebsiteForm(forms.ModelForm[ShownWebsite]):
    """A group is written by name: one that does not exist yet is made."""

    group_name = forms.CharField(
        label="Group",
        required=False,
        max_length=NAME_MAX_LENGTH,
        validators=[check_name],
        widget=forms.TextInput(attrs={"list": GROUPS_LIST, "class": "vTextField"}),
    )

    class Meta:
        model = ShownWebsite
        fields = ("website", "name", "position", "show_url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.group is not None:
            self.initial["group_name"] = self.instance.group.name
        if "website" not in self.fields:
            return
        field: Any = self.fields["website"]
        # Websites have a page of their own.
        field.widget.can_add_related = field.widget.can_change_related = field.widget.can_view_related = False
        if self.instance.pk:
            # Another website is another row; so that this one costs no query and no choosing.
            field.disabled = True
            field.widget = forms.Select(choices=[(self.instance.website_id, inert(self.instance.website.website_url))])

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        name = values.get("group_name", "")
        if name and not _named(name).exists() and StatusGroup.objects.count() >= GROUPS_MAX:
            self.add_error("group_name", f"A status page has at most {GROUPS_MAX} groups.")
        return values

    def save(self, commit: bool = True) -> ShownWebsite:
        name = self.cleaned_data.get("group_name", "")
        if "group_name" in self.changed_data:
            self.instance.group = (_named(name).first() or StatusGroup.objects.create(name=name)) if name else None
        elif self.instance.group_id:
            # It may have been deleted in the same form.
            self.instance.group = StatusGroup.objects.filter(pk=self.instance.group_id).first()
        return super().save(commit)


class GroupInline(admin.TabularInline[StatusGroup, StatusPage]):
    model = StatusGroup
    fields = ("name", "position")
    extra = 0
    max_num = GROUPS_MAX
    verbose_name_plural = "groups, in their order"


class ShownWebsiteInline(admin.TabularInline[ShownWebsite, StatusPage]):
    model = ShownWebsite
    form = ShownWebsiteForm
    fields = ("website", "name", "group_name", "position", "show_url")
    autocomplete_fields = ("website",)
    extra = 0
    max_num = INLINE_MAX
    verbose_name = "website"
    verbose_name_plural = "websites on the page"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShownWebsite]:
        return super().get_queryset(request).select_related("website", "group").order_by(*PAGE_ORDER)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Whoever may only look gets no form, and so not its own field.
        if self.has_change_permission(request, obj):
            return self.fields
        return ("website", "name", "group", "position", "show_url")


@admin.register(StatusPage)
class StatusPageAdmin(admin.ModelAdmin[StatusPage]):
    # See `webmonitor.admin_site`.
    names_websites = True
    form = StatusPageForm
    inlines = (GroupInline, ShownWebsiteInline)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: StatusPage | None = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> StatusPage | None:
        if object_id == str(ONLY):
            StatusPage.objects.get_or_create(pk=ONLY)
        return super().get_object(request, object_id, from_field)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one: straight to it."""
        if not self.has_view_or_change_permission(request):
            return super().changelist_view(request, extra_context)
        return HttpResponseRedirect(reverse("admin:monitoring_statuspage_change", args=[ONLY]))

    def get_inlines(self, request: HttpRequest, obj: StatusPage | None) -> Any:
        return self.inlines if _are_few() else (GroupInline,)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        names = StatusGroup.objects.values_list("name", flat=True)
        context |= {
            "title": "Status page",
            "groups_list": GROUPS_LIST,
            "group_names": [inert(name) for name in names],
            "shown_count": ShownWebsite.objects.count(),
            "are_few": _are_few(),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: StatusPage) -> HttpResponse:
        """Back to the form: the list would only lead there."""
        words = "The status page is saved. " + (
            "Everybody sees it as it is now within 20 seconds." if obj.is_public else "It is off: nobody sees it."
        )
        self.message_user(request, words)
        return HttpResponseRedirect(request.path)


@admin.register(ShownWebsite)
class ShownWebsiteAdmin(SearchedByWords, admin.ModelAdmin[ShownWebsite]):
    # See `webmonitor.admin_site`.
    names_websites = True
    fields = ("website", "name", "group", "position", "show_url")
    autocomplete_fields = ("website",)
    list_display = ("name_shown", "url", "group_shown", "position", "show_url")
    list_editable = ("position",)
    list_per_page = 50
    ordering = PAGE_ORDER
    search_fields = ("name", "website__website_url")
    search_help_text = "Part of a name or URL"
    show_facets = admin.ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The status page's form leads here."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShownWebsite]:
        return super().get_queryset(request).select_related("website", "group")

    def get_readonly_fields(self, request: HttpRequest, obj: ShownWebsite | None = None) -> Any:
        return () if obj is None else ("website",)

    def save_model(self, request: HttpRequest, obj: ShownWebsite, form: Any, change: bool) -> None:
        StatusPage.objects.get_or_create(pk=ONLY)
        super().save_model(request, obj, form, change)

    @admin.display(description="shown name", ordering="name")
    def name_shown(self, shown: ShownWebsite) -> str:
        return inert(shown.name)

    @admin.display(description="URL", ordering="website__website_url")
    def url(self, shown: ShownWebsite) -> SafeString | str:
        return display.short(shown.website.website_url)

    @admin.display(description="group", ordering="group__position")
    def group_shown(self, shown: ShownWebsite) -> str:
        return display.NOTHING if shown.group is None else inert(shown.group.name)


def _named(name: str) -> QuerySet[StatusGroup]:
    return StatusGroup.objects.filter(name__iexact=name)


def _are_few() -> bool:
    return ShownWebsite.objects.count() <= INLINE_MAX
