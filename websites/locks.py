"""Who waits for whom, where rows go while others write rows that refer to them.

PostgreSQL checks foreign keys when a transaction ends. Where one deletes a website and another writes a row of it, the
one that ends last fails, however well it looked before. So, in this order, whoever takes several of these:

1. Whoever deletes websites, or writes down which websites something is about, goes `one_at_a_time`.
2. Whoever deletes rows that others refer to holds them before anything of theirs goes (`hold_to_delete`): channels and
   maintenance windows before websites.
3. Whoever writes rows of websites that it has not locked itself holds them meanwhile (`hold`), and learns which are
   gone: websites before channels, and both before any row of theirs.

All are held in the order of their keys, until the transaction ends. SQLite has one writer at a time, who began with the
lock: there, nothing of this is needed.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.db import connection, models, transaction

# Any number that no other program locks in the same database.
ADVISORY_LOCK_KEY = 0x77656272
# Keys a statement: SQLite takes at most 32,766 parameters in one.
CHUNK = 1000


def one_at_a_time() -> None:
    """Wait until nobody else does what is to be done one at a time; inside a transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK_KEY])


def hold(model: type[models.Model], keys: Collection[int]) -> set[int]:
    """Keep rows that this transaction has read from being deleted; returns the keys of those that are still there."""
    if connection.vendor != "postgresql" or not keys:
        return set(keys)
    table, key = model._meta.db_table, model._meta.pk.column
    # FOR KEY SHARE, which the ORM does not know, lets others change all but the key.
    sql = f"SELECT {key} FROM {table} WHERE {key} = ANY(%s) ORDER BY {key} FOR KEY SHARE"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(keys)])
        return {key for (key,) in cursor.fetchall()}


def hold_to_change(model: type[models.Model], keys: Collection[Any]) -> list[Any]:
    """Keep these rows from being changed and deleted by others; returns the keys of those that there are, in order."""
    return _locked(model, keys, no_key=True)


def hold_to_delete(model: type[models.Model], keys: Collection[Any]) -> list[Any]:
    """Keep these rows from being changed, deleted and referred to; returns the keys of those there are, in order."""
    return _locked(model, keys, no_key=False)


def _locked(model: type[models.Model], keys: Collection[Any], *, no_key: bool) -> list[Any]:
    if connection.vendor != "postgresql":
        return sorted(keys)
    rows = model._base_manager.select_for_update(no_key=no_key).order_by("pk").values_list("pk", flat=True)
    return [pk for some in chunks(sorted(keys)) for pk in rows.filter(pk__in=some)]


def chunks(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Slices of a size that one statement can take."""
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))


def delete(model: type[models.Model], keys: Collection[Any]) -> tuple[int, dict[str, int]]:
    """Hold these rows, then delete them with all that is theirs; returns how many rows of which models went."""
    held = hold_to_delete(model, keys)
    counts: Counter[str] = Counter()
    for some in chunks(held):
        counts.update(model._base_manager.filter(pk__in=some).delete()[1])
    return counts.total(), dict(counts)


class HeldQuerySet(models.QuerySet[Any]):
    """Holds the rows that it deletes."""

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=self.db):
            return delete(self.model, list(self.order_by().values_list("pk", flat=True)))

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class HeldModel(models.Model):
    """Is held while it is deleted."""

    objects = HeldQuerySet.as_manager()

    class Meta:
        abstract = True

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=kwargs.get("using")):
            hold_to_delete(type(self), [self.pk])
            return super().delete(*args, **kwargs)
