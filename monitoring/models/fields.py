"""Columns that Django has no field for."""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class RealField(models.FloatField[float | None, float | None]):
    """A number to some seven digits: on PostgreSQL in 4 bytes, half of a `FloatField`'s."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "real"
