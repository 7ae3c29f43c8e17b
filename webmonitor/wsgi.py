"""The WSGI application, which `webmonitor.web_server` serves."""

import os

from django.core.wsgi import get_wsgi_application

from monitoring import patience
from webmonitor.environment import refuse_bad_configuration

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmonitor.settings")

with refuse_bad_configuration():
    application = get_wsgi_application()
patience.set_for_process(patience.USUAL)
