#!/bin/sh
# Makes or mends .venv in the project folder: `sh requirements/install.sh base|dev`.
# Installs only when the requirement files, the Python version or the folder changed.
set -eu
unset CDPATH PYTHONHOME PYTHONPATH
cd -- "$(dirname -- "$0")/.."

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
    without_venv=
    for name in python3.13 python3.12 python3.11 python3 python; do
        command -v "$name" >/dev/null 2>&1 || continue
        "$name" -c "$supported" >/dev/null 2>&1 || continue
        if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
        without_venv=${without_venv:-$name}
    done
    if [ -n "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "Python $version is here, but without its venv module. On Debian or Ubuntu: apt install python$version-venv" >&2
    else
        echo "webmonitor needs Python 3.11, 3.12 or 3.13, and none was found. On Debian or Ubuntu: apt install python3 python3-venv" >&2
    fi
    exit 1
}

# What the packages were installed from: a stamp that differs means that they are installed again.
fingerprint() {
    printf '%s %s ' "$PWD" "$(.venv/bin/python -c 'import sys; print(sys.version.split()[0])')"
    cat "$@" | cksum
}

is_sound() {
    .venv/bin/python -c "import pip; $supported" >/dev/null 2>&1 &&
        { [ ! -f .venv/folder ] || [ "$(cat .venv/folder)" = "$PWD" ]; }
}

case "${1-}" in
base) files="requirements/base.txt requirements/constraints.txt" ;;
dev) files="requirements/base.txt requirements/constraints.txt requirements/dev.txt" ;;
*)
    echo "usage: sh requirements/install.sh base|dev" >&2
    exit 2
    ;;
esac

if ! is_sound; then
    python=$(find_python)
    echo "Making a virtual environment in .venv with $("$python" --version)."
    "$python" -m venv --clear .venv
    echo "$PWD" >.venv/folder
fi

stamp=.venv/installed-$1
# shellcheck disable=SC2086 # a list of files
wanted=$(fingerprint $files)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
    echo "Installing packages from requirements/$1.txt. This is needed once and takes a minute or two."
    # A stamp must never outlive the packages it speaks of, even if this is interrupted.
    rm -f .venv/installed-base .venv/installed-dev
    if ! PIP_USER=false .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r "requirements/$1.txt"; then
        echo "The packages could not be installed: the lines above say why. Run the same command again once that is mended." >&2
        exit 1
    fi
    if [ "$1" = dev ]; then
        fingerprint requirements/base.txt requirements/constraints.txt >.venv/installed-base
    fi
    echo "$wanted" >"$stamp"
fi
