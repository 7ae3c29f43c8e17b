from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import schedule
        from websites.signals import websites_deleted, websites_saved

        websites_saved.connect(schedule.on_websites_saved, dispatch_uid="monitoring.schedule.saved")
        websites_deleted.connect(schedule.on_websites_deleted, dispatch_uid="monitoring.schedule.deleted")
