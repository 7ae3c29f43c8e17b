"""Pages of lists: `page` and `page_size`."""

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import BasePagination, PageNumberPagination
from rest_framework.request import Request

PAGE_SIZE = 50
PAGE_SIZE_CAP = 1000


class BoundedPageSize(BasePagination):
    """`page_size` from 1 to 1,000, anything else refused instead of guessed at."""

    page_size: int | None = PAGE_SIZE
    max_page_size: int | None = PAGE_SIZE_CAP
    page_size_query_param: str | None = "page_size"
    page_size_query_description = f"Results a page, 1 to {PAGE_SIZE_CAP}; {PAGE_SIZE} where it is not named."

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("page_size", "")
        if not text:
            return PAGE_SIZE
        if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= PAGE_SIZE_CAP):
            raise ValidationError({"page_size": [f"Must be a whole number from 1 to {PAGE_SIZE_CAP}."]})
        return int(text)


class WebsitePagination(BoundedPageSize, PageNumberPagination):
    """Answers `{count, next, previous, results}`."""

    page_query_description = "Which page, from 1."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise NotFound("There is no such page.") from error
