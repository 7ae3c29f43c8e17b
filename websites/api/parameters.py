"""Query parameters that a list does not know are refused, so that a typo never looks like "no filter"."""

import difflib
import itertools
from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError as TooManyWords
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from websites.plain_text import inert
from websites.search import check_count

NAME_SHOWN = 100
# A body of megabytes has room for a hundred thousand names; finding what comes close to each takes its time.
NAMES_SHOWN = 20


def hint(name: str, known: Collection[str]) -> str:
    """` Did you mean ...?` for the known name that a mistyped one comes close to; empty where none does."""
    close = difflib.get_close_matches(name, known, n=1) or [word for word in sorted(known) if name and name in word]
    return f' Did you mean "{close[0]}"?' if close else ""


def refusals(names: Collection[str], known: Collection[str], what: str) -> dict[str, list[str]]:
    """Field errors for the first of those names that are not known ones."""
    unknown = itertools.islice((name for name in names if name not in known), NAMES_SHOWN)
    return {inert(name)[:NAME_SHOWN]: [f"There is no such {what}.{hint(name, known)}"] for name in unknown}


def known_parameters(view: GenericAPIView[Any]) -> set[str]:
    filterset = getattr(view, "filterset_class", None)
    names = set(filterset.base_filters) if filterset else set()
    if getattr(view, "search_fields", None):
        names.add("search")
    if getattr(view, "ordering_fields", None):
        names.add("ordering")
    parameters = ("page_query_param", "page_size_query_param", "cursor_query_param")
    return names | {name for key in parameters if (name := getattr(view.paginator, key, None))}


class KnownParameters(GenericViewSet[Any]):
    """Mixin for views with a `list` action: 400 for query parameters that the list does not have."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if errors := refusals(request.query_params.keys(), known_parameters(self), "parameter"):
            raise ValidationError(errors)
        return super().list(request, *args, **kwargs)  # type: ignore[misc,no-any-return]


class StrictSearchFilter(SearchFilter):
    """Names its parameter in what it refuses."""

    def get_search_terms(self, request: Request) -> list[str]:
        try:
            found = super().get_search_terms(request)
            check_count(found)
        except ValidationError as error:
            raise ValidationError({self.search_param: error.detail}) from error
        except TooManyWords as error:
            raise ValidationError({self.search_param: error.messages}) from error
        return found


class StrictOrderingFilter(OrderingFilter):
    """Refuses fields a list cannot be ordered by; ends every order with the key, so that pages never overlap."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> Any:
        terms = [term.strip() for term in request.query_params.get(self.ordering_param, "").split(",") if term.strip()]
        if unknown := [term for term in terms if term.removeprefix("-") not in view.ordering_fields]:
            choices = ", ".join(view.ordering_fields)
            raise ValidationError(
                {self.ordering_param: [f'No order by "{inert(unknown[0])[:NAME_SHOWN]}": {choices}.']}
            )
        return [*terms, "pk"]
