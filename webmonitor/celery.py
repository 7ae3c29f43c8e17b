"""The Celery application: `celery -A webmonitor worker` and `celery -A webmonitor beat`."""

import os

from celery import Celery

from webmonitor.environment import refuse_bad_configuration

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmonitor.settings")

with refuse_bad_configuration():
    app = Celery("webmonitor")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()
