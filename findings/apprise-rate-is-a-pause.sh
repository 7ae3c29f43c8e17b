#!/bin/bash
# Apprise 2.3.0: request_rate_per_sec of a service is no rate but a pause, in seconds, before the next request of the same object;
# it is 5.5 for every service that says nothing else (PagerDuty among them), and it is slept in notify().
# Why it matters for whoever monitors websites: the second of two messages, or a service with several recipients, takes seconds
# with nothing on the wire; a deadline around notify() of 15 s is met by three requests and missed by the fourth.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-input apprise==2.3.0 requests==2.34.2 urllib3==2.8.0 2>pip.log || { cat pip.log >&2; exit 1; }
cat >check.py <<'PYTHON'
import logging, sys, time

import apprise
import requests

logging.disable(logging.CRITICAL)


def answer(self, request, **_):
    response = requests.Response()
    response.status_code, response.request, response.url = 202, request, request.url
    response._content = b"{}"
    return response


requests.adapters.HTTPAdapter.send = answer
print("apprise", apprise.__version__)
service = apprise.Apprise()
service.add("pagerduty://routing@token")
taken = []
for _ in range(2):
    begun = time.monotonic()
    assert service.notify(body="example.org is down")
    taken.append(time.monotonic() - begun)
rate = service[0].request_rate_per_sec
print(f"request_rate_per_sec {rate}; first notify() {taken[0]:.1f} s, second {taken[1]:.1f} s")
holds = rate == 5.5 and taken[0] < 2 and taken[1] > 4
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
exec_code=0
venv/bin/python check.py || exec_code=$?
exit "$exec_code"
