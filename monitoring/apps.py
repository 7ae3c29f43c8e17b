from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import pauses, roles, schedule, user_admin  # noqa: F401  # user_admin registers itself
        from websites.signals import websites_deleted, websites_saved

        websites_saved.connect(schedule.on_websites_saved, dispatch_uid="monitoring.schedule.saved")
        websites_saved.connect(pauses.on_websites_saved, dispatch_uid="monitoring.pauses.saved")
        websites_deleted.connect(schedule.on_websites_deleted, dispatch_uid="monitoring.schedule.deleted")
        post_migrate.connect(roles.sync_roles, sender=self, dispatch_uid="monitoring.roles")
