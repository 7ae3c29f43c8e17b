#!/bin/bash
# Django 5.2.19: while the database takes no writes (a replica before it is promoted, a full or read-only volume), a request whose
# session is to be saved after its view is answered 400 Bad Request, logged as "The request's session was deleted before the
# request completed. The user may have logged out in a concurrent request". Nobody logged out: the session's backend takes every
# error of the database at an update for a row that is gone. The same happens with any other error of that moment, such as a
# lock that is waited for too long.
# Why it matters for whoever runs or watches a Django site: a failover shows as client errors (4xx), which alarms and error
# trackers leave out, and people are told that their request was wrong.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-input django==5.2.19 2>pip.log || { cat pip.log >&2; exit 1; }
cat >check.py <<'PYTHON'
import logging
import sys

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "database"}},
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="x",
)
django.setup()
from django.core.management import call_command
from django.db import connection
from django.test import Client


def visit(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse("welcome")


urlpatterns = [path("", visit)]
logging.getLogger("django.request").setLevel(logging.CRITICAL)
call_command("migrate", verbosity=0)
client = Client(raise_request_exception=False)
before = client.get("/").status_code
with connection.cursor() as cursor:
    cursor.execute("PRAGMA query_only = ON")
during = client.get("/").status_code
with connection.cursor() as cursor:
    cursor.execute("PRAGMA query_only = OFF")
    cursor.execute("SELECT count(*) FROM django_session")
    sessions = cursor.fetchone()[0]
after = client.get("/").status_code
print("django", django.__version__)
print(f"writable: {before}; while nothing can be written: {during}; writable again: {after}; the session is there: {sessions == 1}")
holds = (before, during, after, sessions) == (200, 400, 200, 1)
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
exec_code=0
venv/bin/python check.py || exec_code=$?
exit "$exec_code"
