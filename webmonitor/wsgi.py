"""The web process: `gunicorn webmonitor.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from webmonitor.environment import refuse_bad_configuration

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmonitor.settings")

with refuse_bad_configuration():
    application = get_wsgi_application()
