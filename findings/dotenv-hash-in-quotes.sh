#!/bin/bash
# django-environ 0.14.0 and python-dotenv 1.2.4: one .env, two values, and neither says so.
# django-environ takes a comment after a value for a part of it: PORT=8080 # web is "8080 # web", and a quoted password
# with a comment after it keeps its quotes. Its parse_comments=True takes the comment off, but cuts at any number sign:
# PASSWORD=abc#def is "abc", and PASSWORD="p#ss word", in double quotes, is "\"p", with the quote that begins it. Only
# single quotes keep what is in them. python-dotenv takes comments off after white space alone and keeps what is
# quoted, but expands ${NAME} in single quotes too, which a shell, and Docker's compose of today, keep as they are.
# Why it matters for whoever monitors websites: a mail server's password or a webhook's secret that is cut at its number
# sign is a valid password of another length: the monitor starts, and its alerts are refused when the first is sent.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-input django-environ==0.14.0 python-dotenv==1.2.4 2>pip.log || { cat pip.log >&2; exit 1; }
cat >check.py <<'PYTHON'
import io, sys

import environ
from dotenv import dotenv_values

LINES = {
    "plain": "A=8080 # web",
    "quoted": 'A="s3cret" # of the mail server',
    "hash": "A=abc#def",
    "double": 'A="p#ss word"',
    "single": "A='p#ss word'",
    "dollar": "A='p${NOBODY}ss'",
}


def by_environ(line, **options):
    class Env(environ.Env):
        ENVIRON = {}

    Env.read_env(io.StringIO(line), **options)
    return Env.ENVIRON["A"]


found = {
    name: (by_environ(line), by_environ(line, parse_comments=True), dotenv_values(stream=io.StringIO(line))["A"])
    for name, line in LINES.items()
}
for name, values in found.items():
    print("%-34s django-environ %-34r parse_comments %-14r python-dotenv %r" % (LINES[name], *values))
holds = found == {
    "plain": ("8080 # web", "8080 ", "8080"),
    "quoted": ('"s3cret" # of the mail server', '"s3cret" ', "s3cret"),
    "hash": ("abc#def", "abc", "abc#def"),
    "double": ("p#ss word", '"p', "p#ss word"),
    "single": ("p#ss word", "p#ss word", "p#ss word"),
    "dollar": ("p${NOBODY}ss", "p${NOBODY}ss", "pss"),
}
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
venv/bin/python check.py
