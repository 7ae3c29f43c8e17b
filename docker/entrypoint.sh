#!/bin/sh
# What a container runs: web, worker, beat, all (the three under one supervisor), or any command.
set -eu

case "${1:-all}" in
web)
    python manage.py prepare
    exec python -m webmonitor.web_server
    ;;
worker | beat)
    python manage.py prepare --database-only
    exec celery -A webmonitor --quiet "$@"
    ;;
all)
    python manage.py prepare
    exec python -m webmonitor.supervisor
    ;;
*)
    exec "$@"
    ;;
esac
