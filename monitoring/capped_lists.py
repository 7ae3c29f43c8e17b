"""Lists of tables that grow: their rows are counted, and skipped, only up to a bound."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class CappedPaginator(Paginator[Any]):
    """Leads through the first `cap` rows; what lies behind is found by filters and searches."""

    cap = 5_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.cap].count())
