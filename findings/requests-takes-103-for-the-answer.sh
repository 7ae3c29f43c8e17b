#!/bin/bash
# Python's http.client passes over "100 Continue" and takes any other 1xx for the answer (seen with 3.11); requests 2.34.2 and
# urllib3 2.8.0 build on it. Of "103 Early Hints" (or "102 Processing") and then "200 OK", a program sees status 103, no error, an
# empty body, and response.ok is True, as it is below 400. RFC 9110, section 15.2: a client reads on.
# Why it matters for whoever monitors websites: behind a server that sends early hints, a check that wants 200 sees 103 and a
# webhook that was taken looks refused (or the reverse: what comes after the 103 may be a 503, and "ok" says that all is well).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-input requests==2.34.2 urllib3==2.8.0 2>pip.log || { cat pip.log >&2; exit 1; }
cat >check.py <<'PYTHON'
import socket, sys, threading

import requests


def run(announcement, answer):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(announcement + answer)

    threading.Thread(target=serve, daemon=True).start()
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=5)
    listener.close()
    return response.status_code, response.ok, response.content


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
print("requests", requests.__version__, "Python", sys.version.split()[0])
seen = {
    "100, then 200": run(b"HTTP/1.1 100 Continue\r\n\r\n", OK),
    "102, then 200": run(b"HTTP/1.1 102 Processing\r\n\r\n", OK),
    "103, then 200": run(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n", OK),
    "103, then 503": run(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n", BUSY),
}
for name, result in seen.items():
    print(f"{name}: status, ok, body = {result}")
holds = list(seen.values()) == [(200, True, b"hi"), (102, True, b""), (103, True, b""), (103, True, b"")]
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
exec_code=0
venv/bin/python check.py || exec_code=$?
exit "$exec_code"
