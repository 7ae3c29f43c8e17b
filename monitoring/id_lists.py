"""Many ids as one parameter of a statement: a long list of parameters costs more to parse than to look up.

As a table, it is what both databases begin at, and so look each id up by its key; PostgreSQL else reads all rows of a
young table, while it has no statistics of it.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection

_TABLES = {
    "postgresql": "unnest(%s::bigint[]) AS asked(id)",
    "sqlite": "(SELECT value AS id FROM json_each(%s)) AS asked",
}
_NUMBERED = {
    "postgresql": "(SELECT key::bigint AS id, value::float8 AS number FROM json_each_text(%s::json)) AS numbered",
    "sqlite": "(SELECT CAST(key AS integer) AS id, value AS number FROM json_each(%s)) AS numbered",
}


def table() -> str:
    """SQL for a table `asked` with the column `id`, and one parameter in it."""
    return _TABLES[connection.vendor]


def parameter(ids: Collection[int]) -> Any:
    """The parameter for these ids."""
    return list(ids) if connection.vendor == "postgresql" else json.dumps(list(ids))


def numbered_table() -> str:
    """SQL for a table `numbered` with the columns `id` and `number`, and one parameter in it."""
    return _NUMBERED[connection.vendor]


def numbered_parameter(numbers: Mapping[int, float]) -> str:
    """The parameter for numbers by id."""
    return json.dumps(numbers)
