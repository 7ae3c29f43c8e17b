"""All settings, from the environment and `.env`: README.md has the table of names.

https://docs.djangoproject.com/en/5.2/ref/settings/
"""

import datetime
import os
from pathlib import Path
from typing import Any

from webmonitor import __version__, logs
from webmonitor.environment import Environment, generated_secret, prepare_data_dir, prepare_sqlite_file

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(Path(os.environ.get("WEBMONITOR_DOTENV", BASE_DIR / ".env")))

VERSION = __version__
PROJECT_URL = "https://github.com/webmonitor/webmonitor"

# --- Where it listens and keeps things ---------------------------------------------------
HOST = env.host("HOST", "127.0.0.1")
PORT = env.number("PORT", 8080, minimum=1, maximum=65535)
# Web processes; threads of one process serve as many people as most monitors have.
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", 1, minimum=1, maximum=64)
DATA_DIR = (BASE_DIR / env.text("DATA_DIR", "data")).resolve()
DATABASE = env.database("DATABASE_URL", f"sqlite:///{DATA_DIR / 'webmonitor.sqlite3'}")
REDIS_URL = env.broker("REDIS_URL")
# Without Redis, Celery's in-process broker joins beat and worker in one process.
EMBEDDED_BROKER = REDIS_URL is None
IS_SQLITE = DATABASE["ENGINE"] == "django.db.backends.sqlite3"

# --- Security ----------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
# HTTPS_ONLY says that people reach the monitor through a TLS proxy and in no other way.
HTTPS_ONLY = env.flag("HTTPS_ONLY", default=False)
# How many reverse proxies of our own append to X-Forwarded-For; 0 ignores the header.
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, minimum=0, maximum=10)

# --- Probing and history -----------------------------------------------------------------
# Loopback and private networks may be probed where nothing is configured: there, the people
# who add websites are those who own the machine. A configured installation names its networks.
HOME_NETWORKS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
PROBE_ALLOWED_NETWORKS = env.networks("PROBE_ALLOWED_NETWORKS", HOME_NETWORKS if EMBEDDED_BROKER and IS_SQLITE else ())
# What answers while the monitor's own connection is sound (see `monitoring.connectivity`).
REFERENCE_ADDRESSES = env.addresses("REFERENCE_ADDRESSES")
RETENTION_DAYS = env.number("RETENTION_DAYS", 30, minimum=1, maximum=36500)

# --- Alerts ------------------------------------------------------------------------------
# A website that goes down so often within so many seconds flaps, and is told of once; 0 tells of each time.
FLAPPING_OUTAGES = env.number("FLAPPING_OUTAGES", 5, minimum=0, maximum=1000)
FLAPPING_WINDOW = env.number("FLAPPING_WINDOW", 1800, minimum=60, maximum=86400)
EMAIL_BACKEND = "monitoring.notifications.mail_backend.Backend"
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.number("EMAIL_PORT", 25, minimum=1, maximum=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.secret("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL", default=False)
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    env.problems.append("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other: the first is for port 587, usually.")
# What the monitor calls itself to the mail server; empty for what is known of its name.
EMAIL_HELO = env.mail_name("EMAIL_HELO")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "webmonitor@localhost")

# --- First administrator -----------------------------------------------------------------
DJANGO_SUPERUSER_USERNAME = env.text("DJANGO_SUPERUSER_USERNAME", "admin")
DJANGO_SUPERUSER_PASSWORD = env.secret("DJANGO_SUPERUSER_PASSWORD")
DJANGO_SUPERUSER_EMAIL = env.text("DJANGO_SUPERUSER_EMAIL")

# --- Logging -----------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ["text", "json"])

_secret_key = env.secret("SECRET_KEY")
env.refuse_if_bad()

prepare_data_dir(DATA_DIR)
if IS_SQLITE:
    prepare_sqlite_file(str(DATABASE["NAME"]))
SECRET_KEY = _secret_key or generated_secret(DATA_DIR / "secret_key")

# --- Django ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "webmonitor.apps.WebmonitorConfig",
    "monitoring",
    "websites",
    "webmonitor.admin_site.WebmonitorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "axes",
    "django_celery_beat",
]

MIDDLEWARE = [
    "webmonitor.middleware.empty_head",
    "webmonitor.middleware.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "webmonitor.middleware.AnswerForDatabase",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, so that it sees what the views decided: https://django-axes.readthedocs.io/
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "monitoring.public_websites.in_templates",
            ],
        },
    },
]

ROOT_URLCONF = "webmonitor.urls"
WSGI_APPLICATION = "webmonitor.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "webmonitor.formats"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_MAX_AGE = 3600
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# SQLite: writers wait for each other instead of failing, and readers never wait.
# https://docs.djangoproject.com/en/5.2/ref/databases/#sqlite-transaction-behavior
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
}
# Nobody waits for ever: not for a server that is gone without a word, nor for a lock that somebody keeps. For one that
# is frozen, see `monitoring.patience`.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
POSTGRESQL_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# Set in each session (`monitoring.poolers`). Compiling statements that take milliseconds takes longer than they do.
POSTGRESQL_SESSION = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s", "jit": "off"}

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **DATABASE,
        "ENGINE": DATABASE["ENGINE"] if IS_SQLITE else "webmonitor.postgresql",
        "OPTIONS": {**(SQLITE_OPTIONS if IS_SQLITE else POSTGRESQL_OPTIONS), **DATABASE.get("OPTIONS", {})},
        "CONN_MAX_AGE": None if IS_SQLITE else 300,
        "CONN_HEALTH_CHECKS": not IS_SQLITE,
        # A pooler may give each of their steps to another session.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    },
}

# Of each process its own, and small: what is in it is a few seconds old at most, or drawn of the past.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 5_000}},
}

# --- Who may sign in ---------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["webmonitor.sign_in.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Counted and decided in `webmonitor.sign_in`.
AXES_HANDLER = "webmonitor.sign_in.Handler"
AXES_LOCKOUT_CALLABLE = "webmonitor.sign_in.refused"
AXES_CLIENT_IP_CALLABLE = "webmonitor.clients.client_address"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# --- TLS: https://docs.djangoproject.com/en/5.2/topics/security/#ssl-https ----------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Nothing but files of the monitor's own, and nothing written into a page: neither scripts nor styles.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

# --- API ---------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    # Token first: an anonymous caller then gets 401 without the browser's own password dialog.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "webmonitor.authentication.TokenAuthentication",
        "webmonitor.authentication.BasicAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["websites.api.permissions.ModelPermissions"],
    "DEFAULT_PARSER_CLASSES": [
        "websites.api.parsers.BoundedJSONParser",
        "websites.api.parsers.BoundedFormParser",
        "websites.api.parsers.BoundedMultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "websites.api.renderers.InertJSONRenderer",
        "websites.api.renderers.BrowsableRenderer",
    ],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "webmonitor.openapi.Schema",
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX = {"TOKEN_TTL": datetime.timedelta(days=365), "TOKEN_PREFIX": "wm_"}
SPECTACULAR_SETTINGS = {
    "TITLE": "webmonitor",
    "DESCRIPTION": "Websites to watch, and what watching them showed.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "PREPROCESSING_HOOKS": ["webmonitor.openapi.without_trailing_slash"],
}

# --- Celery: https://docs.celeryq.dev/en/stable/userguide/configuration.html ---------------
CELERY_BROKER_URL = REDIS_URL or "memory://localhost//"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever, and also where Redis answers but takes nothing: it is a replica for now, or its memory or disk is full.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    # The default of one second between looks into the in-process queue would make checks late.
    {"polling_interval": 0.1} if EMBEDDED_BROKER else {"socket_connect_timeout": 5, "socket_timeout": 10}
)
CELERY_BEAT_SCHEDULER = "monitoring.scheduler:WebsiteScheduler"
# Name, task, and the seconds between two runs, after which one that nobody took is dropped.
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"monitoring.tasks.{task}", "schedule": float(seconds), "options": {"expire_seconds": seconds}}
    for name, task, seconds in (
        ("reconcile-schedules", "reconcile_schedules", 180),
        ("send-alerts", "send_alerts", 2),
        ("look-at-certificates", "look_at_certificates", 300),
        ("roll-up", "roll_up", 60),
        ("prune-monitoring-data", "prune_monitoring_data", 60),
    )
}
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
# Only beat sends, and it must go on: what could not be sent is sent when it is due again.
CELERY_TASK_PUBLISH_RETRY = False
# Celery would close the database connection after every task; here Django decides (CONN_MAX_AGE).
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_TASK_DEFAULT_QUEUE = "webmonitor"
# Checks alone go by the first; see `webmonitor.lanes`.
UPKEEP_QUEUE = "webmonitor-upkeep"
CELERY_TASK_ROUTES = {"monitoring.tasks.check_*": {"queue": CELERY_TASK_DEFAULT_QUEUE}, "*": {"queue": UPKEEP_QUEUE}}
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = TIME_ZONE
# Checks are handed to the one engine thread of the process, so a few threads are enough.
CELERY_WORKER_POOL = "webmonitor.lanes:LanePool"
CELERY_WORKER_CONCURRENCY = 4
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = not EMBEDDED_BROKER
CELERY_WORKER_SEND_TASK_EVENTS = False

LOGGING = logs.configuration(LOG_LEVEL, LOG_FORMAT)
