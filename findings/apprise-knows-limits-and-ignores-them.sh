#!/bin/bash
# Apprise 2.3.0 knows how long a message of each service may be (body_maxlen: Discord 2000, Telegram 4096, PagerDuty 1024), and
# by default sends longer ones as they are ("overflow=upstream"). The service refuses these with 400, as often as they are sent.
# Why it matters for whoever monitors websites: messages are short on quiet days; the one about forty websites at once is the
# one that is refused. Cut the text, or add ?overflow=split (many messages) or ?overflow=truncate (the end is lost).
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
    body = json.loads(request.body)
    sent.append(len(body.get("content") or body.get("text") or body["payload"]["summary"]))
    response = requests.Response()
    response.status_code, response.request, response.url = 200, request, request.url
    response._content = b'{"ok": true}'
    return response


requests.adapters.HTTPAdapter.send = answer
print("apprise", apprise.__version__)
body = "\n".join(f"https://shop-{number:03d}.example.org/health: status 503" for number in range(120))
holds = True
for url in (
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "pagerduty://routing@token",
):
    service = apprise.Apprise.instantiate(url)
    sent.clear()
    all_of_it = apprise.Apprise()
    all_of_it.add(service)
    all_of_it.notify(body=body)
    print(f"{url.split(':')[0]}: at most {service.body_maxlen} by the plugin, sent {sent}")
    holds = holds and len(sent) == 1 and sent[0] > service.body_maxlen
print("as described" if holds else "THE BEHAVIOUR HAS CHANGED")
sys.exit(not holds)
PYTHON
exec_code=0
venv/bin/python check.py || exec_code=$?
exit "$exec_code"
