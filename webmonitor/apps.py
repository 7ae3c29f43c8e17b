"""The first of the installed apps: what it does happens before any model or form is defined."""

import django_stubs_ext
from django.apps import AppConfig

# Lets Django's classes take type parameters at run time too, such as ModelForm[Website]. Here and not in the
# settings, because it loads half of Django, and the supervisor reads the settings without the rest.
django_stubs_ext.monkeypatch()


class WebmonitorConfig(AppConfig):
    name = "webmonitor"

    def ready(self) -> None:
        from django.conf import settings

        from webmonitor import checks

        checks.register()
        if not settings.IS_SQLITE:
            from django.db.backends.signals import connection_created

            from monitoring import poolers
            from webmonitor import postgresql

            connection_created.connect(poolers.set_up, dispatch_uid="session-settings")
            postgresql.read_time_stamps_compiled()
