"""What people search for: words, all of which are to be found."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import smart_split
from rest_framework.filters import search_smart_split

# Each is a condition of its own, and databases bear only so many.
WORDS_MAX = 50


def words(text: str) -> list[str]:
    """The words of a search; those in quotes are one. Raises `ValidationError` as `check_count` does."""
    found = list(search_smart_split(text))  # type: ignore[arg-type]  # the stubs have it wrong
    check_count(found)
    return found


def check(text: str) -> None:
    """Raises `ValidationError` with a sentence for what cannot be searched for."""
    words(text)


def check_count(found: Sequence[str]) -> None:
    """Raises `ValidationError` with a sentence where these words are too many."""
    if len(found) > WORDS_MAX:
        count = f"These are {len(found)} words: search for at most {WORDS_MAX}"
        raise ValidationError(f"{count}, or put them in quotes to find them as one text.")


class SearchedByWords:
    """Mixin for lists of the admin: says so where there are too many words, and finds nothing."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        try:
            # As Django's admin takes them apart: by spaces alone.
            check_count(list(smart_split(search_term)))
        except ValidationError as error:
            messages.error(request, error.messages[0])
            return queryset.none(), False
        found: tuple[QuerySet[Any], bool] = super().get_search_results(request, queryset, search_term)  # type: ignore[misc]
        return found
