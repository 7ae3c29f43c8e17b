from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import (  # noqa: F401  # user_admin registers itself
            deleted_checks,
            partitions,
            past_maintenance,
            pauses,
            roles,
            schedule,
            scopes,
            user_admin,
            watch_periods,
        )
        from monitoring.notifications import farewells, mail_backend
        from monitoring.status_page import changes
        from websites.signals import websites_deleted, websites_deleting, websites_saved

        websites_saved.connect(schedule.on_websites_saved, dispatch_uid="monitoring.schedule.saved")
        websites_saved.connect(pauses.on_websites_saved, dispatch_uid="monitoring.pauses.saved")
        websites_saved.connect(watch_periods.on_websites_saved, dispatch_uid="monitoring.watch_periods.saved")
        # Before anything is locked.
        websites_deleting.connect(deleted_checks.on_websites_deleting, dispatch_uid="monitoring.checks.deleting")
        # Before channels are switched off.
        websites_deleting.connect(farewells.on_websites_deleting, dispatch_uid="monitoring.farewells.deleting")
        websites_deleting.connect(scopes.on_websites_deleting, dispatch_uid="monitoring.scopes.deleting")
        websites_deleted.connect(deleted_checks.on_websites_deleted, dispatch_uid="monitoring.checks.deleted")
        websites_deleted.connect(schedule.on_websites_deleted, dispatch_uid="monitoring.schedule.deleted")
        past_maintenance.connect()
        mail_backend.introduce()
        changes.connect()
        post_migrate.connect(roles.sync_roles, sender=self, dispatch_uid="monitoring.roles")
        post_migrate.connect(partitions.on_migrated, sender=self, dispatch_uid="monitoring.partitions")
