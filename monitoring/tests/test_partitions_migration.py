"""An installation of before becomes one with partitions, and back, with every row it has."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from monitoring import partitions, rows
from monitoring.models import MonitoringData
from monitoring.partitions import DAYS_AHEAD
from monitoring.rollup_tables import DAY
from monitoring.rollups import floor
from monitoring.tests.test_partitions import places, row

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.IS_SQLITE, reason="SQLite has no partitions"),
]
INDEXES = {
    "monitoring_website_newest",
    "monitoring_error_newest",
    "monitoring_outcome_newest",
    "monitoring_status_newest",
    "monitoring_entry_timestamp_brin",
}


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    call_command("migrate", "monitoring", "0008", verbosity=0)
    assert not partitions.are_used()
    yield
    MonitoringData.objects.all().delete()
    call_command("migrate", "monitoring", "0008", verbosity=0)
    call_command("migrate", verbosity=0)


def stored() -> dict[int, datetime]:
    return dict(MonitoringData.objects.values_list("pk", "entry_timestamp"))


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid"
            " WHERE indrelid = 'monitoring_monitoringdata'::regclass AND indisvalid AND NOT indisprimary"
        )
        return {name for (name,) in cursor.fetchall()}


def file_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(%s)", [table])
        return int(cursor.fetchone()[0])


def test_rows_stay_where_they_are_and_new_ones_go_to_their_days() -> None:
    now = timezone.now()
    rows.insert([row(now - 40 * DAY), row(now), row(now + 2 * DAY), row(now + 90 * DAY)])
    kept, file = stored(), file_of("monitoring_monitoringdata")
    call_command("migrate", verbosity=0)
    assert stored() == kept
    old = f"until_{floor(now, DAY) + DAY:%Y%m%d}"
    # The clock was ahead once: that of a day has moved there, that of none waits for its day.
    assert places() == [old, old, f"{now + 2 * DAY:%Y%m%d}", "default"]
    assert file_of(f"monitoring_monitoringdata_{old}") == file
    assert indexes() == INDEXES
    rows.insert([row(now), row(now + DAY)])
    assert sorted(set(stored()) - set(kept)) == [max(kept) + 1, max(kept) + 2]
    assert places() == [old, old, old, f"{now + DAY:%Y%m%d}", f"{now + 2 * DAY:%Y%m%d}", "default"]
    assert len(partitions.known()) == 1 + DAYS_AHEAD


def test_the_old_table_goes_once_all_of_it_is_old() -> None:
    now = timezone.now()
    rows.insert([row(now - timedelta(days=3))])
    call_command("migrate", verbosity=0)
    assert partitions.drop_before(floor(now, DAY)) == 0
    assert partitions.drop_before(floor(now, DAY) + DAY) == 1
    assert not stored()


def test_an_empty_table_leaves_no_partition_behind() -> None:
    call_command("migrate", verbosity=0)
    assert [partition.since for partition in partitions.known()] == [
        floor(timezone.now(), DAY) + number * DAY for number in range(DAYS_AHEAD + 1)
    ]


def test_the_way_back_keeps_every_row_and_goes_on_counting() -> None:
    call_command("migrate", verbosity=0)
    now = timezone.now()
    rows.insert([row(now), row(now + DAY), row(now + 90 * DAY)])
    kept = stored()
    call_command("migrate", "monitoring", "0008", verbosity=0)
    assert not partitions.are_used()
    assert stored() == kept
    # That one came later.
    assert indexes() == INDEXES - {"monitoring_status_newest"}
    assert partitions.make_ahead() == 0
    assert partitions.drop_before(now) == 0
    rows.insert([row(now)])
    assert max(stored()) == max(kept) + 1
