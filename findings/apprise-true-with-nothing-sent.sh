#!/bin/bash
# Apprise 2.3.0 maps its kinds of messages to actions for Opsgenie and Jira: info (the default) to a note, success to closing.
# Notes and closing are for alerts that the same object has opened before; where there is none, nothing is sent, and notify()
# is True. So a test message, and every end sent after a restart, are "delivered" without a request. Where there is one, the
# alert is named by the id of the request that opened it (identifierType=id), which is no alert's id.
# Why it matters for whoever monitors websites: the on-call channel passes its test, and nothing that it opened is ever closed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-input apprise==2.3.0 requests==2.34.2 urllib3==2.8.0 2>pip.log || { cat pip.log >&2; exit 1; }
cat >check.py <<'PYTHON'
import json, logging, sys

import apprise
import requests

logging.disable(logging.CRITICAL)
sent = []


def answer(self, request, **_):
    sent.append(request.path_url)
    response = requests.Response()
    response.status_code, response.request, response.url = 202, request, request.url
    response._content = json.dumps({"result": "Request will be processed", "requestId": "a-request"}).encode()
    return response


requests.adapters.HTTPAdapter.send = answer
print("apprise", apprise.__version__)
holds = True
for url in ("opsgenie://" + "a" * 36, "jira://" + "a" * 192):
    name = url.split(":")[0]
    for kind in ("info", "success", "failure"):
        service = apprise.Apprise()
        assert service.add(url), name
        sent.clear()
        said = bool(service.notify(title="example.org", body="example.org: test", notify_type=kind))
        print(f"{name}, {kind}: notify() is {said}, {len(sent)} requests")
        holds = holds and said and len(sent) == (kind == "failure")
    sent.clear()
    service.notify(title="example.org", body="up again", notify_type="success")
    print(f"{name}, success after failure from the same object: {sent}")
    holds = holds and len(sent) == 1 and sent[0].endswith("/a-request/close?identifierType=id")
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
exec_code=0
venv/bin/python check.py || exec_code=$?
exit "$exec_code"
