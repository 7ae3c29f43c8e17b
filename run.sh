#!/bin/sh
# From nothing to a running monitor: sh run.sh. README.md has the settings; Ctrl-C ends it.
set -eu
unset CDPATH PYTHONHOME PYTHONPATH
cd -- "$(dirname -- "$0")"

sh requirements/install.sh base
.venv/bin/python manage.py prepare
exec .venv/bin/python -m webmonitor.supervisor
