from django.apps import AppConfig


class WebmonitorConfig(AppConfig):
    name = "webmonitor"

    def ready(self) -> None:
        from webmonitor import checks

        checks.register()
