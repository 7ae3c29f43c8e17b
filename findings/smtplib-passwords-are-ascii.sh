#!/bin/bash
# Python's smtplib encodes user name and password as ASCII, whatever the mechanism, where RFC 4616 (PLAIN) and RFC 4954 have UTF-8: a
# password with one letter beyond ASCII raises UnicodeEncodeError out of login(), which is neither an SMTPException nor an
# OSError (Django 5.2.9's SMTP backend, too, with fail_silently or without).
# Why it matters for whoever monitors websites: what is caught around sending mail are the errors of networks and of SMTP;
# this one ends the program that sends alerts, and no connection test without a login shows it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-input django==5.2.9 2>pip.log || { cat pip.log >&2; exit 1; }
cat >check.py <<'PYTHON'
import smtplib, socket, sys, threading

import django
from django.conf import settings
from django.core.mail import EmailMessage, get_connection


def server(mechanism):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                word = line.split()[0].upper()
                reply = {b"EHLO": b"250-here\r\n250 AUTH " + mechanism, b"AUTH": b"334 UGFzc3dvcmQ6"}.get(word, b"250 fine")
                connection.sendall(reply + b"\r\n")

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def raised(act):
    try:
        act()
    except Exception as error:
        return type(error).__name__, isinstance(error, (smtplib.SMTPException, OSError))
    return None


settings.configure()
print("django", django.__version__, "Python", sys.version.split()[0])
seen = {}
for mechanism in (b"PLAIN", b"LOGIN", b"CRAM-MD5"):
    client = smtplib.SMTP("127.0.0.1", server(mechanism), local_hostname="monitor.example.org", timeout=5)
    seen[mechanism.decode()] = raised(lambda: client.login("ann", "p\u00e4ssword"))
backend = get_connection(
    "django.core.mail.backends.smtp.EmailBackend",
    fail_silently=True, host="127.0.0.1", port=server(b"PLAIN"), username="ann", password="p\u00e4ssword",
)
seen["Django"] = raised(lambda: EmailMessage("s", "b", "a@example.org", ["b@example.org"], connection=backend).send())
for name, result in seen.items():
    print(f"{name}: raises {result and result[0]}, an SMTPException or OSError: {result and result[1]}")
holds = set(seen.values()) == {("UnicodeEncodeError", False)}
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
exec_code=0
venv/bin/python check.py || exec_code=$?
exit "$exec_code"
