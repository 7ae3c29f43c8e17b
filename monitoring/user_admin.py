"""Users and groups in the admin: what somebody may do to others ends where their own rights end."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import ManyToManyField, QuerySet
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse

from websites.search import SearchedByWords

# Only a superuser sets these.
RIGHTS = ("is_superuser", "user_permissions")


def may_touch(actor: User, target: User) -> bool:
    """Whether every right of the target is one of the actor's too."""
    if actor.is_superuser:
        return True
    return not target.is_superuser and target.get_all_permissions() <= actor.get_all_permissions()


def grantable_groups(actor: User) -> QuerySet[Group]:
    """The groups that give nothing the actor does not have."""
    if actor.is_superuser:
        return Group.objects.all()
    held = actor.get_all_permissions()
    groups = Group.objects.prefetch_related("permissions__content_type")
    within = [group.pk for group in groups if _permissions(group) <= held]
    return Group.objects.filter(pk__in=within)


def _permissions(group: Group) -> set[str]:
    return {f"{item.content_type.app_label}.{item.codename}" for item in group.permissions.all()}


class GuardedUserAdmin(SearchedByWords, UserAdmin[User]):
    """Other people's passwords, superusers and rights beyond one's own are for superusers.

    Whoever may add a user chooses the first password with it.
    """

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_touch(_actor(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_touch(_actor(request), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _actor(request).is_superuser else (*fields, *RIGHTS)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """As Django has them, for others than superusers without the password's hash and its link."""
        fieldsets = super().get_fieldsets(request, obj)
        if _actor(request).is_superuser:
            return fieldsets
        return [
            (title, {**options, "fields": [field for field in options["fields"] if field != "password"]})
            for title, options in fieldsets
        ]

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        if db_field.name == "groups":
            kwargs["queryset"] = grantable_groups(_actor(request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Names each account beyond the actor's rights as protected, which stops the bulk action."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        beyond = [str(user) for user in objs if not may_touch(_actor(request), user)]
        return deleted, counts, missing, [*protected, *beyond]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        if not _actor(request).is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # the admin asks nobody else in
    return request.user


class SearchedGroupAdmin(SearchedByWords, GroupAdmin):
    """Django's own, whose list bears any search."""


admin.site.unregister([User, Group])
admin.site.register(User, GuardedUserAdmin)
admin.site.register(Group, SearchedGroupAdmin)
