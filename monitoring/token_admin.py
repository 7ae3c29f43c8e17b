"""API tokens in the admin: who has which, and taking them away. People make their own at /tokens."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from knox import admin as stock
from knox.models import AuthToken

from websites.search import SearchedByWords

admin.site.unregister(stock.models.AuthToken)


@admin.register(AuthToken)
class TokenAdmin(SearchedByWords, admin.ModelAdmin[Any]):
    # The first characters tell tokens apart; the digest tells nobody anything.
    list_display = ("token_key", "user", "created", "expiry")
    fields = list_display
    search_fields = ("token_key", "user__username")
    search_help_text = "First characters of a token, or a user's name"
    list_select_related = ("user",)
    ordering = ("-created",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
