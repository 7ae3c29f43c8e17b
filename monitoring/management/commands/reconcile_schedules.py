"""`manage.py reconcile_schedules`: mend the periodic tasks that websites own."""

from typing import Any

from django.core.management.base import BaseCommand

from monitoring import schedule


class Command(BaseCommand):
    help = "Give every website exactly one periodic task, and remove those whose website is gone."

    def handle(self, *args: Any, **options: Any) -> None:
        repairs = schedule.reconcile()
        if not repairs:
            self.stdout.write("Every website has its periodic task; nothing to mend.")
            return
        self.stdout.write(
            f"Periodic tasks mended: {repairs.made} made, {repairs.changed} changed, {repairs.removed} removed."
        )
