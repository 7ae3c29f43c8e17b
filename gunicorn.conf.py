"""The web server's settings: `gunicorn webmonitor.wsgi` in this folder reads them by itself.

https://docs.gunicorn.org/en/stable/settings.html
"""

import gc
import sys
from pathlib import Path
from typing import Any

from webmonitor.environment import refuse_bad_configuration

with refuse_bad_configuration():
    from webmonitor import settings

bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
worker_class = "gthread"
threads = 8
# Seconds that a thread computes before it makes way: a request gives way at each of its queries, and would wait so long
# each time while a large page is drawn beside it. Python's own are five times as many.
sys.setswitchinterval(0.001)
# A page of the admin ends in a fraction of this, and the whole must be down within 15 seconds.
graceful_timeout = 10
# The workers' signs of life are files: on a disk, a slow write would look like a dead worker.
shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes an unnamed file of its own there
worker_tmp_dir = str(shared_memory) if shared_memory.is_dir() else None
control_socket_disable = True
# Whether a request came over TLS, and from whom, is judged by Django alone (TRUSTED_PROXIES).
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

accesslog = None
loglevel = settings.LOG_LEVEL.lower()
logconfig_dict: dict[str, Any] = {
    **settings.LOGGING,
    "loggers": {
        **settings.LOGGING["loggers"],
        "gunicorn.error": {"handlers": ["console"], "level": settings.LOG_LEVEL, "propagate": False},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}


def post_worker_init(_: Any) -> None:
    """Load what the first request would, and keep it out of collections of garbage: each would stop all for 0.1 s."""
    from django.urls import get_resolver

    get_resolver().url_patterns  # noqa: B018 - read, so that it is loaded
    gc.collect()
    gc.freeze()
