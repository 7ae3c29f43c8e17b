#!/bin/sh
# From nothing to a passed test suite: sh test.sh. Arguments go to pytest, for example: sh test.sh -k supervisor.
# A part that this machine cannot run is named as SKIPPED in the last lines.
set -eu
unset CDPATH PYTHONHOME PYTHONPATH
cd -- "$(dirname -- "$0")"

sh requirements/install.sh dev

work=$(mktemp -d)
finish() {
    # Whatever still runs in the background ends before its folder goes.
    for job in $(jobs -p); do
        kill "$job" 2>/dev/null || :
    done
    wait
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=
skipped=

# Nothing of the user's own configuration, data or home reaches the tests.
clean() {
    [ -d "$work/$1" ] || mkdir -m 0700 "$work/$1"
    data=$work/$1
    shift
    env -i PATH="$PWD/.venv/bin:$PATH" HOME="$work" LANG=C.UTF-8 TERM="${TERM:-dumb}" CI="${CI:-}" \
        PYTHONDONTWRITEBYTECODE=1 WEBMONITOR_DOTENV=/dev/null DATA_DIR="$data" "$@"
}

# step NAME COMMAND...: its output is shown only where it fails.
step() {
    name=$1
    shift
    code=0
    clean checks "$@" >"$work/output" 2>&1 || code=$?
    if [ "$code" = 0 ]; then
        echo "ok      $name"
    else
        cat "$work/output"
        echo "FAILED  $name"
        failed="$failed, $name"
    fi
}

given=$*
# suite_ended NAME EXIT_CODE: shows what its pytest said. With arguments, one of the two may have nothing to do.
suite_ended() {
    echo
    echo "== $1"
    cat "$work/$1.log"
    case $2 in
    0) ;;
    77) skipped="$skipped, $1" ;;
    5) if [ -n "$given" ]; then skipped="$skipped, $1 (no such test)"; else failed="$failed, $1"; fi ;;
    *) failed="$failed, $1" ;;
    esac
}

step "ruff check" ruff check .
step "ruff format" ruff format --check .
step "mypy" mypy .
step "import contracts" lint-imports
step "migrations are complete" python manage.py makemigrations --check
step "static files" python manage.py prepare --static-only
step "check --deploy" env HTTPS_ONLY=true TRUSTED_PROXIES=1 \
    SECRET_KEY=a-long-key-for-the-check-alone-0123456789-abcdefghijklmnopqrstuvwxyz \
    python manage.py check --deploy --fail-level WARNING

# optional_step PROGRAM ARGUMENTS...: a program that is not installed is a visible skip.
optional_step() {
    if command -v "$1" >/dev/null 2>&1; then
        step "$1" "$@"
    else
        skipped="$skipped, $1 (not installed)"
    fi
}

optional_step shellcheck run.sh test.sh requirements/install.sh docker/entrypoint.sh .ci/run
optional_step docker-compose --file compose.yaml config --quiet

# Side by side and two at a time, as tests spend much of their time waiting.
clean sqlite python -m pytest -p no:cacheprovider -n 2 --dist loadfile -m "not once" "$@" >"$work/pytest on SQLite.log" 2>&1 &
sqlite=$!
# What touches neither database nor broker was tested by the first.
clean postgresql python -m bench.servers python -m pytest -p no:cacheprovider -n 2 --dist loadfile --server-tests "$@" \
    >"$work/pytest on PostgreSQL and Redis.log" 2>&1 &
postgresql=$!
code=0
wait "$sqlite" || code=$?
suite_ended "pytest on SQLite" "$code"
code=0
wait "$postgresql" || code=$?
suite_ended "pytest on PostgreSQL and Redis" "$code"

echo
if [ -n "$skipped" ]; then
    echo "SKIPPED: ${skipped#, }"
fi
if [ -n "$failed" ]; then
    echo "FAILED: ${failed#, }"
    exit 1
fi
echo "All checks and tests passed."
