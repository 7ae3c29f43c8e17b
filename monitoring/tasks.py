"""Celery tasks: what beat sends and workers run. Each is thin; the work is in the module it names."""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.db import Error, close_old_connections, connection

from monitoring import (
    certificate_alerts,
    partitions,
    passing_errors,
    patience,
    retention,
    rollups,
    runner,
    schedule,
    stopping,
    watch_periods,
)
from monitoring.clock import clock
from monitoring.notifications import deliveries
from monitoring.plan import Version

logger = logging.getLogger(__name__)


def periodic(work: Callable[[], None]) -> Callable[[], None]:
    """A task that beat sends again and again: what the database does not do for it now is left to the next run."""

    @functools.wraps(work)
    def run() -> None:
        # Within somebody's transaction, Django would take the connection for a broken one.
        if not connection.in_atomic_block:
            close_old_connections()
        try:
            work()
        except Error as error:
            if not passing_errors.of_database(error):
                raise
            connection.close()
            words = passing_errors.words(error)
            logger.warning(
                "the database cannot serve a task, the next run does it", extra={"task": name, "error": words}
            )

    name = work.__name__
    return run


@shared_task
@patience.at_most(patience.USUAL)
def check_batch(slots: list[tuple[int, int | None]], version: list[Any] | str | None = None) -> None:
    """Check websites: `[website_id, slot in ms of Unix time]` pairs, as `WebsiteScheduler` sends them; the slot is null
    for a check beside the slots.

    `version` has the fields of `monitoring.plan.Version`; beats of before sent a string.
    """
    runner.current().submit(slots, Version(*version) if isinstance(version, list) else None)


@shared_task
@patience.at_most(patience.USUAL)
def check_website(website_id: int) -> None:
    """Check one website now: what its periodic task says, and what django-celery-beat's own scheduler sends."""
    runner.current().submit([(website_id, time.time_ns() // 1_000_000)])


@shared_task
@periodic
def reconcile_schedules() -> None:
    schedule.reconcile()
    watch_periods.reconcile()


@shared_task
@periodic
def roll_up() -> None:
    rollups.roll_up(stopping.is_asked)


@shared_task
@periodic
def prune_monitoring_data() -> None:
    partitions.make_ahead()
    # By a clock that is days ahead, all would be old.
    if clock.is_believed():
        retention.prune(stopping.is_asked)


@shared_task
@periodic
@patience.at_most(patience.USUAL)
def send_alerts() -> None:
    deliveries.work()


@shared_task
@periodic
@patience.at_most(patience.USUAL)
def look_at_certificates() -> None:
    certificate_alerts.tell()
